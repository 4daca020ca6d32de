"""Cameras: the newest picture each time, clear ends, tables without a display.

A video that OpenCV plays stands for the camera that a test machine lacks.
"""

import csv
import os
import signal
import time

import cv2
import made_videos
import numpy as np
import pytest

from attention_fer.predict import Predictor
from attention_fer.predict import __main__ as command
from attention_fer.predict.command.camera_work import CameraWork
from attention_fer.predict.command.outputs import to_file
from attention_fer.predict.tables.conventions import CONVENTIONS
from attention_fer.predict.tables.manifest import PictureCounts
from attention_fer.predict.video import VideoFile
from attention_fer.predict.video.cameras import LOST, LatestFrames
from attention_fer.predict.video.window import Window


class Played:
    """A video as a camera shows it: a picture each 20 ms, nothing after the end."""

    def __init__(self, path, pace=0.02, interrupt_at=None, by=signal.SIGINT):
        self._capture = cv2.VideoCapture(str(path))
        self._by = by
        self._pace, self._interrupt_at, self.count = pace, interrupt_at, 0

    def read(self):
        time.sleep(self._pace)
        if self.count == self._interrupt_at:
            os.kill(os.getpid(), self._by)
        self.count += 1
        return self._capture.read()


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return made_videos.write(tmp_path_factory.mktemp("c") / "c.avi", made_videos.numbered(60))


@pytest.fixture(autouse=True)
def _no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)


def test_every_frame_is_the_newest_and_none_waits(clip):
    """Who lets five pictures pass gets the newest one, not the one after the last."""
    camera, frames = Played(clip), []
    with LatestFrames(camera, "camera 0") as latest:
        waiting = latest.frames()
        while (frame := next(waiting)).pixels is not None:
            frames.append(frame)
            until = camera.count + 5
            while camera.count < until and camera.count < 61:
                time.sleep(0.005)
            if camera.count < 61:
                frames.append(next(waiting))
                assert frames[-1].number >= until - 2
        assert frame.problem.reason == LOST and frame.number == frames[-1].number + 1
    numbers = [frame.number for frame in frames]
    assert np.all(np.diff(numbers) > 0) and len(numbers) <= 26
    for frame in frames:
        assert made_videos.number_of(frame.pixels) == frame.number
    times = [frame.time for frame in frames]
    assert times[0] == 0 and np.all(np.diff(times) > 0.019)


def work_of(clip, **options):
    known = {"smooth": None, "seconds": None, "annotate": None, "started": "2026-01-01"}
    return CameraWork(
        Predictor(detector="none"),
        options.pop("capture", None) or Played(clip),
        "camera 0",
        **(known | options),
    )


def table_of(work, tmp_path):
    renaming = CONVENTIONS["own"].renaming(work.predictor.network.classes)
    counts = PictureCounts()
    to_file(work, tmp_path / "camera.csv", renaming, counts, {})
    with open(tmp_path / "camera.csv", newline="") as stream:
        return list(csv.DictReader(stream)), counts


def test_a_camera_that_is_unplugged_leaves_its_table(clip, tmp_path, capsys):
    rows, counts = table_of(work_of(clip, smooth=0.5), tmp_path)
    *seen, last = rows
    assert [int(row["frame"]) for row in seen] == sorted({int(row["frame"]) for row in seen})
    assert all(row["success"] == "1" and row["face_id"] == "0" for row in seen)
    assert all(row["smoothed_happy"] for row in seen)
    assert last["reason"].startswith("camera lost: ") and last["success"] == "0"
    assert counts.skipped == {LOST: 1} and counts.used == len(seen)
    assert "no window: " in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "camera.csv",
        "camera.manifest.json",
    ]


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_a_camera_gets_everything_written(clip, tmp_path, by):
    camera = Played(clip, pace=0.05, interrupt_at=10, by=by)
    work = work_of(clip, capture=camera, annotate=tmp_path / "drawn.mp4")
    before = signal.getsignal(by)
    rows, counts = table_of(work, tmp_path)
    assert signal.getsignal(by) is before
    assert rows and all(row["success"] == "1" for row in rows)
    assert int(rows[-1]["frame"]) < 59 and not counts.skipped
    length = VideoFile(tmp_path / "drawn.mp4").announced / 30
    assert length == pytest.approx(float(rows[-1]["timestamp_s"]), abs=0.1)


def test_the_time_limit_ends_a_camera(clip, tmp_path):
    rows, counts = table_of(work_of(clip, seconds=0.4), tmp_path)
    assert 0 <= float(rows[-1]["timestamp_s"]) < 0.4 and not counts.skipped
    assert all(row["success"] == "1" for row in rows)


def test_a_camera_that_is_not_there_is_an_error_in_a_line(tmp_path, capfd):
    out = tmp_path / "a.csv"
    assert command.main(["--camera", "63", "--detector", "none", "--out", str(out)]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert lines[-1].startswith("error: Camera 63 cannot be opened")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--camera", "-1"], "--camera must be at least 0"),
        (["--camera", "0", "a.png"], "INPUT has no effect with --camera"),
        (["--camera", "0", "--every", "2"], "--every has no effect on a camera"),
        (["--camera", "0", "--seconds", "0"], "--seconds must be above 0"),
        (["--camera", "0", "--annotate", "drawn"], "--annotate must end in .mp4"),
    ],
)
def test_what_has_no_effect_on_a_camera_is_refused(arguments, words, capsys):
    assert command.main(arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and words in line


def test_without_a_display_there_is_no_window():
    with pytest.raises(RuntimeError, match="display|Tk"):
        Window("camera 0")
