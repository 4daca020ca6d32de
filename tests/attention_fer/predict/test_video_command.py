"""Videos from end to end: tables, annotated videos, resuming, what is refused."""

import csv
import json
import math
import signal
import subprocess
import sys
import time

import cv2
import made_videos
import numpy as np
import pytest

from attention_fer.predict import Predictor
from attention_fer.predict import __main__ as command
from attention_fer.predict.command import video_work
from attention_fer.predict.rows import columns
from attention_fer.predict.video import VideoFile

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


WITH = ("--detector", "cascade")


def main(*arguments):
    return command.main([*map(str, arguments), *WITH])


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def faces(portrait):
    """60 frames of a face that moves; every other five are black."""
    frames = []
    for number in range(60):
        frame = np.zeros((240, 320, 3), "uint8")
        if number // 5 % 2 == 0:
            frame[:, number : number + 256] = portrait[:240]
        frames.append(frame)
    return frames


@pytest.fixture(scope="module")
def clip(tmp_path_factory, faces):
    return made_videos.write(tmp_path_factory.mktemp("clip") / "clip.avi", faces)


@pytest.fixture(scope="module")
def table(clip, tmp_path_factory):
    """The rows of the whole clip, and where they lie."""
    out = tmp_path_factory.mktemp("table") / "clip.csv"
    assert main(clip, "--out", out, "--smooth", "0.5") == 0
    return rows_of(out), out


def test_every_frame_has_its_row_and_its_time(table, clip, predictor):
    rows, out = table
    assert [int(row["frame"]) for row in rows] == list(range(60))
    assert tuple(rows[0]) == columns(CLASSES, smoothed=True)
    assert float(rows[59]["timestamp_s"]) == pytest.approx(1.9686, abs=1e-4)
    for number, (row, frame) in enumerate(zip(rows, VideoFile(clip).frames(), strict=True)):
        assert abs(float(row["timestamp_s"]) - number / 29.97) < 1e-3
        if number // 5 % 2:
            assert row["success"] == "0" and row["reason"].startswith("no face found")
            assert not any(row[name] for name in ("label", "x", "happy", "smoothed_happy"))
        else:
            (alone,) = predictor.predict(frame.pixels)
            assert row["label"] == alone.label and row["face_id"] == "0"
            assert float(row["x"]) == alone.x and float(row["width"]) == alone.width
            for name in CLASSES:
                assert float(row[name]) == pytest.approx(alone.probabilities[name], abs=1e-5)
    manifest = json.loads(out.with_name("clip.manifest.json").read_text())
    assert manifest["counts"] == {
        "seen": 60,
        "used": 30,
        "skipped": {"no face found": 30},
        "faces": 30,
    }
    assert manifest["smooth"] == 0.5 and manifest["opencv"] == cv2.__version__
    assert manifest["videos"] == [
        {"name": str(clip), "rate": 29.97, "announced": 60, "size": [320, 240]}
    ]


def test_the_table_has_the_chosen_frames_of_the_whole_one(table, clip, tmp_path):
    whole = {row["frame"]: row for row in table[0]}
    out = tmp_path / "some.csv"
    assert main(clip, "--out", out, "--every", 3, "--start", "0:00:00.5", "--end", "1.2") == 0
    rows = rows_of(out)
    assert [int(row["frame"]) for row in rows] == list(range(15, 36, 3))
    for row in rows:
        same = ("timestamp_s", "success", "reason", "x", "y", "label")
        assert {name: row[name] for name in same} == {n: whole[row["frame"]][n] for n in same}
    assert main(clip, "--out", out, "--fps", 2) == 0
    assert [int(row["frame"]) for row in rows_of(out)] == [0, 15, 30, 45]


