"""From samples to a prepared folder: classes left out, further columns, a detector that breaks."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from preprocessing import splits
from preprocessing.dataset.index import IndexRow, read_dropped
from preprocessing.detectors.base import Faces
from preprocessing.faces.cropper import FaceCropper
from preprocessing.prepare import prepare, stop_if_broken
from preprocessing.sources import Doubt, Rejected, Sample


def sample(number, label="sad", **more):
    image = np.random.default_rng(number).integers(0, 256, (40, 60), dtype=np.uint8)
    return Sample(lambda: image, label, f"s{number % 9}", "", f"photo {number}", more)


class Corner:
    """Finds as many faces as the first pixel's last two bits say, and breaks on request."""

    name, has_scores, has_landmarks, batch = "corner", True, False, 4
    breaks = False

    def __call__(self, images):
        if self.breaks:
            raise OSError("device gone")
        return [self.faces(int(image[0, 0, 0]) % 4) for image in images]

    def faces(self, count):
        boxes = np.array([[2 * n, 3, 10 + n, 20] for n in range(count)], np.float32).reshape(-1, 4)
        scores = np.linspace(0.9, 0.7, count, dtype=np.float32)
        return Faces(boxes, scores, np.full((count, 5, 2), np.nan, np.float32))

    def describe(self):
        return {"name": self.name}


def numbers(items):
    return [int(item.load()[0, 0]) % 4 for item in items]


@pytest.fixture
def prepared(made_up, tmp_path):
    def make(items, classes=("sad", "happy"), columns=(), out="out", **options):
        name = made_up(items, classes, columns=columns)
        return prepare(name, None, tmp_path / out, notice=[].append, **options)

    return make


def test_all_faces_of_all_photographs_are_accounted_for(prepared):
    items = [sample(n) for n in range(200)]
    dataset = prepared(items, faces=FaceCropper(Corner(), select="all", size=8))
    counts = numbers(items)
    manifest = dataset.manifest
    assert manifest["items"] == 200
    assert manifest["used"] == len(dataset) == sum(counts)
    assert manifest["dropped"] == {"no face found": counts.count(0)}
    assert manifest["seen"] == manifest["used"] + counts.count(0)
    expected = [f"photo {n}" for n, count in enumerate(counts) for _ in range(count)]
    assert dataset.sources.tolist() == expected
    assert dataset.images.shape == (sum(counts), 8, 8, 1)


def test_the_number_of_threads_changes_nothing(prepared):
    items = [sample(n) for n in range(100)]
    cropper = FaceCropper(Corner(), select="all")
    one = prepared(items, faces=cropper, workers=1, out="one")
    many = prepared(items, faces=cropper, workers=7, out="many")
    for name in ("images.npy", "index.csv", "dropped.csv", "splits.csv"):
        assert (one.path / name).read_bytes() == (many.path / name).read_bytes()
    assert one.fingerprint == many.fingerprint


def test_classes_can_be_left_out(prepared):
    items = [sample(n, ("sad", "happy", "bored")[n % 3]) for n in range(30)]
    dataset = prepared(items, ("sad", "happy", "bored"), without=["sad"])
    assert dataset.classes == ("happy", "bored")
    assert dataset.manifest["dropped"] == {"class left out": 10}
    assert dataset.sources.tolist() == [f"photo {n}" for n in range(30) if n % 3]
    with pytest.raises(ValueError, match="class .*'angry'.*'sad', 'happy'"):
        prepared(items, without=["angry"], out="other")
    with pytest.raises(ValueError, match="classes of made-up are left out"):
        prepared(items, without=["Sadness", "happy"], out="other")


def test_splits_are_stored_with_the_dataset(prepared):
    dataset = prepared([sample(n, ("sad", "happy")[n % 2]) for n in range(90)])
    (kept,) = splits.stored(dataset, "hold-out")
    (anew,) = splits.get("hold-out")(dataset, 0)
    assert all(np.array_equal(kept[side], anew[side]) for side in kept)
    assert len(splits.stored(dataset, "loso")) == 9


def test_a_class_of_which_nothing_is_left_is_told(made_up, tmp_path):
    notices = []
    name = made_up([sample(n) for n in range(9)], ("sad", "happy", "bored"))
    prepare(name, None, tmp_path / "out", notice=notices.append)
    assert notices[:2] == ["No image of happy is left.", "No image of bored is left."]
    assert all(isinstance(text, Doubt) for text in notices)
    assert "of one class, sad" in notices[2] and len(notices) == 3


@pytest.mark.parametrize(("lost", "told"), [(1, False), (2, False), (3, True), (19, True)])
def test_many_photographs_without_a_face_are_doubtful(lost, told, made_up, tmp_path):
    """A tenth of them and more."""
    items = [item for item in map(sample, range(400)) if numbers([item]) == [1]][: 20 - lost + 7]
    items += [item for item in map(sample, range(400)) if numbers([item]) == [0]][:lost]
    notices = []
    name = made_up(items, ("sad",))
    prepare(name, None, tmp_path / "out", faces=FaceCropper(Corner()), notice=notices.append)
    doubts = [text for text in notices if "No face was found" in text]
    assert len(doubts) == told and all(isinstance(text, Doubt) for text in doubts)
    assert not told or f"in {lost} photographs; the others gave {27 - lost} images" in doubts[0]


