"""The command: tables, manifests, drawings, resuming, exit codes."""

import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attention_fer import cli
from attention_fer.common.files import sha256
from attention_fer.predict import __main__ as command
from attention_fer.predict.command import outputs, work
from attention_fer.predict.rows import columns

PROJECT = Path(__file__).resolve().parents[3]
CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
DETECTOR = ["--detector", "cascade"]


def main(*arguments):
    return command.main([*map(str, arguments), *DETECTOR])


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_folder_becomes_one_table(photographs, tmp_path, capsys):
    out = tmp_path / "new" / "results.csv"
    assert main(photographs, "--out", out) == 0
    rows = rows_of(out)
    assert tuple(rows[0]) == columns(CLASSES)
    by_input = {row["input"]: row for row in rows}
    assert list(by_input) == sorted(by_input) and len(rows) == 8 and len(by_input) == 7
    two = [row for row in rows if row["input"] == "two.png"]
    assert [row["face_id"] for row in two] == ["0", "1"]
    for row in rows:
        if row["success"] == "1":
            assert math.isclose(sum(float(row[name]) for name in CLASSES), 1, abs_tol=1e-12)
            assert row["label"] == max(CLASSES, key=lambda name: float(row[name])) == "happy"
        else:
            assert row["reason"] and not any(row[name] for name in (*CLASSES, "label", "x"))
    assert by_input["empty.png"]["reason"].startswith("no face found")
    assert by_input["cut.jpg"]["reason"].startswith("undecodable image: ")
    assert "5 faces in 4 of 8 files" in capsys.readouterr().out
    assert sorted(path.name for path in out.parent.iterdir()) == [
        "results.csv",
        "results.manifest.json",
    ]


def test_the_manifest_says_what_was_done_and_adds_up(photographs, tmp_path):
    out = tmp_path / "results.jsonl"
    assert main(photographs, "--out", out, "--largest", "--min-size", "30") == 0
    manifest = json.loads((tmp_path / "results.manifest.json").read_text())
    counts = manifest["counts"]
    assert counts["skipped"] == {
        "no face found": 1,
        "not a picture": 1,
        "undecodable image": 1,
        "unsupported image format": 1,
    }
    assert (counts["seen"], counts["used"], counts["faces"]) == (8, 4, 4)
    assert counts["seen"] == counts["used"] + sum(counts["skipped"].values())
    assert manifest["table"]["rows"] == 7 == len(out.read_text().splitlines())
    assert manifest["table"]["sha256"] == sha256(out)
    assert manifest["table"]["columns"] == list(columns(CLASSES))
    assert manifest["detector"]["name"] == "cascade" and manifest["detector"]["min_size"] == 30
    assert manifest["detector"]["select"] == "largest"
    assert manifest["model"]["classes"] == list(CLASSES)
    assert manifest["versions"]["numpy"] == np.__version__
    assert "not what the people feel" in manifest["meaning"]


def test_all_formats_hold_the_same(photographs, tmp_path):
    for name in ("a.csv", "b.jsonl"):
        assert main(photographs, "--out", tmp_path / name) == 0
    table = rows_of(tmp_path / "a.csv")
    lines = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text("utf-8").splitlines()]
    assert [tuple(line) for line in lines] == [columns(CLASSES)] * len(table)
    for row, line in zip(table, lines, strict=True):
        assert row == {name: "" if v is None else str(v) for name, v in line.items()}


def test_a_table_as_parquet(photographs, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow")
    assert main(photographs, "--out", tmp_path / "a.parquet") == 0
    assert main(photographs, "--out", tmp_path / "b.jsonl") == 0
    found = parquet.read_table(tmp_path / "a.parquet")
    lines = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text("utf-8").splitlines()]
    assert found.to_pylist() == lines and tuple(found.column_names) == columns(CLASSES)
    empty = tmp_path / "empty"
    empty.mkdir()
    Image.new("L", (200, 200)).save(empty / "a.png")
    assert main(empty, "--out", tmp_path / "c.parquet") == 0
    assert parquet.read_schema(tmp_path / "c.parquet").equals(found.schema)