def test_changes_are_differences_from_each_face_itself(table, clip, tmp_path, capsys):
    out = tmp_path / "changes.csv"
    assert main(clip, "--out", out, "--baseline", "0:00:00-0.1", "--columns", "deepface") == 0
    assert "have no expression" not in capsys.readouterr().err
    rows, plain = rows_of(out), [row for row in table[0] if row["success"] == "1"]
    mean = {name: np.mean([float(row[name]) for row in plain[:3]]) for name in CLASSES}
    found = [row for row in rows if row["success"] == "1"]
    for row, same in zip(found, plain, strict=True):
        for name in CLASSES:
            assert float(row[f"change_emotion.{name}"]) == pytest.approx(
                100 * (float(same[name]) - mean[name]), abs=1e-3
            )
    assert any(abs(float(row["change_emotion.happy"])) > 0.1 for row in found)
    assert not any(row["change_emotion.happy"] for row in rows if row["success"] == "0")
    assert json.loads(out.with_name("changes.manifest.json").read_text())["baseline"] == [0, 0.1]


def test_a_face_that_is_not_in_the_baseline_has_no_changes(clip, tmp_path, capsys):
    out = tmp_path / "changes.csv"
    assert main(clip, "--out", out, "--baseline", "0.17-0.3", "--end", "0.5") == 0
    assert "1 of 1 faces have no expression from 0.17 to 0.3 s" in capsys.readouterr().err
    rows = rows_of(out)
    assert any(row["happy"] for row in rows) and not any(row["change_happy"] for row in rows)


def test_a_turned_video_gives_upright_boxes_and_the_same_labels(faces, tmp_path, capsys):
    shown = made_videos.write(tmp_path / "shown.mp4", faces[:5])
    stored = made_videos.write(
        tmp_path / "stored.mp4", [np.ascontiguousarray(np.rot90(frame)) for frame in faces[:5]]
    )
    turned = made_videos.turned(stored, tmp_path / "turned.mp4", 90)
    for name, video in (("a", shown), ("b", turned)):
        arguments = ["--out", tmp_path / f"{name}.csv", "--annotate", tmp_path / f"{name}.mp4"]
        assert main(video, *arguments) == 0
    first, second = rows_of(tmp_path / "a.csv"), rows_of(tmp_path / "b.csv")
    for one, other in zip(first, second, strict=True):
        assert one["success"] == other["success"] == "1" and one["label"] == other["label"]
        assert abs(float(one["x"]) - float(other["x"])) < 8
        assert abs(float(one["width"]) - float(other["width"])) < 8
    assert VideoFile(tmp_path / "b.mp4").size == (320, 240)


def yellow(pixels):
    """Pixels that have about the colour of a box; encoding mixes thin lines with what is near."""
    red, green, blue = np.moveaxis(pixels.astype(int), -1, 0)
    return np.minimum(red, green) - blue > 80


def test_the_annotated_video_has_all_frames_at_their_size_and_rate(clip, table, tmp_path, capsys):
    out, drawn = tmp_path / "some.csv", tmp_path / "drawn.mp4"
    assert main(clip, "--out", tmp_path / "plain.csv", "--every", 3) == 0
    assert main(clip, "--out", out, "--every", 3, "--annotate", drawn) == 0
    assert out.read_bytes() == (tmp_path / "plain.csv").read_bytes()
    video = VideoFile(drawn)
    assert video.size == (320, 240) and video.rate == pytest.approx(29.97)
    frames, source = list(video.frames()), list(VideoFile(clip).frames())
    assert [frame.time for frame in frames] == [frame.time for frame in source]
    rows = {int(row["frame"]): row for row in rows_of(out)}
    for number, (frame, plain) in enumerate(zip(frames, source, strict=True)):
        row = rows[number - number % 3]  # boxes stay until the next frame that is analysed
        if row["success"] == "0":
            assert yellow(frame.pixels).sum() == 0
            assert np.abs(frame.pixels.astype(int) - plain.pixels).mean() < 6
        else:
            x, y = round(float(row["x"])), round(float(row["y"]))
            height = round(float(row["height"]))
            side = slice(y + 10, y + height - 10), slice(x - 1, x + 2)
            assert yellow(frame.pixels[side]).any(axis=1).mean() > 0.8
            assert yellow(plain.pixels[side]).any(axis=1).mean() < 0.2
    assert "no sound" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_few_frames_in_memory_give_the_same(clip, tmp_path, monkeypatch):
    """Groups of two frames, most of which hold no analysed one."""
    for name in ("many", "few"):
        paths = tmp_path / f"{name}.csv", tmp_path / f"{name}.mp4"
        assert main(clip, "--every", 25, "--out", paths[0], "--annotate", paths[1]) == 0
        monkeypatch.setattr(video_work, "GROUP_PIXELS", 2 * 320 * 240 * 3)
    many, few = rows_of(tmp_path / "many.csv"), rows_of(tmp_path / "few.csv")
    assert [row["frame"] for row in few] == ["0", "25", "50"]
    for one, other in zip(many, few, strict=True):
        for name in CLASSES:
            assert float(one.pop(name) or 0) == pytest.approx(float(other.pop(name) or 0))
        assert one["label"] == other["label"] and one["x"] == other["x"]
    assert (tmp_path / "many.mp4").read_bytes() == (tmp_path / "few.mp4").read_bytes()


