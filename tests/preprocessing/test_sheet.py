"""Contact sheets show what is in the dataset, where it was found, and what was left out."""

from __future__ import annotations

import csv
import json
from collections import Counter

import cv2
import numpy as np
import pytest
from PIL import Image

from preprocessing.dataset.index import COLUMNS, INDEX
from preprocessing.dataset.manifest import (
    DROPPED,
    FILES,
    IMAGES,
    MANIFEST,
    SCHEMA_VERSION,
    SPLITS,
)
from preprocessing.quality import contact_sheet
from preprocessing.quality.contact_sheet import write_sheets
from preprocessing.raw_files.files import Rejected, UnreadableError
from preprocessing.sources import Sample

CLASSES = ("happy", "sad", "never seen")
BLUE, RED = (0, 0, 200), (200, 0, 0)  # photographs of happy and of sad people
HAPPY, SAD = (0, 0, 77), (77, 0, 0)  # what was stored of them
BOX = (60.0, 30.0, 80.0, 100.0)


class Data:
    """A prepared dataset of plainly coloured photographs, and its samples."""

    def __init__(self, folder):
        self.folder, self.samples, self.loaded = folder, [], Counter()
        self.rows, self.images, self.lost = [], [], []

    def photo(self, source, colour=BLUE, size=(400, 300), label="happy"):
        def load():
            self.loaded[source] += 1
            return np.full((size[1], size[0], 3), colour, np.uint8)

        self.samples.append(Sample(load, label, "", "", source))

    def row(self, source, label="happy", box=BOX, score="0.87"):
        cells = box or ("",) * 4
        self.rows.append((label, "", "train", source, *cells, score))
        self.images.append(np.full((48, 48, 3), HAPPY if label == "happy" else SAD, np.uint8))

    def add(self, source, label="happy", **more):
        self.photo(source, BLUE if label == "happy" else RED, label=label)
        self.row(source, label, **more)

    def drop(self, source, reason, detail="", label=""):
        self.lost.append((source, reason, detail, label))

    def write(self, **manifest):
        self.folder.mkdir(exist_ok=True)
        for name in FILES:
            (self.folder / name).touch()
        np.save(self.folder / IMAGES, np.array(self.images, np.uint8).reshape(-1, 48, 48, 3))
        self._table(INDEX, COLUMNS, self.rows)
        self._table(DROPPED, ("source", "reason", "detail", "label"), self.lost)
        fixed = {"dataset": "x", "classes": CLASSES, "seen": 0, "used": 0, "dropped": {}}
        fixed["files"] = dict.fromkeys((INDEX, DROPPED, SPLITS), "")
        content = {"schema_version": SCHEMA_VERSION, "fingerprint": "", **fixed, **manifest}
        (self.folder / MANIFEST).write_text(json.dumps(content))
        return self.folder

    def _table(self, name, header, rows):
        with open(self.folder / name, "w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *rows])

    def sheets(self, per_class=24, **manifest):
        out = self.folder.with_name("sheets")
        paths = write_sheets(self.write(**manifest), self.samples, out, per_class)
        return {path.name: np.asarray(Image.open(path)) for path in paths}


@pytest.fixture
def data(tmp_path):
    return Data(tmp_path / "data")


def count(page, colour):
    return int((page == colour).all(axis=2).sum())


def extent(page, *colours):
    """Left, top, right, bottom of all pixels of these colours."""
    hit = np.any([(page == colour).all(axis=2) for colour in colours], axis=0)
    (rows,), (columns,) = np.nonzero(hit.any(axis=1)), np.nonzero(hit.any(axis=0))
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def tiles(page):
    """Number of cards: large connected areas that are not the page's white."""
    marks = (page != 255).any(axis=2).astype(np.uint8)
    areas = cv2.connectedComponentsWithStats(marks, connectivity=4)[2][1:]
    return sum(width > 200 and height > 200 for _, _, width, height, _ in areas)


def test_a_box_is_drawn_where_the_face_is(data):
    data.add("a.jpg")
    page = data.sheets()["00-happy.png"]
    left, top, right, bottom = extent(page, BLUE, contact_sheet.CHOSEN)
    scale = 208 / 400
    assert (right - left, bottom - top) == (208, 300 * scale)
    found = np.array(extent(page, contact_sheet.CHOSEN)) - (left, top, left, top)
    x, y, width, height = BOX
    expected = np.array([x, y, x + width, y + height]) * scale
    assert np.abs(found - expected).max() <= 0.51
    inside = (slice(top + 25, top + 60), slice(left + 40, left + 65))
    assert (page[inside] == BLUE).all()  # an outline, not a patch
    assert extent(page, HAPPY)[2] - extent(page, HAPPY)[0] == 144  # what was stored, beside it
    assert extent(page, HAPPY)[0] >= right


@pytest.mark.parametrize("box", [(-50, -50, 900, 900), (380, 280, 90, 90), (390, 3, 9, 296)])
def test_a_box_beyond_the_border_keeps_its_sides_in_view(data, box):
    data.add("a.jpg", box=box)
    page = data.sheets()["00-happy.png"]
    frame = extent(page, BLUE, contact_sheet.CHOSEN)
    found = extent(page, contact_sheet.CHOSEN)
    corners = (box[0], box[1], box[0] + box[2], box[1] + box[3])
    limits = np.array([0, 0, 400, 300, 400, 300])
    expected = np.clip(corners, 0, limits[2:]) * 0.52 + (frame[0], frame[1]) * 2
    assert np.abs(found - expected).max() <= 0.51
    left, top, right, bottom = found
    sides = (
        page[[top, bottom - 1], (left + right) // 2],
        page[(top + bottom) // 2, [left, right - 1]],
    )
    assert (np.concatenate(sides) == contact_sheet.CHOSEN).all()


def test_every_class_has_its_own_faces(data):
    for n in range(5):
        data.add(f"{n}.jpg", "happy" if n % 2 else "sad")
    pages = data.sheets()
    assert list(pages) == ["00-happy.png", "01-sad.png", "02-never_seen.png", "dropped.png"]
    assert [tiles(page) for page in pages.values()] == [2, 3, 0, 0]
    assert count(pages["00-happy.png"], BLUE) and not count(pages["00-happy.png"], RED)
    assert count(pages["00-happy.png"], HAPPY) == 2 * 144 * 144
    assert count(pages["01-sad.png"], RED) and not count(pages["01-sad.png"], BLUE)
    assert count(pages["01-sad.png"], SAD) == 3 * 144 * 144


def test_the_stored_image_is_that_of_the_row(data):
    tones = [(0, 10 * n, 255) for n in range(8)]
    for n, tone in enumerate(tones):
        data.add(f"{n}.jpg", "sad" if n == 2 else "happy")
        data.images[n][:] = tone
    page = data.sheets(per_class=3)["00-happy.png"]
    assert [n for n, tone in enumerate(tones) if count(page, tone)] == [1, 4, 6]


def test_a_spread_is_shown_and_nothing_else_is_loaded(data):
    for n in range(100):
        data.add(f"{n}.jpg")
    pages = data.sheets(per_class=5)
    assert tiles(pages["00-happy.png"]) == 5
    assert data.loaded == Counter(f"{n}.jpg" for n in (10, 30, 50, 70, 90))


def test_the_samples_are_gone_through_no_further_than_needed(data):
    data.add("a.jpg")
    data.drop("b.jpg", "no face found")
    data.photo("b.jpg", RED)

    def stream():
        yield from data.samples
        raise AssertionError("all photographs were found")

    written = write_sheets(data.write(), stream(), data.folder / "sheets")
    assert count(np.asarray(Image.open(written[-1])), RED)


def test_faces_of_one_photograph_are_all_marked(data):
    data.add("a.jpg")
    data.row("a.jpg", "happy", box=(250.0, 100.0, 90.0, 90.0))
    data.row("a.jpg", "sad", box=(10.0, 200.0, 30.0, 30.0))
    pages = data.sheets(per_class=1)
    left, top, *_ = extent(pages["00-happy.png"], BLUE, contact_sheet.CHOSEN, contact_sheet.OTHER)
    # The second of two is shown; the first one and the sad one lie around it.
    chosen = np.array(extent(pages["00-happy.png"], contact_sheet.CHOSEN)) - (left, top, left, top)
    assert np.abs(chosen - np.array([250, 100, 340, 190]) * 0.52).max() <= 0.51
    others = np.array(extent(pages["00-happy.png"], contact_sheet.OTHER)) - (left, top, left, top)
    assert np.abs(others - np.array([10, 30, 140, 230]) * 0.52).max() <= 0.51
    assert data.loaded["a.jpg"] == 1


def test_each_card_marks_its_own_face(data):
    data.add("a.jpg")
    alone = count(data.sheets()["00-happy.png"], contact_sheet.CHOSEN)
    data.row("a.jpg", box=(200.0, 130.0, *BOX[2:]))
    assert count(data.sheets()["00-happy.png"], contact_sheet.CHOSEN) == 2 * alone


def test_pixels_are_shown_as_squares_and_photographs_without_moire():
    pixels = np.array([[0, 255, 0], [255, 0, 255]], np.uint8)
    found = np.asarray(contact_sheet.fit(pixels, 30))
    assert np.array_equal(found[..., 0], pixels.repeat(10, axis=0).repeat(10, axis=1))
    stripes = np.tile(np.array([0, 255], np.uint8), (110, 165))
    assert np.ptp(np.asarray(contact_sheet.fit(stripes, 100)).astype(int)) < 128


def test_of_a_long_path_the_end_is_written_and_of_a_long_detail_the_beginning():
    picture = Image.new("RGB", (9, 9))

    def drawn(name, detail):
        return np.asarray(contact_sheet.draw_card([picture], (200,), [name, detail])).tobytes()

    long = "folder/" * 20
    plain = drawn(f"{long}a.jpg", f"because {long}")
    assert drawn(f"{long}b.jpg", f"because {long}") != plain
    assert drawn(f"b/{long}a.jpg", f"because {long}b") == plain
    assert drawn(f"{long}a.jpg", f"despite {long}") != plain


def test_rows_without_a_box_and_grey_faces(data):
    data.photo("a.png", (33, 34, 33), size=(48, 48))
    data.row("a.png", box=None, score="")
    page = data.sheets()["00-happy.png"]
    assert not count(page, contact_sheet.CHOSEN) and count(page, (33, 34, 33)) == 208 * 208
    grey = np.full((1, 48, 48, 1), 99, np.uint8)
    np.save(data.folder / IMAGES, grey)
    first = write_sheets(data.folder, data.samples, data.folder / "again")[0]
    # Text has a few greys of that level at its edges.
    assert 0 <= count(np.asarray(Image.open(first)), (99, 99, 99)) - 144 * 144 < 500


def test_photographs_that_are_gone_leave_their_card(data):
    def torn():
        raise UnreadableError("undecodable image", "torn")

    def bug():
        raise IndexError("bug")

    for source in ("there", "torn", "bug", "gone", "rejected"):
        data.row(source)
    data.photo("there")
    data.samples += [Sample(torn, "happy", "", "", "torn"), Sample(bug, "happy", "", "", "bug")]
    data.samples += [Rejected("rejected", "empty file")]
    page = data.sheets()["00-happy.png"]
    assert tiles(page) == 5 and count(page, HAPPY) == 5 * 144 * 144
    assert extent(page, BLUE)[2] - extent(page, BLUE)[0] == 208


def test_what_was_dropped_is_shown_spread_over_the_reasons(data):
    data.add("a.jpg")
    for n in range(50):
        data.photo(f"faceless/{n}", (0, 77, 4 * n))
        data.drop(f"faceless/{n}", "no face found", "best score 0.43, below 0.6", "sad")
    for n in range(2):
        data.samples.append(Rejected(f"torn/{n}", "unreadable file"))
        data.drop(f"torn/{n}", "unreadable file", "torn")
    data.drop("odd", "wrong size")
    page = data.sheets(per_class=8)["dropped.png"]
    assert tiles(page) == 8
    shown = [n for n in range(50) if count(page, (0, 77, 4 * n))]
    assert shown == [5, 15, 25, 35, 45]
    assert sorted(data.loaded) == ["a.jpg", *(f"faceless/{n}" for n in (15, 25, 35, 45, 5))]
    assert tiles(data.sheets(per_class=2)["dropped.png"]) == 2
    assert tiles(data.sheets(per_class=99)["dropped.png"]) == 53


def test_odd_names_stay_on_their_line_and_in_the_folder(data, tmp_path):
    classes = ["../up\n", "Ärger/愤怒", "a b", "a_b", "x" * 300]
    odd = ["line\nbreak\t\x1b.jpg", "\udcff\u202e\U0001f600.jpg", "y" * 5000, " ", "e\u0301"]
    for label, source in zip(classes, odd, strict=True):
        data.photo(source.replace("\udcff", "?"), label=label)
        data.row(source.replace("\udcff", "?"), label)
        data.drop(source.replace("\udcff", "?"), f"odd\nreason{label}", "z" * 3000 + "\n", label)
    data.write(classes=classes)
    paths = write_sheets(data.folder, data.samples, tmp_path / "sheets")
    assert len(set(paths)) == 6 and {path.parent for path in paths} == {tmp_path / "sheets"}
    pages = [np.asarray(Image.open(path)) for path in paths]
    assert {page.shape for page in pages[:-1]} == {pages[0].shape}
    assert [tiles(page) for page in pages] == [1] * 5 + [5]
    # Text never leaves its card: between the last card and the border the page is white.
    assert (pages[0][60:, 400:] == 255).all()


def test_names_that_cannot_be_encoded_are_drawn():
    picture = Image.new("RGB", (9, 9))
    pictures = [
        contact_sheet.draw_card([picture], (200,), [name]) for name in ("\udcff\x00\n", "???", "a")
    ]
    same, other = (np.asarray(p).tobytes() == pictures[0].tobytes() for p in pictures[1:])
    assert same and not other


def test_the_title_tells_the_settings(data):
    data.add("a.jpg")
    plain = data.sheets()["00-happy.png"]
    faces = {"detector": {"name": "bright", "sha256": "f" * 64}, "align": True, "margin": 0.1}
    told = data.sheets(parameters={"faces": faces})["00-happy.png"]
    assert told.shape[0] == plain.shape[0] + 17  # one more line
    assert np.array_equal(told[-200:], plain[-200:])
    other = data.sheets(parameters={"faces": {**faces, "margin": 0.2}})["00-happy.png"]
    assert not np.array_equal(told[:60], other[:60]) and np.array_equal(told[60:], other[60:])


def test_the_score_is_written(data):
    data.add("a.jpg", score="0.87")
    first = data.sheets()["00-happy.png"]
    data.rows[0] = (*data.rows[0][:-1], "0.13")
    second = data.sheets()["00-happy.png"]
    changed = extent((first != second).any(axis=2)[..., None] * np.ones(3), (1, 1, 1))
    picture = extent(first, BLUE, contact_sheet.CHOSEN)
    assert changed[1] > picture[3] and changed[3] - changed[1] < 17


def test_the_same_dataset_gives_the_same_sheets(data):
    for n in range(9):
        data.add(f"{n}.jpg")
        data.drop(f"{n}.jpg", f"reason {n % 2}")
    first, second = data.sheets(per_class=3), data.sheets(per_class=3)
    assert all(np.array_equal(first[name], second[name]) for name in first)


def test_damaged_datasets_are_refused(data, tmp_path):
    data.add("a.jpg")
    folder, out = data.write(), tmp_path / "sheets"
    with pytest.raises(ValueError, match="per_class.*at least 1"):
        write_sheets(folder, [], out, 0)
    with pytest.raises(FileNotFoundError, match="(?i)no prepared dataset"):
        write_sheets(tmp_path / "nowhere", [], out)
    (folder / DROPPED).write_text("source,reason,detail,label\na,b\n")
    with pytest.raises(ValueError, match="dropped.csv.*line 2.*2 cells"):
        write_sheets(folder, [], out)
    data.rows[0] = (*data.rows[0][:4], "left", 1, 2, 3, "")
    with pytest.raises(ValueError, match="index.csv.*image 0.*'left'"):
        write_sheets(data.write(), [], out)
    data.rows.append(data.rows[0])
    with pytest.raises(ValueError, match="2 rows.*1 images"):
        write_sheets(data.write(), [], out)
    assert not out.exists()
