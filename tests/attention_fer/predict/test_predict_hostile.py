"""Files, names, arguments and moments that do not fit: nothing is lost, and errors are one line."""

import csv
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from attention_fer.common.files import sha256
from attention_fer.predict import Predictor
from attention_fer.predict import __main__ as command
from attention_fer.predict.tables.draft import Draft

PROJECT = Path(__file__).resolve().parents[3]
WHOLE = ["--detector", "none"]


def main(*arguments):
    return command.main([*map(str, arguments), *WHOLE])


def started(*arguments, **settings):
    """The command in a process of its own."""
    code = [sys.executable, "-m", "attention_fer.predict", *map(str, arguments), *WHOLE]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), **settings.pop("env", {})}
    return subprocess.Popen(code, env=environment, stderr=subprocess.PIPE, **settings)


def inputs_of(text):
    return [row["input"] for row in csv.DictReader(io.StringIO(text))]


@pytest.mark.parametrize(
    "given",
    [["faces/a.png"], ["faces/a.png", "faces/b.png"], ["faces", "other"], ["other/link.png"]],
    ids=" ".join,
)
def test_drawings_never_replace_photographs(tmp_path, portrait, monkeypatch, capsys, given):
    for place in ("faces/a.png", "faces/b.png", "other/c.png"):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        Image.fromarray(portrait).save(tmp_path / place)
    (tmp_path / "other" / "link.png").symlink_to(tmp_path / "faces" / "a.png")
    before = {path: sha256(path) for path in tmp_path.rglob("*.png")}
    monkeypatch.chdir(tmp_path)
    assert main(*given, "--annotate", ".") == 2
    assert "apart from the photographs" in capsys.readouterr().err
    assert {path: sha256(path) for path in tmp_path.rglob("*.png")} == before
    assert main(*given, "--annotate", "drawn") == 0
    assert {path: sha256(path) for path in before} == before
    assert (tmp_path / "drawn" / given[0]).exists()


def test_two_pictures_never_share_a_drawing(tmp_path, portrait, capsys):
    folder = tmp_path / "faces"
    folder.mkdir()
    Image.fromarray(portrait).save(folder / "a.gif")
    Image.fromarray(portrait).save(folder / "a.gif.png")
    assert main(folder, "--annotate", tmp_path / "drawn") == 2
    assert "a.gif and a.gif.png would both become" in capsys.readouterr().err
    assert not (tmp_path / "drawn").exists()
    (folder / "a.gif").write_text("not drawn, since it cannot be read")
    (folder / "a.gif.png").rename(folder / "b.gif.png")
    assert main(folder, "--annotate", tmp_path / "drawn") == 0
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["b.gif.png"]


@pytest.mark.parametrize(
    "given", [[""], ["b.png", ""], *(["b.png", name, ""] for name in ("--out", "--annotate"))]
)
def test_empty_text_is_not_the_current_folder(photographs, monkeypatch, capsys, given):
    monkeypatch.chdir(photographs)
    before = sorted(photographs.rglob("*"))
    assert main(*given) == 2
    assert "must not be empty" in capsys.readouterr().err
    assert main("b.png", "--model", "") == 2
    assert "Unknown model: ''" in capsys.readouterr().err
    assert sorted(photographs.rglob("*")) == before


