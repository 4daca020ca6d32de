"""AffectNet with annotations as `.npy` files, which are never unpickled, and as tables."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pytest

from preprocessing.sources.affectnet import CODES, COUNTS

HEADER = (
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal"
)


def npy(value, **how):
    stream = io.BytesIO()
    np.save(stream, np.array(value), **how)
    return stream.getvalue()


@pytest.fixture
def png(raw):
    return raw.encode(raw.face(0, (24, 24, 3)))


def annotated(png, folder, number, code, valence="0.25", arousal="-0.5"):
    start = f"{folder}/annotations/{number}"
    return {
        f"{folder}/images/{number}.jpg": png,
        f"{start}_exp.npy": npy(code),
        f"{start}_val.npy": npy(valence),
        f"{start}_aro.npy": npy(arousal),
        f"{start}_lnd.npy": npy([1.0, 2.0]),
    }


@pytest.mark.parametrize("convert", [str, int, float, lambda code: [code]])
def test_annotations_beside_the_images(convert, read, raw, png, tmp_path):
    tree = {}
    for n, code in enumerate(range(8)):
        tree |= annotated(png, "train_set", n, convert(code))
    tree |= annotated(png, "val_set", 7, convert(1), "1", "-1")
    for path in (raw.directory(tmp_path / "d", tree), raw.zip(tmp_path / "a.zip", tree)):
        found = read("affectnet", path)
        assert found.rejected == [] and found.raw.columns == ("valence", "arousal")
        assert [(s.label, s.split) for s in found.samples] == [
            *((label, "train") for label in CODES),
            ("happy", "validation"),
        ]
        assert found.samples[3].more == {"valence": 0.25, "arousal": -0.5}
        assert found.samples[-1].more == {"valence": 1.0, "arousal": -1.0}
        assert np.array_equal(found.samples[0].load(), raw.face(0, (24, 24, 3)))


def test_a_part_that_lies_packed_beside_its_files_counts_once(read, raw, png, tmp_path):
    tree = {}
    for n in range(8):
        tree |= annotated(png, "train_set", n, n)
    raw.zip(tmp_path / "train_set.zip", {**tree, **annotated(png, "train_set", 9, 1)})
    found = read("affectnet", raw.directory(tmp_path, tree))
    assert [s.source for s in found.samples] == [
        *(f"train_set/images/{n}.jpg" for n in range(8)),
        "train_set.zip/train_set/images/9.jpg",
    ]
    assert found.reasons == {
        f"train_set.zip/train_set/images/{n}.jpg": "second file of one image" for n in range(8)
    }
    assert found.rejected[0].detail == "train_set/images/0.jpg was used instead"


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("unpickled",))


def test_nothing_is_unpickled_and_bad_annotations_are_counted(read, raw, png, tmp_path):
    tree = annotated(png, "train_set", 0, "1")
    bad = {
        1: ({"exp": npy(np.array([Trap()], object), allow_pickle=True)}, "unreadable annotation"),
        2: ({"exp": pickle.dumps(Trap())}, "unreadable annotation"),
        3: ({"val": npy("x")}, "valence is not a number"),
        4: ({"aro": npy("nan")}, "arousal is not a number"),
        5: ({"exp": npy("11")}, "expression out of range"),
        6: ({"exp": npy("8")}, "no expression"),
        7: ({"exp": npy("9")}, "uncertain expression"),
        8: ({"exp": npy("10")}, "not a face"),
        9: ({"exp": npy("1.5")}, "expression out of range"),
        10: ({"exp": npy([1, 2])}, "expression is not a number"),
    }
    for number, (files, _) in bad.items():
        tree |= annotated(png, "train_set", number, "1")
        tree |= {f"train_set/annotations/{number}_{k}.npy": d for k, d in files.items()}
    tree |= annotated(png, "train_set", 20, "1")
    del tree["train_set/annotations/20_val.npy"]
    tree |= {"train_set/images/30.jpg": png, "stray.jpg": png}
    tree |= {"train_set/annotations/40_exp.npy": npy("1"), "other/annotations/1_exp.npy": b""}
    found = read("affectnet", raw.directory(tmp_path, tree))
    assert [s.source for s in found.samples] == ["train_set/images/0.jpg"]
    assert found.reasons == {
        **{f"train_set/images/{n}.jpg": reason for n, (_, reason) in bad.items()},
        "train_set/images/20.jpg": "unreadable file",
        "train_set/images/30.jpg": "image without annotation",
        "stray.jpg": "image without annotation",
        "train_set/annotations/40_exp.npy": "annotation without image",
    }


def test_tables_give_the_face_of_each_row(read, raw, png, tmp_path):
    rows = [
        "1/a.jpg,4,2,10,20,1;2;3,1,0.5,0.25",
        "2/a.jpg,-3,-3,30,10,1;2,6,-0.5,0.75",
        "9/gone.jpg,0,0,5,5,1,1,0,0",
        "1/b.jpg,0,0,5,5,1,10,-2,-2",
        "1/c.jpg,90,90,5,5,1,0,0,0",
    ]
    tree = {
        "training.csv": "\n".join([HEADER, *rows]),
        "validation.csv": "1/v.jpg,0,0,24,24,1,4,0,0\n",  # without a header
        **dict.fromkeys((f"images/{n}.jpg" for n in ("1/a", "2/a", "1/b", "1/c", "1/v")), png),
        "images/3/unused.jpg": png,
    }
    found = read("affectnet", raw.directory(tmp_path, tree))
    face = raw.face(0, (24, 24, 3))
    assert [(s.source, s.label, s.split) for s in found.samples] == [
        ("images/1/a.jpg", "happy", "train"),
        ("images/2/a.jpg", "angry", "train"),
        ("images/1/c.jpg", "neutral", "train"),
        ("images/1/v.jpg", "fear", "validation"),
    ]
    assert np.array_equal(found.samples[0].load(), face[2:22, 4:14])
    assert np.array_equal(found.samples[1].load(), face[:7, :27])
    assert found.samples[1].more == {"valence": -0.5, "arousal": 0.75}
    with pytest.raises(Exception, match="90"):
        found.samples[2].load()
    assert found.reasons == {
        "training.csv:4": "no photograph of this name, or several",
        "images/1/b.jpg": "not a face",
        "images/3/unused.jpg": "not in the tables",
    }
    assert found.says("--size")


def test_published_counts():
    assert sum(COUNTS["train"].values()) == 287_651
    assert sum(COUNTS["validation"].values()) == 4_000


def test_other_trees_say_what_was_expected(read, raw, png, tmp_path):
    tree = {"train/happy/1.png": png, "training.csv": "a,b\n1,2\n"}
    with pytest.raises(ValueError, match="No AffectNet at .*annotations/0_exp.npy.*mahoor"):
        read("affectnet", raw.directory(tmp_path, tree))
