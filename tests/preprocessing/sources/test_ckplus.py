"""CK+ in every packing, with the gaps and oddities of real copies."""

from __future__ import annotations

import io
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

IMAGES, LABELS = "cohn-kanade-images", "Emotion"
CODES = ("neutral", "angry", "contempt", "disgust", "fear", "happy", "sad", "surprise")
CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")


def frame(subject, sequence, number):
    return f"{subject}/{sequence}/{subject}_{sequence}_{number:08d}.png"


def images(sequences, content=b"", top=f"{IMAGES}/"):
    """Frames 1 to n of each of {(subject, sequence): n}."""
    return {
        top + frame(*key, number): content
        for key, frames in sequences.items()
        for number in range(1, frames + 1)
    }


def label(subject, sequence, number, text, top=f"{LABELS}/"):
    name = frame(subject, sequence, number).removesuffix(".png")
    return {f"{top}{name}_emotion.txt": text}


def code(number):
    """A label as the dataset writes it."""
    return f"   {number:.7e}\n"


SEQUENCES = {("S005", "001"): 6, ("S010", "002"): 5, ("S010", "004"): 7}


def tree():
    """Two labelled sequences and one without a label, with the files that lie beside them."""
    return {
        **images(SEQUENCES),
        **label("S005", "001", 6, code(3)),
        **label("S010", "004", 7, code(2)),
        "Landmarks/S005/001/S005_001_00000001_landmarks.txt": "1 2",
        "FACS/S005/001/S005_001_00000006_facs.txt": "9 4",
        f"{IMAGES}/.DS_Store": "x",
        f"{LABELS}/S010/.DS_Store": "x",
    }


def shown(found):
    """(file name, class) of each sample."""
    return [(s.source.rpartition("/")[2], s.label) for s in found.samples]


def names(subject, sequence, numbers):
    return [frame(subject, sequence, number).rpartition("/")[2] for number in numbers]


def test_the_last_frames_show_the_expression_and_the_first_none(read, raw, tmp_path):
    found = read("ckplus", raw.directory(tmp_path, tree()))
    first = zip(names("S005", "001", (1, 4, 5, 6)), ["neutral", *["disgust"] * 3], strict=True)
    second = zip(names("S010", "004", (1, 5, 6, 7)), ["neutral", *["contempt"] * 3], strict=True)
    assert shown(found) == [*first, *second]
    assert [s.subject for s in found.samples] == ["S005"] * 4 + ["S010"] * 4
    assert [s.more["sequence"] for s in found.samples] == ["S005/001"] * 4 + ["S010/004"] * 4
    assert found.raw.classes == CLASSES and found.raw.columns == ("sequence",)
    assert found.raw.distribution == "images in cohn-kanade-images, labels in Emotion"
    assert {s.split for s in found.samples} == {""}


def test_sequences_without_label_are_told_once_and_rejected_once(read, raw, tmp_path):
    found = read("ckplus", raw.directory(tmp_path, tree()))
    assert found.reasons == {"cohn-kanade-images/S010/002": "sequence without label"}
    assert found.says("^3 sequences, 2 with a label; .* 593, of which 327 have one.$")