def test_frames_of_a_varying_rate_are_shown_at_their_times(faces, tmp_path):
    plain = made_videos.write(tmp_path / "plain.mp4", made_videos.numbered(20))
    times = [0, 40, 80, 400, 440, 480, *range(500, 920, 30)]
    source = made_videos.with_times(plain, tmp_path / "source.mkv", times)
    assert main(source, "--annotate", tmp_path / "drawn.mp4", "--every", 100) == 0
    video = VideoFile(tmp_path / "drawn.mp4")
    assert video.rate == 60
    for frame in video.frames():
        number = made_videos.number_of(frame.pixels)
        end = times[number + 1] if number < 19 else math.inf
        assert times[number] - 9 < frame.time * 1000 < end + 9  # 9 ms: half a frame


@pytest.mark.parametrize("further", [["--smooth", "0.4"], ["--min-size", "200"]])
def test_an_interrupted_run_goes_on_to_the_same_bytes(clip, tmp_path, monkeypatch, capsys, further):
    options = ["--every", 2, *further]
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    files = {
        name: ["--out", tmp_path / name / "a.csv", "--annotate", tmp_path / name / "a.mp4"]
        for name in ("whole", "cut")
    }
    monkeypatch.setattr(video_work, "BATCH", 7)
    assert main(clip, *options, *files["whole"]) == 0
    rows, answered = Predictor.rows, []

    def counted(self, frames):
        if len(answered) == 14:
            raise KeyboardInterrupt
        found = rows(self, frames)
        answered.extend(found)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "rows", counted)
        assert main(clip, *options, *files["cut"]) == 130
    assert "rerun the same command to resume" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "cut").iterdir()] == [".a.csv.draft"]
    answered.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "rows", lambda *given: answered.extend(given[1]) or rows(*given))
        assert main(clip, *options, *files["cut"]) == 0
    assert "14 frames are already done" in capsys.readouterr().err
    assert [frame.number for frame in answered] == list(range(28, 60, 2))
    for name in ("a.csv", "a.mp4"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert len(list((tmp_path / "cut").iterdir())) == 3


def test_several_videos_are_one_table_with_numbers_of_their_own(clip, faces, tmp_path, capsys):
    two = made_videos.write(tmp_path / "two.mp4", [np.hstack([frame] * 2) for frame in faces[:3]])
    cut = tmp_path / "cut.avi"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    (tmp_path / "text.mov").write_text("no video")
    drawn, out = tmp_path / "drawn", tmp_path / "all.jsonl"
    videos = [two, tmp_path / "text.mov", cut]
    assert main(*videos, "--every", 2, "--out", out, "--annotate", drawn) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["input"] for row in rows] == sorted(
        (row["input"] for row in rows), key=[str(video) for video in videos].index
    )
    found = {(row["input"], row["frame"], row["face_id"]) for row in rows}
    assert {(str(two), 0, 0), (str(two), 0, 1), (str(two), 2, 1), (str(cut), 0, 0)} <= found
    (text,) = (row for row in rows if row["input"].endswith("text.mov"))
    assert text["reason"].startswith("undecodable video: ")
    last = rows[-1]
    assert last["reason"].startswith("video ended early: ") and "announces 60" in last["reason"]
    assert last["frame"] == rows[-2]["frame"] + 1 or last["frame"] == rows[-2]["frame"] + 2
    assert last["timestamp_s"] is None
    assert sorted(path.name for path in drawn.iterdir()) == ["cut.mp4", "two.mp4"]
    assert main(tmp_path / "text.mov") == 1
    assert main(cut) == 0 and main(cut, "--strict") == 1


