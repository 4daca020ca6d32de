"""Frames of videos: all of them, at the times of the container, upright, as chosen."""

import math
import sys

import made_videos
import numpy as np
import pytest

from attention_fer.predict.video import FrameChoice, VideoFile, decoding, is_video
from attention_fer.predict.video.choosing import seconds

TIMES = np.cumsum([0, *(20 + 15 * (number % 7) for number in range(59))]).tolist()


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(scope="module")
def constant(videos):
    return made_videos.write(videos / "constant.avi", made_videos.numbered(60))


@pytest.fixture(scope="module")
def mpeg4(videos):
    return made_videos.write(videos / "constant.mp4", made_videos.numbered(60))


@pytest.fixture(scope="module")
def varying(videos, mpeg4):
    return made_videos.with_times(mpeg4, videos / "varying.mkv", TIMES)


def chosen(path, **choice):
    frames = list(VideoFile(path).frames(FrameChoice(**choice)))
    for frame in frames:
        assert frame.problem is None and made_videos.number_of(frame.pixels) == frame.number
    return [frame.number for frame in frames]


def test_every_frame_is_read_once_in_order_in_rgb_at_its_time(constant):
    frames = list(VideoFile(constant).frames())
    assert [frame.number for frame in frames] == list(range(60))
    for number, frame in enumerate(frames):
        assert frame.name == str(constant) and frame.pixels.shape == (120, 160, 3)
        assert made_videos.number_of(frame.pixels) == number
        assert abs(frame.time - number / 29.97) < 1e-4
    assert abs(frames[30].pixels[60, 10].astype(int) - (220, 20, 20)).max() < 12


def test_times_are_those_of_the_container(varying):
    frames = list(VideoFile(varying).frames())
    assert [frame.time for frame in frames] == [time / 1000 for time in TIMES]
    assert [made_videos.number_of(frame.pixels) for frame in frames] == list(range(60))


