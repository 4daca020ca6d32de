"""Videos, spans and cameras that do not fit: a row or a line says so."""

import csv
import io

import cv2
import numpy as np
import pytest
from made_videos import numbered, write
from PIL import Image

from attention_fer.predict import Predictor
from attention_fer.predict import __main__ as command
from attention_fer.predict.video import FrameChoice, VideoFile
from attention_fer.predict.video.cameras import open_camera


@pytest.fixture
def clip(tmp_path):
    return write(tmp_path / "clip.avi", numbered(25), 25)


def main(*arguments):
    return command.main([*map(str, arguments), "--detector", "none"])


@pytest.mark.parametrize("span", [["--start", "9"], ["--start", "0.41", "--end", "0.43"]])
def test_a_span_without_a_frame_is_a_row(clip, span, capsys):
    assert main(clip, *span, "--format", "csv") == 1
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert row["reason"].startswith(f"no frame in the span: wanted from {span[1]} s")
    assert row["frame"] and not row["label"] and not row["timestamp_s"]


def test_a_span_up_to_the_last_frame_has_no_such_row(clip):
    for choice in (FrameChoice(start=0.96), FrameChoice(start=0.4, end=0.44)):
        (frame,) = VideoFile(clip).frames(choice)
        assert frame.problem is None and frame.time == choice.start


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--fps", "1e308"], "at most 1,000,000"),
        (["--end", "9" * 400], "end must be after start and finite"),
        (["--annotate", "drawn.avi"], "must be a folder or end in .mp4"),
    ],
    ids=lambda given: given if isinstance(given, str) else given[0],
)
def test_values_that_nothing_fits_are_refused_in_a_line(
    clip, given, words, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(clip, *given) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ") and words in line
    assert not (tmp_path / "drawn.avi").exists()


def test_drawings_of_photographs_go_to_a_folder(tmp_path, portrait, capsys):
    Image.fromarray(portrait).save(tmp_path / "a.png")
    for name in ("drawn.png", "file"):
        (tmp_path / "file").write_text("in the way")
        assert main(tmp_path / "a.png", "--annotate", tmp_path / name) == 2
        assert "--annotate must be a folder, got" in capsys.readouterr().err
    (tmp_path / "out.png").mkdir()
    assert main(tmp_path / "a.png", "--annotate", tmp_path / "out.png") == 0


def test_a_folder_may_be_called_like_a_video(tmp_path, portrait, capsys):
    folder = tmp_path / "clip.mp4"
    folder.mkdir()
    Image.fromarray(portrait).save(folder / "a.png")
    assert main(folder) == 0 and capsys.readouterr().out.startswith("a.png: ")
    (row,) = Predictor(detector="none").predict(folder)
    assert row.input == "a.png" and row.success


def test_times_rise_however_fast_a_damaged_file_says_it_is(clip):
    data = bytearray(clip.read_bytes())
    for name in (b"avih", b"strh"):
        assert name in data
    place = data.index(b"strh") + 8 + 20  # dwScale, dwRate: a frame takes scale / rate seconds
    data[place : place + 8] = np.array([1, 2**31 - 1], "<u4").tobytes()
    clip.write_bytes(data)
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG)
    assert capture.get(cv2.CAP_PROP_FPS) > 100_000
    capture.release()
    times = [frame.time for frame in VideoFile(clip).frames() if frame.time is not None]
    assert len(times) == 25 and (np.diff(times) > 0).all()


@pytest.mark.parametrize("index", [99, 700, 2**40])
def test_a_camera_of_any_number_is_only_missing(index):
    with pytest.raises(OSError, match=f"Camera {index} cannot be opened"), open_camera(index):
        pass


@pytest.fixture
def clips(tmp_path):
    """A folder of two videos, 3 and 2 frames long, and of what is none."""
    folder = tmp_path / "clips"
    (folder / "sub").mkdir(parents=True)
    write(folder / "sub" / "a.avi", numbered(3), 25)
    write(folder / "b.mp4", numbered(2), 25)
    (folder / "notes.txt").write_text("no video")
    (folder / "lost.mp4").symlink_to("nowhere.mp4")
    return folder


def frames_of(text):
    return [(row["input"], row["frame"]) for row in csv.DictReader(io.StringIO(text))]


def test_a_folder_of_videos_stands_for_them(clips, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.mp4").mkdir()  # is not the one in the folder
    expected = [("b.mp4", "0"), ("b.mp4", "1"), *(("sub/a.avi", str(n)) for n in range(3))]
    assert main("clips", "--format", "csv") == 0
    told = capsys.readouterr()
    assert frames_of(told.out) == expected
    assert "left out, not a video: 2: notes.txt, lost.mp4 (dangling link)" in told.err
    rows = Predictor(detector="none").predict("clips")
    assert [(row.input, str(row.frame)) for row in rows] == expected
    other = write(tmp_path / "other.avi", numbered(1), 25)
    assert main("clips", other.name, "--every", "9", "--format", "csv") == 0
    assert frames_of(capsys.readouterr().out) == [
        ("clips/b.mp4", "0"),
        ("clips/sub/a.avi", "0"),
        ("other.avi", "0"),
    ]


def test_a_folder_with_photographs_names_the_videos_it_leaves_out(clips, portrait, capsys):
    Image.fromarray(portrait).save(clips / "a.png")
    assert main(clips, "--format", "csv") == 0
    told = capsys.readouterr()
    assert {"a.png"} <= {name for name, _ in frames_of(told.out)} <= {"a.png", "lost.mp4"}
    assert "use a separate command for the videos: 2: b.mp4, sub/a.avi" in told.err


def test_drawings_of_a_folder_keep_its_order_and_are_not_read(clips, tmp_path, capsys):
    write(clips / "a.avi", numbered(1), 25)
    assert main(clips, "--annotate", tmp_path / "drawn") == 0
    drawn = tmp_path / "drawn"
    names = {path.relative_to(drawn).as_posix() for path in drawn.rglob("*.mp4")}
    assert names == {"a.mp4", "b.mp4", "sub/a.mp4"}
    for place in (clips, clips / "sub", clips / "drawn", clips / "drawn.mp4"):
        assert main(clips, "--annotate", place) == 2
        assert "apart from the videos" in capsys.readouterr().err
    assert {path.name for path in clips.iterdir()} == {
        *("a.avi", "b.mp4", "lost.mp4", "notes.txt", "sub")
    }


def test_a_video_that_two_paths_lead_to_counts_once(clips, tmp_path, capsys):
    (tmp_path / "link.mp4").symlink_to(clips / "b.mp4")
    assert main(clips, tmp_path / "link.mp4", clips / "b.mp4", "--format", "csv") == 0
    told = capsys.readouterr()
    assert len(frames_of(told.out)) == 5
    assert told.err.count(f"already given as {clips}/b.mp4") == 2


def test_names_of_videos_and_tables_do_not_move_the_terminal(clip, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name = "a\x1b[2J\x9b.avi"
    clip.rename(tmp_path / name)
    assert main(name, f"./{name}", "--end", "0.1", "--out", "out\x1b[2J.csv") == 0
    told = capsys.readouterr()
    assert "a\\x1b[2J\\x9b.avi: " in told.err and "out\\x1b[2J.csv: " in told.out
    assert not {"\x1b", "\x9b"} & {*told.out, *told.err}
    assert (tmp_path / "out\x1b[2J.csv").is_file()