PACKINGS = {
    "unpacked": lambda raw, at: raw.directory(at, tree()),
    "in folders around": lambda raw, at: raw.directory(at / "CK+" / "data", tree()).parents[1],
    "one zip": lambda raw, at: raw.zip(at / "ck.zip", tree(), top="CK+/"),
    "its directory": lambda raw, at: raw.zip(at / "ck.zip", tree()).parent,
    "lower case": lambda raw, at: raw.zip(
        at / "ck.zip", {name.lower(): content for name, content in tree().items()}
    ),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_same_samples(packing, read, raw, tmp_path):
    found = read("ckplus", PACKINGS[packing](raw, tmp_path / "here"))
    plain = read("ckplus", raw.directory(tmp_path / "plain", tree()))
    assert [(name.upper(), label) for name, label in shown(found)] == [
        (name.upper(), label) for name, label in shown(plain)
    ]
    assert [s.more for s in found.samples] == [s.more for s in plain.samples]
    assert [s.subject for s in found.samples] == [s.subject for s in plain.samples]


def test_the_two_archives_lie_in_one_directory(read, raw, tmp_path):
    split = {name: content for name, content in tree().items() if name.startswith(IMAGES)}
    raw.zip(tmp_path / "extended-cohn-kanade-images.zip", split)
    rest = {name: content for name, content in tree().items() if name not in split}
    raw.zip(tmp_path / "Emotion_labels.zip", rest)
    found = read("ckplus", tmp_path)
    assert len(found.samples) == 8
    assert list(found.reasons.values()) == ["sequence without label"]  # nothing about the zips
    first = f"extended-cohn-kanade-images.zip/{IMAGES}/{frame('S005', '001', 1)}"
    assert found.samples[0].source == first
    assert found.raw.distribution == (
        "images in extended-cohn-kanade-images.zip/cohn-kanade-images, "
        "labels in Emotion_labels.zip/Emotion"
    )


def test_packed_and_unpacked_copies_beside_each_other_are_read_once(read, raw, tmp_path):
    raw.directory(tmp_path, tree())
    whole = images({**SEQUENCES, ("S005", "001"): 8})  # the unpacking broke off in this one
    raw.zip(tmp_path / "images.zip", whole)
    raw.zip(tmp_path / "labels.zip", label("S005", "001", 8, code(3)))
    found = read("ckplus", tmp_path)
    assert [s.source for s in found.samples if s.subject == "S005"] == [
        f"images.zip/{IMAGES}/{frame('S005', '001', number)}" for number in (1, 6, 7, 8)
    ]
    assert [s.source.partition("/")[0] for s in found.samples[4:]] == [IMAGES] * 4
    assert set(found.reasons.values()) == {"sequence without label"}
    assert found.says("with a label", f"1 .* in {IMAGES}:", f"2 .* in images.zip/{IMAGES}:")


def test_options_choose_the_frames(read, raw, tmp_path):
    path = raw.directory(tmp_path, tree())
    one = read("ckplus", path, frames=1, neutral=False)
    last = [*names("S005", "001", [6]), *names("S010", "004", [7])]
    assert shown(one) == list(zip(last, ("disgust", "contempt"), strict=True))
    many = read("ckplus", path, frames=6)
    labels = Counter((s.subject, s.label) for s in many.samples)
    # All six frames of S005 show its expression, so that none is left to be neutral.
    assert labels == {("S005", "disgust"): 6, ("S010", "contempt"): 6, ("S010", "neutral"): 1}
    all_of_them = read("ckplus", path, frames=50)
    assert Counter(s.label for s in all_of_them.samples) == {"disgust": 6, "contempt": 7}


@pytest.mark.parametrize("frames", [0, -1, 2.0, "3", True, None])
def test_frames_out_of_range_are_refused_at_the_call(frames, read, raw, tmp_path):
    with pytest.raises(ValueError, match="frames must be an integer"):
        read("ckplus", raw.directory(tmp_path, tree()), frames=frames)


@pytest.mark.parametrize("number", range(8))
def test_codes_mean_what_the_authors_say(number, read, raw, tmp_path):
    content = {**images({("S999", "003"): 5}), **label("S999", "003", 5, code(number))}
    found = read("ckplus", raw.directory(tmp_path, content), neutral=False)
    assert {s.label for s in found.samples} == {CODES[number]}


BAD_LABELS = {
    "": "empty label file",
    "  \n\n": "empty label file",
    "   3.0000000e+00   5.0\n": "label file with several numbers",
    "   8.0000000e+00\n": "label out of range",
    "  -1.0\n": "label out of range",
    "3.5": "label is not a whole number",
    "happy": "label is not a whole number",
    "nan": "label is not a whole number",
    "inf": "label is not a whole number",
    "\ufffd\0": "label is not a whole number",
    "1 " * 9000: "file too large",
}


@pytest.mark.parametrize("text", BAD_LABELS, ids=range(len(BAD_LABELS)))
def test_bad_labels_reject_their_sequence_with_a_reason(text, read, raw, tmp_path):
    content = {**tree(), **label("S010", "004", 7, text)}
    found = read("ckplus", raw.directory(tmp_path, content))
    where = next(iter(label("S010", "004", 7, text)))
    assert found.reasons == {
        "cohn-kanade-images/S010/002": "sequence without label",
        where: BAD_LABELS[text],
    }
    assert {s.subject for s in found.samples} == {"S005"}


def test_labels_of_one_sequence_must_agree(read, raw, tmp_path):
    content = {**tree(), **label("S010", "004", 6, code(2)), **label("S005", "001", 5, code(4))}
    found = read("ckplus", raw.directory(tmp_path, content))
    assert {s.subject for s in found.samples} == {"S010"}
    assert found.reasons == {
        "cohn-kanade-images/S010/002": "sequence without label",
        "Emotion/S005/001/S005_001_00000005_emotion.txt": "labels of a sequence differ",
    }
    (rejected,) = [item for item in found.rejected if "differ" in item.reason]
    assert rejected.detail == "fear, disgust in 2 files"


def test_labels_without_frames_are_rejected(read, raw, tmp_path):
    content = {**tree(), **label("S011", "001", 9, code(1))}
    found = read("ckplus", raw.directory(tmp_path, content))
    assert found.reasons["Emotion/S011/001/S011_001_00000009_emotion.txt"] == "label without frames"
    assert len(found.samples) == 8


def test_missing_frames_are_told_and_leave_the_rest_in_order(read, raw, tmp_path):
    content = tree()
    for number in (1, 5):
        del content[f"{IMAGES}/{frame('S005', '001', number)}"]
    del content[f"{IMAGES}/{frame('S010', '004', 7)}"]
    found = read("ckplus", raw.directory(tmp_path, content))
    assert shown(found)[:4] == list(
        zip(names("S005", "001", (2, 3, 4, 6)), ["neutral", *["disgust"] * 3], strict=True)
    )
    assert found.says("with a label", "1 .*do not begin with frame 1", "1 .*end before")


def test_what_is_no_part_of_it_is_rejected(read, raw, tmp_path):
    extra = {
        "ReadMe.txt": "not a CK+ frame or label",
        f"{IMAGES}/S005/001/S005_001_00000002 (1).png": "not a CK+ frame or label",
        f"{IMAGES}/S005/001/S010_001_00000002.png": "not a CK+ frame or label",
        f"{IMAGES}/S005/001/S005_001_2.png": "second file of one frame",
        f"{LABELS}/S005/001/notes.txt": "not a CK+ frame or label",
    }
    content = {**tree(), **dict.fromkeys(extra, code(3))}
    path = raw.directory(tmp_path, content)
    (path / IMAGES / "S999").symlink_to("nowhere")
    found = read("ckplus", path)
    assert found.reasons == {
        "cohn-kanade-images/S010/002": "sequence without label",
        f"{IMAGES}/S999": "dangling link",
        **extra,
    }
    assert len(found.samples) == 8


def _encoded(array, mode=None):
    image = Image.fromarray(array)
    stream = io.BytesIO()
    (image.convert(mode) if mode else image).save(stream, "PNG")
    return stream.getvalue()


def test_frames_of_every_kind_are_decoded(read, raw, tmp_path):
    grey = np.add.outer(np.arange(490), np.arange(640)).astype(np.uint8)
    colour = np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1)
    kinds = [_encoded(grey), _encoded(colour), _encoded(grey, "P"), _encoded(grey)[:-900]]
    content = {**images({("S005", "001"): 4}), **label("S005", "001", 4, code(1))}
    for number, data in enumerate(kinds, start=1):
        content[f"{IMAGES}/{frame('S005', '001', number)}"] = data
    found = read("ckplus", raw.zip(tmp_path / "a.zip", content))
    pixels = [sample.load() for sample in found.samples[:3]]
    for image, wanted in zip(pixels, (grey, colour, grey), strict=True):
        assert np.array_equal(image, wanted)
    with pytest.raises(Exception, match="truncated"):
        found.samples[3].load()