def test_a_frame_without_time_follows_at_the_announced_rate():
    times, before = [], -1 / 25
    for given in (0.0, 0.05, 0.0, 0.05, math.nan, 0.5):
        before = decoding.later(given, before, 25.0)
        times.append(before)
    assert times == [0.0, 0.05, 0.09, 0.13, 0.17, 0.5]


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_pictures_are_upright(videos, mpeg4, degrees):
    video = VideoFile(made_videos.turned(mpeg4, videos / f"{degrees}.mp4", degrees))
    plain = [frame.pixels for frame in VideoFile(mpeg4).frames()]
    for frame, pixels in zip(video.frames(), plain, strict=True):
        assert np.array_equal(frame.pixels, np.rot90(pixels, -degrees // 90))
    assert video.size == frame.pixels.shape[1::-1]


def test_frames_are_chosen_by_number(constant):
    assert chosen(constant, every=5) == list(range(0, 60, 5))
    # From 1 s on: frame 30 is the first, at 1.001 s.
    assert chosen(constant, every=7, start=1.0, end=1.5) == [30, 37, 44]
    assert chosen(constant, start=1.9) == [57, 58, 59]
    assert chosen(constant, end=0.1) == [0, 1, 2]
    (none,) = VideoFile(constant).frames(FrameChoice(start=5))
    assert none.pixels is None and none.problem.reason == "no frame in the span"


def test_frames_are_chosen_by_time(constant, varying):
    assert chosen(constant, fps=10) == [0, *range(3, 60, 3)]
    assert chosen(constant, fps=100) == list(range(60))
    first = {}
    for number, time in enumerate(TIMES):
        if time >= 300:
            first.setdefault((time - 300) // 250, number)
    assert chosen(varying, fps=4, start=0.3) == list(first.values())
    between = [number for number, time in enumerate(TIMES) if 300 <= time < 1000]
    assert chosen(varying, start=0.3, end=1.0) == between


def test_what_is_not_chosen_has_pixels_only_if_they_are_wanted(constant):
    video, choice = VideoFile(constant), FrameChoice(every=10)
    few = list(video.decoded(choice))
    assert [item.frame.pixels is not None for item in few] == [n % 10 == 0 for n in range(60)]
    every = list(video.decoded(choice, all_pixels=True))
    assert [made_videos.number_of(item.frame.pixels) for item in every] == list(range(60))
    assert [item.chosen for item in every] == [item.chosen for item in few]


def test_the_length_is_known_for_progress(constant):
    video = VideoFile(constant)
    assert video.expected(FrameChoice()) == 60
    choice = FrameChoice(start=0.5, end=1.0)
    assert abs(video.expected(choice) - len(list(video.decoded(choice)))) <= 1


def test_what_a_cut_off_video_holds_is_kept(videos, constant, varying):
    for source in (constant, varying):
        whole = list(VideoFile(source).frames())
        path = videos / f"cut{source.suffix}"
        path.write_bytes(source.read_bytes()[: source.stat().st_size * 3 // 4])
        *frames, last = VideoFile(path).frames()
        assert 30 < len(frames) < 52
        for frame, other in zip(frames[:-1], whole, strict=False):  # the last may lack its end
            assert frame.time == other.time and np.array_equal(frame.pixels, other.pixels)
        assert last.pixels is None and last.number == len(frames)
        assert last.problem.reason == "video ended early"
        assert f"{len(frames)} frames to {frames[-1].time:.3f} s" in str(last.problem)
        assert [frame.number for frame in VideoFile(path).frames(FrameChoice(end=0.2))] == [
            frame.number for frame in whole if frame.time < 0.2
        ]


def test_what_is_no_video_says_why(videos, mpeg4):
    (videos / "empty.mp4").touch()
    (videos / "text.mp4").write_text("no video")
    (videos / "half.mp4").write_bytes(mpeg4.read_bytes()[:5000])  # the index is at the end
    for name, reason in [
        ("empty", "empty file"),
        ("text", decoding.UNDECODABLE),
        ("half", decoding.UNDECODABLE),
    ]:
        (frame,) = VideoFile(videos / f"{name}.mp4").frames()
        assert frame.pixels is None and frame.problem.reason == reason and str(frame.problem)
    with pytest.raises(FileNotFoundError, match="No file at"):
        VideoFile(videos / "missing.mp4")
    with pytest.raises(FileNotFoundError, match="Nothing is downloaded"):
        VideoFile("https://example.org/clip.mp4")


def test_any_name_will_do(videos, mpeg4, monkeypatch):
    monkeypatch.chdir(videos)
    for name in ("10:30 ü 😀.mp4", "pipe:0.mp4", "%03d.mp4", "-x.mp4"):
        (videos / name).write_bytes(mpeg4.read_bytes())
        assert is_video(name) and sum(1 for _ in VideoFile(name).frames()) == 60
    assert is_video("A.MKV") and not is_video("a.png") and not is_video("mp4")


def test_without_opencv_the_error_says_what_to_install(mpeg4, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(ImportError, match=r"pip install \"attention-fer\[video\]\""):
        VideoFile(mpeg4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("90", 90), ("1:30", 90), ("1:02:03.5", 3723.5), ("0:00:00.25", 0.25), ("75:00", 4500)],
)
def test_times_are_seconds_or_clock_times(text, expected):
    assert seconds("--start", text) == expected


@pytest.mark.parametrize("text", ["", "-1", "1:60", "1:60:00", "1:2:3:4", "nan", "1m", "1e3"])
def test_other_times_are_refused(text):
    with pytest.raises(ValueError, match="--start must be seconds or h:mm:ss"):
        seconds("--start", text)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"every": 0}, "every must be"),
        ({"fps": 0.0}, "fps must be"),
        ({"fps": float("nan")}, "fps must be"),
        ({"fps": 1.0, "every": 2}, "exclude each other"),
        ({"start": -1.0}, "start must be"),
        ({"start": 2.0, "end": 2.0}, "end must be after start"),
    ],
)
def test_wrong_choices_are_refused(choice, words):
    with pytest.raises(ValueError, match=words):
        FrameChoice(**choice)