def test_without_pyarrow_the_error_says_what_to_install(photographs, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert main(photographs, "--out", tmp_path / "a.parquet") == 2
    assert "pip install pyarrow" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.parquet"))


def test_a_photograph_alone_is_told_in_a_line(photographs, capsys):
    assert main(photographs / "b.png") == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith(f"{photographs}/b.png: happy 9") and "face 0 at " in line
    assert main(photographs / "b.png", photographs / "empty.png", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["label"] for row in rows] == ["happy", ""]


def test_an_interrupted_run_resumes_to_the_same_bytes(photographs, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(work, "BATCH", 2)
    whole, out = tmp_path / "whole.csv", tmp_path / "cut.csv"
    assert main(photographs, "--out", whole, "--annotate", tmp_path / "whole") == 0
    groups = work.PictureWork.groups

    def killed(self, *given):
        yield from list(groups(self, *given))[:2]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(work.PictureWork, "groups", killed)
        assert main(photographs, "--out", out, "--annotate", tmp_path / "cut") == 130
    assert not out.exists() and "rerun the same command" in capsys.readouterr().err
    (draft,) = tmp_path.glob(".cut.csv.draft")
    with open(draft, "a") as stream:
        stream.write('[[["torn"')  # what a power cut leaves
    read = []

    def watched(self, done, stored):
        read.append(done)
        yield from groups(self, done, stored)

    with monkeypatch.context() as patch:
        patch.setattr(work.PictureWork, "groups", watched)
        assert main(photographs, "--out", out, "--annotate", tmp_path / "cut") == 0
    assert read == [4] and "4 files are already done" in capsys.readouterr().err
    assert out.read_bytes() == whole.read_bytes()
    assert not draft.exists()
    first, second = (tmp_path / f"{name}.manifest.json" for name in ("whole", "cut"))
    same = first.read_text().replace("whole", "cut")
    assert same == second.read_text()


def test_what_belongs_to_other_settings_is_not_resumed(photographs, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.csv"

    def nothing(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(outputs, "write_table", nothing)
        assert main(photographs, "--out", out) == 130
    assert main(photographs, "--out", out, "--largest") == 0
    assert "is discarded" in capsys.readouterr().err
    assert len(rows_of(out)) == 7


@pytest.mark.slow
def test_control_c_stops_cleanly_and_the_command_resumes(tmp_path, portrait):
    folder = tmp_path / "many"
    folder.mkdir()
    large = Image.fromarray(portrait).resize((1500, 1500))
    for number in range(60):
        large.save(folder / f"{number:02}.jpg")
    arguments = [sys.executable, "-m", "attention_fer.predict", str(folder), *DETECTOR, "--out"]
    settings = {"cwd": PROJECT, "env": {**os.environ, "PYTHONPATH": str(PROJECT)}}
    subprocess.run([*arguments, str(tmp_path / "whole.csv")], check=True, **settings)
    started = subprocess.Popen([*arguments, str(tmp_path / "cut.csv")], **settings)
    draft = tmp_path / ".cut.csv.draft"
    while not (draft.exists() and draft.read_bytes().count(b"\n") > 1):
        assert started.poll() is None
        time.sleep(0.01)
    started.send_signal(signal.SIGINT)
    assert started.wait() == 130
    done = subprocess.run(
        [*arguments, str(tmp_path / "cut.csv")],
        check=True,
        stderr=subprocess.PIPE,
        text=True,
        **settings,
    )
    assert "are already done" in done.stderr
    assert (tmp_path / "cut.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


def test_drawings_are_copies_of_the_same_size(photographs, tmp_path, capsys):
    before = {path: sha256(path) for path in photographs.rglob("*.*")}
    drawn = tmp_path / "drawn"
    assert main(photographs, "--annotate", drawn) == 0
    capsys.readouterr()
    names = {path.relative_to(drawn).as_posix() for path in drawn.rglob("*.*")}
    assert names == {"a.png", "b.png", "two.png", "empty.png", "sub/笑顔 😀, =1.png"}
    for name in names:
        with Image.open(photographs / name) as source, Image.open(drawn / name) as copy:
            assert source.size == copy.size
            changed = (np.asarray(source) != np.asarray(copy)).any(axis=2)
        if name == "empty.png":
            assert not changed.any()
        else:  # lines and a label, no more
            assert 0.005 < changed.mean() < 0.1
    with Image.open(drawn / "b.png") as copy:
        assert copy.getpixel((93, 90)) == (255, 210, 0)  # the left side of the box
    assert {path: sha256(path) for path in photographs.rglob("*.*")} == before
    for folder in (photographs, photographs / "sub", photographs / "new"):
        assert main(photographs, "--annotate", folder) == 2
        assert "apart from the photographs" in capsys.readouterr().err


def test_exit_codes(photographs, tmp_path, capsys):
    assert main(photographs) == 0
    assert main(photographs, "--strict") == 1
    assert main(photographs / "b.png", "--strict") == 0
    assert main(photographs / "empty.png") == 0
    assert main(photographs / "text.jpg") == 1
    capsys.readouterr()
    wrong = [
        ([], "INPUT must be"),
        ([tmp_path / "nowhere"], "No file or directory"),
        ([photographs, "--out", "table.xlsx"], ".csv, .jsonl, .parquet"),
        ([photographs, "--out", "a.csv", "--format", "csv"], "--format has no effect"),
        ([photographs, "--columns", "openfase", "--out", "a.csv"], "'openface'"),
        ([photographs, "--columns", "pyfeat"], "--columns has no effect on text"),
        ([photographs, "--model", "net.onnx"], "No model at 'net.onnx'"),
        ([photographs, "--threads", "0"], "threads"),
    ]
    for arguments, words in wrong:
        assert main(*arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ") and words in line


def test_help_says_what_it_is_not_for(capsys):
    with pytest.raises(SystemExit):
        cli.main(["predict", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "attention-fer predict photo.jpg" in text
    for words in (
        "does not say what a person feels",
        "hiring",
        "education",
        "policing",
        "diagnosis",
    ):
        assert words in text


def test_it_starts_quickly_where_nothing_can_be_written(photographs, tmp_path):
    """Without a home that can be written, and without Keras or OpenCV being loaded."""
    home = tmp_path / "home"
    home.mkdir(mode=0o500)
    picture = photographs / "b.png"
    code = (
        "import sys, attention_fer.cli as cli\n"
        f"status = cli.main(['predict', {str(picture)!r}, '--detector', 'none'])\n"
        "print(status, *sorted({'keras', 'cv2', 'sklearn', 'matplotlib', 'rich'} & {*sys.modules}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "HOME": str(home)}
    environment["http_proxy"] = environment["https_proxy"] = "http://127.0.0.1:9"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
        check=False,
    )
    said, loaded = done.stdout.splitlines()
    assert f"{picture}: " in said and loaded == "0", done.stderr
    assert list(home.iterdir()) == []