def test_missing_parts_are_named_with_what_would_mend_it(read, raw, tmp_path):
    for given, words in (
        (IMAGES, r"labels of CK\+ are missing.*Emotion_labels.zip"),
        (LABELS, r"images of CK\+ are missing.*extended-cohn-kanade-images.zip"),
    ):
        part = {name: content for name, content in tree().items() if name.startswith(given)}
        with pytest.raises(ValueError, match=words + ".*University of Pittsburgh"):
            read("ckplus", raw.directory(tmp_path / given, part))
    raw.directory(tmp_path / "other", {"notes.txt": "x"})
    with pytest.raises(ValueError, match=r"No CK\+ .*notes.txt.*Pittsburgh"):
        read("ckplus", tmp_path / "other")
    with pytest.raises(FileNotFoundError, match="(?i)nowhere.*give the directory"):
        read("ckplus", tmp_path / "nowhere")


@pytest.mark.parametrize("ending", [".jfif", ".JPE", ".webp", ".tiff", ".heic"])
def test_every_ending_of_a_photograph_is_one_here(ending, read, raw, tmp_path):
    renamed = {name.replace(".png", ending): data for name, data in tree().items()}
    found = read("ckplus", raw.directory(tmp_path / "now", renamed))
    before = read("ckplus", raw.directory(tmp_path / "before", tree()))
    assert len(found.samples) == len(before.samples) > 0
    assert len(found.rejected) == len(before.rejected)