def test_photographs_on_which_the_detector_failed_are_doubtful(made_up, tmp_path):
    detector, notices = Corner(), []

    def dying():
        for number in range(60):
            detector.breaks = number >= 40
            yield sample(number)

    faces = FaceCropper(detector)
    dataset = prepare(
        made_up(dying()), None, tmp_path / "out", faces=faces, workers=1, notice=notices.append
    )
    failed = dataset.manifest["dropped"]["detector failed"]
    (doubt,) = [text for text in dataset.manifest["warnings"] if "detector failed" in text]
    assert doubt.startswith(f"The detector failed on {failed} photographs, e.g. photo ")
    assert "OSError: device gone" in doubt and doubt in notices


def test_crops_like_a_dataset_s_by_another_detector_are_doubtful(prepared):
    items = [sample(n) for n in range(60)]
    for like, told in (("fer2013", 1), (None, 0)):
        faces = FaceCropper(Corner(), like=like)
        warnings = prepared(items, faces=faces, out=str(like)).manifest["warnings"]
        assert sum("corner draws other boxes" in text for text in warnings) == told


def test_sheets_of_an_interrupted_run_do_not_stay(prepared, monkeypatch):
    from preprocessing import prepare as module

    def interrupted(*given):
        write_sheets(*given)
        raise KeyboardInterrupt

    write_sheets = module.write_sheets
    monkeypatch.setattr(module, "write_sheets", interrupted)
    items = [sample(n, ("sad", "happy")[n % 2]) for n in range(9)]
    with pytest.raises(KeyboardInterrupt):
        prepared(items, sheets=True)
    monkeypatch.setattr(module, "write_sheets", write_sheets)
    assert not (prepared(items, restart=True).path / "sheets").exists()
    with pytest.raises(KeyboardInterrupt):
        monkeypatch.setattr(module, "write_sheets", interrupted)
        prepared(items, sheets=True, out="other")
    monkeypatch.setattr(module, "write_sheets", write_sheets)
    dataset = prepared(items, sheets=True, without=["happy"], restart=True, out="other")
    names = sorted(path.name for path in (dataset.path / "sheets").iterdir())
    assert names == ["00-sad.png", "dropped.png"]