def test_what_several_paths_lead_to_is_predicted_once(photographs, monkeypatch, capsys):
    monkeypatch.chdir(photographs)
    (photographs.parent / "link.png").symlink_to(photographs / "b.png")
    assert main(".", "b.png", "./b.png", "../link.png", "sub", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    twice = {row["input"]: row["reason"] for row in rows if "read already" in row["reason"]}
    assert twice == {
        "b.png": "file read already: as ./b.png",
        "./b.png": "file read already: as ./b.png",
        "../link.png": "file read already: as ./b.png",
        "sub/笑顔 😀, =1.png": "file read already: as ./sub/笑顔 😀, =1.png",
    }
    assert sum(row["success"] == "1" for row in rows) == 5


def test_an_archive_that_two_paths_lead_to_is_read_once(photographs, tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.write(photographs / "b.png", "sub/b.png")
    (tmp_path / "link.zip").symlink_to(tmp_path / "a.zip")
    given = tmp_path / "a.zip", photographs / "b.png", tmp_path / "link.zip"
    assert main(*given, "--annotate", tmp_path / "drawn", "--format", "csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["success"] for row in rows] == ["1", "1", "0"]
    assert rows[2]["reason"].startswith("file read already: as ")
    assert len(list((tmp_path / "drawn").rglob("b.png"))) == 2


@pytest.mark.skipif(not os.path.isfile("/proc/self/mem"), reason="needs Linux")
def test_a_file_that_cannot_be_opened_is_a_row(photographs, capsys):
    """The start of the memory of a process is a file that exists and cannot be read."""
    assert main("/proc/self/mem", photographs / "b.png", "--format", "csv") == 0
    broken, good = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert broken["reason"].startswith("unreadable file: ") and good["success"] == "1"
    assert main("/proc/self/mem") == 1


def test_two_runs_never_write_one_table(photographs, tmp_path, capsys):
    out = tmp_path / "table.csv"
    with Draft(out, {"of": "another run"}) as other:
        other.append([], [])
        held = other.path.read_bytes()
        assert main(photographs, "--out", out) == 2
        assert "Another run is writing" in capsys.readouterr().err
        assert other.path.read_bytes() == held and not out.exists()
        assert main(photographs, "--out", tmp_path / "own.csv") == 0
    assert main(photographs, "--out", out) == 0
    assert out.read_bytes() == (tmp_path / "own.csv").read_bytes()
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_tables_in_a_pipe_are_those_of_files(photographs, tmp_path, form):
    """Windows and old systems give pipes an encoding that lacks most letters."""
    run = started(
        photographs,
        *("--format", form),
        env={"PYTHONIOENCODING": "cp1252"},
        stdout=subprocess.PIPE,
    )
    told, errors = run.communicate()
    assert run.returncode == 0, errors
    assert main(photographs, "--out", tmp_path / f"a.{form}") == 0
    assert told == (tmp_path / f"a.{form}").read_bytes()
    if form == "jsonl":
        assert "sub/笑顔 😀, =1.png" in [json.loads(line)["input"] for line in told.splitlines()]


@pytest.mark.parametrize("form", ["csv", "text"])
def test_nobody_reads_on(photographs, form):
    run = started(photographs, "--format", form, stdout=subprocess.PIPE)
    run.stdout.close()
    errors = run.stderr.read().decode()
    assert run.wait() == 141 and "rror" not in errors and "Broken pipe" not in errors
    run.stderr.close()


@pytest.mark.skipif(os.name == "nt", reason="needs a shell of Unix")
def test_without_a_standard_output_a_file_is_asked_for(photographs):
    code = f"{sys.executable} -m attention_fer.predict {photographs} --detector none >&-"
    run = subprocess.run(
        code, shell=True, cwd=PROJECT, stderr=subprocess.PIPE, text=True, check=False
    )
    assert run.returncode == 2 and "Give --out FILE" in run.stderr
    assert len(run.stderr.splitlines()) == 1


def test_names_do_not_reach_the_terminal_as_commands(tmp_path, portrait, capsys):
    for name in ("a\x1b[2J.png", "b\x1b[2J.txt", "c\u200d😀\x9b.png"):
        Image.fromarray(portrait).save(tmp_path / name, "PNG")
    assert main(tmp_path) == 0
    told = capsys.readouterr()
    assert "a\\x1b[2J.png: " in told.out and "c\u200d😀\\x9b.png: " in told.out
    assert "b\\x1b[2J.txt" in told.err and not {"\x1b", "\x9b"} & {*told.out, *told.err}
    assert main(tmp_path, "--format", "csv") == 0
    assert "a\x1b[2J.png" in inputs_of(capsys.readouterr().out)


def test_an_opened_file_is_one_picture(photographs):
    predictor = Predictor(detector="none")
    (expected,) = predictor.predict(photographs / "b.png")
    with open(photographs / "b.png", "rb") as stream:
        (row,) = predictor.predict(stream)
    (second,) = predictor.predict([io.BytesIO((photographs / "b.png").read_bytes())])
    assert row.probabilities == second.probabilities == expected.probabilities
    with open(photographs / "text.jpg") as stream, pytest.raises(TypeError, match="got str"):
        predictor.predict(stream)


def test_a_picture_of_no_pixels_is_unreadable():
    (row,) = Predictor(detector="none").predict(Image.new("RGB", (0, 3)))
    assert row.reason == "undecodable image" and row.detail == "0 x 3 pixels"


def test_names_as_long_as_a_file_system_allows_are_drawn(tmp_path, portrait):
    folder = tmp_path / "faces"
    folder.mkdir()
    names = {"a" * 251 + ".png", "笑" * 83 + ".png"}
    for name in names:
        Image.fromarray(portrait).save(folder / name)
    assert main(folder, "--annotate", tmp_path / "drawn") == 0
    assert {path.name for path in (tmp_path / "drawn").iterdir()} == names


def test_a_table_keeps_its_manifest(photographs, tmp_path, capsys):
    first, second = tmp_path / "a.csv", tmp_path / "a.jsonl"
    for _ in range(2):
        assert main(photographs, "--out", first) == 0
    kept = (tmp_path / "a.manifest.json").read_bytes()
    assert main(photographs, "--out", second) == 2
    assert "belongs to a.csv" in capsys.readouterr().err
    assert (tmp_path / "a.manifest.json").read_bytes() == kept and not second.exists()
    first.unlink()
    assert main(photographs, "--out", second) == 0
    (tmp_path / "a.manifest.json").write_text("[]")
    assert main(photographs, "--out", first) == 0


@pytest.mark.parametrize("given", [["--out", "a.csv"], ["--camera", "0"], ["--format", "csv"]])
def test_the_self_test_writes_nothing(given, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main("--self-test", *given) == 2
    assert f"{given[0]} has no effect with --self-test" in capsys.readouterr().err
    assert main("--self-test") == 0 and not list(tmp_path.iterdir())