def test_the_cropped_frames_that_go_round_are_for_another_source(read, raw, tmp_path):
    cropped = {"CK+48/anger/S010_004_00000017.png": b"", "CK+48/fear/S011_003_00000013.png": b""}
    path = raw.directory(tmp_path, cropped)
    with pytest.raises(ValueError, match=r"2 frames .*dataset 'ck48'"):
        read("ckplus", path)
    found = read("folder", path, subject_pattern=r"S\d+")
    assert [(s.label, s.subject) for s in found.samples] == [("anger", "S010"), ("fear", "S011")]


@pytest.fixture(scope="module")
def complete():
    """593 sequences of 123 people, 327 of them labelled as the paper counts."""
    counts = {1: 45, 2: 18, 3: 59, 4: 25, 5: 69, 6: 28, 7: 83}
    numbers = [number for number, count in counts.items() for _ in range(count)]
    content = {}
    for index in range(593):
        key = (f"S{index % 123:03d}", f"{index // 123:03d}")
        content.update(images({key: 4}))
        if index < 327:
            content.update(label(*key, 4, code(numbers[index])))
    return content


def test_a_complete_copy_has_the_published_counts(complete, read, raw, tmp_path):
    path = raw.zip(tmp_path / "ck.zip", complete)
    for options in ({}, {"frames": 1}, {"frames": 2, "neutral": False}):
        found = read("ckplus", path, **options)
        used = Counter(s.label for s in found.samples)
        assert {"": {name: used[name] for name in CLASSES}} == found.raw.expected
        assert found.says("^593 sequences, 327 with a label.$")
        assert Counter(found.reasons.values()) == {"sequence without label": 266}
    assert read("ckplus", path).raw.expected[""]["surprise"] == 249
    # Nobody published how many sequences are too short for more frames.
    assert read("ckplus", path, frames=4).raw.expected is None


def test_sequences_shorter_than_the_frames_asked_for_are_told(read, raw, tmp_path):
    path = raw.directory(tmp_path, tree())
    assert not any("frames or fewer" in told for told in read("ckplus", path).notices)
    found = read("ckplus", path, frames=1000)
    assert any("2 labelled sequences have 1000 frames or fewer" in told for told in found.notices)
    assert "neutral" not in {sample.label for sample in found.samples}


def test_archives_that_are_read_are_no_lost_files(read, raw, tmp_path):
    raw.zip(tmp_path / "in" / "images.zip", {k: v for k, v in tree().items() if k.endswith("png")})
    raw.directory(tmp_path / "in", {k: v for k, v in tree().items() if k.endswith("txt")})
    (tmp_path / "d").mkdir()
    archive = shutil.make_archive(str(tmp_path / "d" / "all"), "gztar", tmp_path / "in")
    for path in (tmp_path / "in", archive, tmp_path / "d"):
        found = read("ckplus", path)
        assert len(found.samples) == 8
        assert set(found.reasons.values()) == {"sequence without label"}