def test_python_reads_videos_like_other_paths(clip, table, predictor):
    rows = predictor.predict(str(clip))
    assert [row.frame for row in rows] == list(range(60))
    assert [row.label for row in rows] == [row["label"] for row in table[0]]


def test_what_has_no_effect_or_would_overwrite_is_refused(clip, photographs, tmp_path, capsys):
    video = made_videos.write(tmp_path / "clip.mp4", made_videos.numbered(2))
    picture = photographs / "b.png"
    wrong = [
        ([picture, "--every", 2], "--every has no effect on photographs"),
        ([picture, "--smooth", 1], "--smooth has no effect on photographs"),
        ([picture, "--out", "a.csv", "--baseline", "0-1"], "--baseline has no effect on photograp"),
        ([clip, "--baseline", "0-1"], "--baseline needs --out"),
        ([clip, "--out", "a.csv", "--baseline", "5"], "--baseline must be START-END"),
        ([clip, "--out", "a.csv", "--baseline", "5-1"], "end must be after start"),
        ([clip, "--out", "a.csv", "--baseline", "a-b"], "--baseline must be seconds or h:mm:ss"),
        ([clip, "--seconds", 2], "--seconds has no effect on videos"),
        ([clip, picture], "separate commands"),
        ([clip, "--every", 0], "every must be"),
        ([clip, "--every", 2, "--fps", 3], "exclude each other"),
        ([clip, "--start", "later"], "--start must be seconds or h:mm:ss"),
        ([clip, "--smooth", 0], "smooth must be"),
        ([clip, video, "--annotate", "a.mp4"], "--annotate must be a folder for 2 videos"),
        ([video, "--annotate", video], "--annotate must not lead to"),
        ([video, "--annotate", tmp_path], "--annotate must not lead to"),
        ([clip, clip.with_suffix(".mp4"), "--annotate", tmp_path / "new"], "No file at"),
        ([clip, video, "--annotate", tmp_path / "new"], "--annotate must not lead to"),
        ([], "INPUT must be"),
    ]
    for arguments, words in wrong:
        assert main(*arguments) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ") and words in line
    assert VideoFile(video).announced == 2


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_run_that_is_ended_leaves_no_half_a_video(faces, tmp_path, number):
    long = made_videos.write(tmp_path / "long.avi", faces * 5)
    out = ["--out", str(tmp_path / "out.csv"), "--annotate", str(tmp_path / "drawn.mp4")]
    started = subprocess.Popen(
        [sys.executable, "-m", "attention_fer.predict", str(long), *WITH, *out],
        stderr=subprocess.DEVNULL,
    )
    draft = tmp_path / ".out.csv.draft"
    while not (draft.exists() and draft.read_bytes().count(b"\n") > 1):
        assert started.poll() is None
        time.sleep(0.01)
    assert len(list(tmp_path.glob(".drawn*"))) == 1
    started.send_signal(getattr(signal, number))
    assert started.wait() == 128 + getattr(signal, number)
    assert {path.name for path in tmp_path.iterdir()} == {"long.avi", draft.name}