def test_names_that_are_not_utf_8_stop_nothing(raw, tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    try:
        raw.directory(folder, raw.folders())
        (folder / os.fsdecode(b"train/angry/na\xefve.txt")).write_text("x")
    except OSError:
        pytest.skip("the file system allows only names in UTF-8")
    dataset = prepare("fer2013", folder, tmp_path / "out", notice=[].append)
    assert len(dataset) == 28
    assert dataset.manifest["parameters"]["source"] == str(folder)
    (lost,) = read_dropped(dataset.path / "dropped.csv")
    assert lost.source == "train/angry/na\\udcefve.txt"


def test_contact_sheets_are_part_of_the_whole(prepared):
    dataset = prepared([sample(n, "happy") for n in range(9)], sheets=True)
    pictures = sorted(path.name for path in (dataset.path / "sheets").iterdir())
    assert pictures == ["00-sad.png", "01-happy.png", "dropped.png"]


def test_duplicates_are_dropped_in_the_order_of_the_source(prepared):
    items = [sample(n % 20) for n in range(40)]
    items = [Sample(s.load, s.label, s.subject, "", f"copy {n}") for n, s in enumerate(items)]
    dataset = prepared(items, drop_duplicates=True, workers=5)
    assert dataset.sources.tolist() == [f"copy {n}" for n in range(20)]
    assert dataset.manifest["dropped"] == {"duplicate of an earlier image": 20}


def test_a_run_that_goes_on_knows_the_images_of_the_first_part(prepared):
    items = [sample(n % 100) for n in range(200)]
    items = [Sample(s.load, s.label, s.subject, "", f"copy {n}") for n, s in enumerate(items)]

    def interrupted():
        yield from items[:150]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepared(interrupted(), drop_duplicates=True, workers=1)
    dataset = prepared(items, drop_duplicates=True, workers=1)
    assert dataset.sources.tolist() == [f"copy {n}" for n in range(100)]
    assert dataset.manifest["dropped"] == {"duplicate of an earlier image": 100}


def test_published_counts_are_those_of_the_classes_asked_for(made_up, tmp_path):
    published = {"": {"sad": 10, "happy": 9}}
    name = made_up([sample(n, ("sad", "happy")[n % 2]) for n in range(20)], expected=published)
    notices = []
    prepare(name, None, tmp_path / "both", notice=notices.append)
    assert notices == [
        "The dataset has 20 images instead of the published 19: happy 10 of 9.",
    ]
    notices.clear()
    name = made_up([sample(n, ("sad", "happy")[n % 2]) for n in range(20)], expected=published)
    prepare(name, None, tmp_path / "one", without=["happy"], notice=notices.append)
    assert notices == []


def failures(count, start=0):
    return [
        (f"photo {n}", [Rejected(f"photo {n}", "detector failed", "OSError: gone")])
        for n in range(start, start + count)
    ]


def test_single_failures_of_the_detector_stay_rejections():
    row = ("x", [IndexRow(np.zeros((1, 1), np.uint8), "sad", "", "", "x")])
    empty = ("y", [Rejected("y", "no face found")])
    torn = ("z", [Rejected("z", "empty file")])
    made = [torn, *failures(4), row, *failures(4, 10), torn, empty, torn, *failures(3, 20), torn]
    assert list(stop_if_broken(made, 5)) == made


def test_a_broken_detector_stops_the_run_before_its_failures_count():
    good = [("x", [Rejected("x", "no face found")])]
    torn = [("z", [Rejected("z", "empty file")])]  # says nothing of the detector
    broken = [one for n in range(10, 60) for one in (*failures(1, n), *torn)]
    passed = []
    with pytest.raises(RuntimeError, match="failed on 5 photographs in a row, .*photo 14 .OSErr"):
        for one in stop_if_broken(good + failures(3) + good + torn + broken, 5):
            passed.append(one)
    assert passed == good + failures(3) + good + torn


def test_after_a_broken_detector_the_run_goes_on(prepared, monkeypatch):
    items = [sample(n) for n in range(400)]
    straight = prepared(items, faces=FaceCropper(Corner()), out="straight")
    detector = Corner()

    def dying():
        for number, item in enumerate(items):
            detector.breaks = number >= 150
            yield item

    with pytest.raises(RuntimeError, match="failed on 100 photographs in a row"):
        prepared(dying(), faces=FaceCropper(detector), workers=1)
    detector.breaks = False
    dataset = prepared(items, faces=FaceCropper(detector))
    assert dataset.fingerprint == straight.fingerprint
    assert dataset.manifest["dropped"] == straight.manifest["dropped"]


def test_other_raw_files_under_the_same_names_are_not_gone_on_with(made_up, tmp_path):
    items = [sample(n) for n in range(200)]

    def dying():
        yield from items[:150]
        raise KeyboardInterrupt

    name = made_up(dying(), identity="before")
    with pytest.raises(KeyboardInterrupt):
        prepare(name, None, tmp_path / "out", workers=1)
    name = made_up(items, identity="after")
    with pytest.raises(ValueError, match="raw files was 'before', is 'after'.*--restart"):
        prepare(name, None, tmp_path / "out", workers=1)


def test_a_dataset_has_the_name_of_its_source_or_one_of_its_own(prepared, raw, tmp_path):
    assert prepared([sample(n) for n in range(9)], out="one").name == "made-up"
    assert prepared([sample(n) for n in range(9)], out="two", title="mine").name == "mine"
    tree = {f"photos/{label}/{n}.png": raw.encode(raw.face(n)) for n, label in enumerate("abab")}
    source = raw.directory(tmp_path / "raw", tree)
    faces = FaceCropper(None, size=8)
    dataset = prepare("folder", source, tmp_path / "holiday", faces=faces, notice=[].append)
    assert dataset.name == "holiday" and dataset.manifest["source"] == "folder"


def test_the_manifest_hashes_the_files_beside_it(prepared):
    dataset = prepared([sample(n) for n in range(9)])
    for name in ("index.csv", "dropped.csv", "splits.csv"):
        content = (dataset.path / name).read_bytes()
        assert dataset.manifest["files"][name] == hashlib.sha256(content).hexdigest()


def test_the_request_is_checked_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="Did you mean 'schematic'"):
        prepare("shematic", None, tmp_path / "out")
    with pytest.raises(ValueError, match="fer2013 needs --source.*fer2013.csv"):
        prepare("fer2013", None, tmp_path / "out")
    with pytest.raises(ValueError, match="schematic reads no files, got the source /nowhere"):
        prepare("schematic", "/nowhere", tmp_path / "out")
    with pytest.raises(ValueError, match="schematic has no option 'frames'.*subjects"):
        prepare("schematic", None, tmp_path / "out", frames=3)
    (tmp_path / "raw").mkdir()
    with pytest.raises(ValueError, match="lies inside .*raw"):
        prepare("folder", tmp_path / "raw", tmp_path / "raw" / "deep" / "out")
    (tmp_path / "raw").rmdir()
    with pytest.raises(ValueError, match="without must be a list.*'sad'"):
        prepare("schematic", None, tmp_path / "out", without="sad")
    with pytest.raises(ValueError, match="workers must be .*got 0"):
        prepare("schematic", None, tmp_path / "out", workers=0, subjects=1, per_subject=7)
    assert list(Path(tmp_path).iterdir()) == []
