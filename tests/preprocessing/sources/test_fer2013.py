"""Every layout of FER2013 gives the same samples; whatever is wrong is rejected with a reason."""

from __future__ import annotations

import zipfile
from collections import Counter

import numpy as np
import pytest

from preprocessing.sources import Rejected, Sample, UnreadableError, get

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SPLITS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}


def read(path, notices=None):
    """All items, those that cannot be decoded as rejected."""
    raw = get("fer2013").open(path, notice=(notices if notices is not None else []).append)
    assert raw.classes == CLASSES
    return [outcome(item) for item in raw.items]


def outcome(item):
    try:
        if isinstance(item, Sample):
            item.load()
        return item
    except UnreadableError as error:
        return Rejected(item.source, error.reason, str(error))


def content(items):
    """What the samples show, without where they came from."""
    return {(s.load().tobytes(), s.label, s.split) for s in items if isinstance(s, Sample)}


def expected(raw):
    return {(raw.face(n).tobytes(), CLASSES[b], SPLITS[usage]) for n, b, usage in raw.rows()}


def reasons(items):
    return {item.source: item.reason for item in items if isinstance(item, Rejected)}


LAYOUTS = {
    "fer2013.csv": lambda raw, at: raw.directory(at, {"fer2013.csv": raw.fer_csv()}),
    "the csv itself": lambda raw, at: raw.directory(at, {"x.csv": raw.fer_csv()}) / "x.csv",
    "icml": lambda raw, at: raw.directory(at, {"icml_face_data.csv": raw.icml_csv()}),
    "folders": lambda raw, at: raw.directory(at, raw.folders()),
    "nested folders": lambda raw, at: raw.directory(at / "fer" / "2013", raw.folders()).parent,
    "zipped folders": lambda raw, at: raw.zip(at / "a.zip", raw.folders()),
    "zip with top": lambda raw, at: raw.zip(at / "a.zip", raw.folders(), top="fer2013/"),
    "directory of zip": lambda raw, at: raw.zip(at / "a.zip", raw.folders()).parent,
    "zipped csv": lambda raw, at: raw.zip(at / "a.zip", {"d/fer2013.csv": raw.fer_csv()}),
    "zipped icml": lambda raw, at: raw.zip(at / "a.ZIP", {"icml_face_data.csv": raw.icml_csv()}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_samples(layout, raw, tmp_path):
    notices = []
    items = read(LAYOUTS[layout](raw, tmp_path), notices)
    assert content(items) == expected(raw)
    assert reasons(items) == {} and notices == []
    assert len(items) == len(raw.rows()) == len({item.source for item in items})


def test_sources_say_where_a_sample_came_from(raw, tmp_path):
    in_csv = read(raw.zip(tmp_path / "a.zip", {"fer2013.csv": raw.fer_csv()}))
    assert in_csv[0].source == "a.zip/fer2013.csv:2"  # line 1 is the header
    assert np.array_equal(in_csv[3].load(), raw.face(3)) and in_csv[3].source.endswith(":5")
    in_zip = read(raw.zip(tmp_path / "b.zip", raw.folders(), top="fer/"))
    assert in_zip[0].source == "b.zip/fer/train/angry/Training_0.png"
    assert in_zip[0].subject == ""


def test_order_follows_split_class_and_number(raw, tmp_path):
    png = raw.encode(raw.face(0))
    names = ["train/angry/Training_10.png", "train/angry/Training_9.png"]
    names += ["test/angry/PrivateTest_1.png", "test/angry/PublicTest_2.png"]
    names += ["train/neutral/Training_2.png", "train/sad/Training_3.png"]
    found = [item.source for item in read(raw.zip(tmp_path / "a.zip", dict.fromkeys(names, png)))]
    order = [1, 0, 5, 4, 3, 2]  # sad before neutral, as in the CSV's labels
    assert found == [f"a.zip/{names[position]}" for position in order]


def test_pair_of_csvs_rejects_the_unlabelled_part_and_says_what_would_mend_it(raw, tmp_path):
    notices = []
    tree = {"train.csv": raw.train_csv(), "test.csv": raw.test_csv()}
    items = read(raw.directory(tmp_path, tree), notices)
    assert content(items) == {row for row in expected(raw) if row[2] == "train"}
    assert Counter(reasons(items).values()) == {"no label": 14}
    assert len(notices) == 1 and "icml_face_data.csv or fer2013.csv" in notices[0]


def test_the_most_complete_distribution_is_read_and_named(raw, tmp_path):
    notices = []
    tree = {"train.csv": raw.train_csv(), "test.csv": raw.test_csv(), **raw.folders()}
    items = read(raw.directory(tmp_path, tree), notices)
    assert content(items) == expected(raw)
    (notice,) = notices
    assert "reading folders in ., ignoring train.csv with test.csv" in notice
    raw.directory(tmp_path, {"deep/fer2013.csv": raw.fer_csv()})
    notices.clear()
    assert read(tmp_path, notices)[0].source == "deep/fer2013.csv:2"
    assert "reading deep/fer2013.csv" in notices[0]


def test_bad_rows_are_rejected_and_the_rest_is_read(raw, tmp_path):
    good = raw.pixels(0)
    junk = {
        f"3,{good[:-4]},Training": "wrong number of pixels",
        f"3,{good} 7,Training": "wrong number of pixels",
        f"3,{good[:-3]} x1,Training": "pixels not integers in 0..255",
        f"3,{good.rsplit(' ', 1)[0]} 256,Training": "pixels not integers in 0..255",
        f"3,{good.rsplit(' ', 1)[0]} -1,Training": "pixels not integers in 0..255",
        f"7,{good},Training": "label out of range",
        f"-1,{good},Training": "label out of range",
        f"bored,{good},Training": "label out of range",
        f"3,{good},Holdout": "unknown Usage",
        "3,,Training": "wrong number of pixels",
        "</html>": "wrong number of columns",
        ",,,,": "wrong number of columns",
        '"3,unclosed': "wrong number of columns",
        "\0\0": "wrong number of columns",
        "z" * 200_000: "wrong number of columns",
    }
    last = f"3,{good},PrivateTest"
    items = read(raw.directory(tmp_path, {"fer2013.csv": raw.fer_csv(*junk, "", "  ", last)}))
    start = len(raw.rows()) + 2
    assert reasons(items) == {
        f"fer2013.csv:{start + position}": reason for position, reason in enumerate(junk.values())
    }
    assert content(items) == expected(raw) | {(raw.face(0).tobytes(), "happy", "test")}


def test_a_line_without_end_is_rejected_and_the_rows_behind_it_are_read(raw, tmp_path):
    last = f"3,{raw.pixels(0)},PrivateTest"
    text = raw.fer_csv("1 " * 2**20, last)
    raw.zip(tmp_path / "a.zip", {"fer2013.csv": text})
    items = read(tmp_path / "a.zip")
    assert reasons(items) == {f"a.zip/fer2013.csv:{len(raw.rows()) + 2}": "line too long"}
    assert content(items) == expected(raw) | {(raw.face(0).tobytes(), "happy", "test")}


def test_bytes_that_are_no_text_do_not_stop_a_csv(raw, tmp_path):
    text = b"\xef\xbb\xbf" + raw.fer_csv().encode() + b"\xff\xfe\x80\n"
    items = read(raw.directory(tmp_path, {"fer2013.csv": text}))
    assert content(items) == expected(raw)
    assert list(reasons(items).values()) == ["wrong number of columns"]


def test_bad_images_are_rejected_and_the_rest_is_read(raw, tmp_path):
    jpeg = raw.encode(raw.face(1), "JPEG")
    png = raw.encode(raw.face(1))
    tree = {
        "train/sad/Training_100.jpg": (b"", "empty file"),
        "train/sad/Training_101.jpg": (jpeg[: len(jpeg) // 2], "undecodable image"),
        "train/sad/Training_102.png": (png[:-300], "undecodable image"),
        "train/sad/Training_103.jpg": (b"<html>not found</html>", "unsupported image format"),
        "train/sad/Training_104.png": (raw.encode(raw.face(1, (50, 48))), "wrong image size"),
        "train/sad/Training_105.png": (
            raw.encode(raw.face(1, (48, 48, 3))),
            "not an 8-bit grey image",
        ),
        "train/sad/Training_106.png": (
            raw.encode(raw.face(1).astype(np.uint16)),
            "not an 8-bit grey image",
        ),
        "train/sad/notes.txt": (b"x", "not an image file"),
        "train/sad/PublicTest_107.png": (png, "test file in the train folder"),
        "train/contempt/Training_1.png": (png, "unknown class folder"),
        "test/sad/1.png": (png, "test file named neither PublicTest_ nor PrivateTest_"),
        "train/sad/more/1.png": (png, "not in <part>/<emotion>"),
        "extra/sad/1.png": (png, "not in <part>/<emotion>"),
    }
    files = {name: data for name, (data, _) in tree.items()}
    items = read(raw.zip(tmp_path / "a.zip", {**raw.folders(), **files}))
    assert reasons(items) == {f"a.zip/{name}": reason for name, (_, reason) in tree.items()}
    assert content(items) == expected(raw)


def test_colour_file_of_equal_channels_counts_as_grey(raw, tmp_path):
    smooth = np.add.outer(np.arange(48), np.arange(48)).astype(np.uint8)
    colour = np.repeat(smooth[..., None], 3, axis=2)
    tree = {
        "train/sad/Training_1.jpg": raw.encode(colour, "JPEG"),
        "train/sad/Training_2.png": raw.encode(colour),
    }
    jpeg, png = read(raw.directory(tmp_path, tree))
    assert np.array_equal(png.load(), smooth)
    image = jpeg.load()
    assert image.shape == (48, 48) and np.abs(image - smooth.astype(int)).max() < 12


def test_files_of_operating_systems_are_not_seen(raw, tmp_path):
    clutter = ["__MACOSX/train/sad/._Training_1.png", "train/sad/.DS_Store", ".git/train/sad/1.png"]
    clutter += ["train/sad/Thumbs.db", "test/happy/desktop.ini"]
    tree = {**raw.folders(), **dict.fromkeys(clutter, b"x")}
    assert len(read(raw.directory(tmp_path / "d", tree))) == len(raw.rows())
    assert len(read(raw.zip(tmp_path / "a.zip", tree))) == len(raw.rows())


def _damage(path, name, *, flag=False):
    """Spoil one member's stored bytes, or mark it as encrypted."""
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(name)
        place = archive.infolist().index(info)
    data = bytearray(path.read_bytes())
    if flag:
        central = -1
        for _ in range(place + 1):
            central = data.index(b"PK\x01\x02", central + 1)
        data[info.header_offset + 6] |= 1
        data[central + 8] |= 1
    else:
        start = info.header_offset + 30 + len(name) + 40
        data[start : start + 20] = bytes(20)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("flag", "reason"), [(False, "unreadable file"), (True, "encrypted zip member")]
)
def test_spoilt_zip_members_are_rejected(flag, reason, raw, tmp_path):
    path = raw.zip(tmp_path / "a.zip", raw.folders())
    name = "train/fear/Training_2.png"
    _damage(path, name, flag=flag)
    items = read(path)
    assert reasons(items) == {f"a.zip/{name}": reason}
    assert len(content(items)) == len(raw.rows()) - 1


def test_csv_that_breaks_off_inside_a_zip_is_reported(raw, tmp_path):
    path = raw.zip(tmp_path / "a.zip", {"fer2013.csv": raw.fer_csv()})
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    path.write_bytes(data)
    items = read(path)
    assert isinstance(items[-1], Rejected) and items[-1].reason == "unreadable file"
    assert items[-1].source == "a.zip/fer2013.csv"
    assert isinstance(items[0], Sample)  # what came before the damage is kept


def test_wrong_paths_say_what_was_looked_for_and_found(raw, tmp_path):
    with pytest.raises(FileNotFoundError, match="(?i)no file.*nowhere"):
        read(tmp_path / "nowhere")
    raw.directory(tmp_path / "d", {"notes.txt": "x", "faces/a.png": b"x", "t.csv": "a,b\n1,2\n"})
    with pytest.raises(ValueError, match="No FER2013 .*fer2013.csv.*found faces/a.png, notes.txt"):
        read(tmp_path / "d")
    (tmp_path / "a.zip").write_bytes(b"<html>log in first</html>")
    with pytest.raises(ValueError, match="a.zip.*zip archive.*ownload it again"):
        read(tmp_path / "a.zip")
    whole = raw.zip(tmp_path / "b.zip", raw.folders()).read_bytes()
    (tmp_path / "b.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="b.zip.*zip archive"):
        read(tmp_path / "b.zip")


def test_what_cannot_be_read_beside_the_samples_is_reported_last(raw, tmp_path):
    tree = raw.directory(tmp_path / "d", raw.folders())
    (tree / "train" / "sad" / "Training_99.png").symlink_to("gone.png")
    (tree / "test" / "again").symlink_to(tree)
    items = read(tree)
    assert reasons(items[-2:]) == {
        "test/again": "directory read already",
        "train/sad/Training_99.png": "dangling link",
    }
    assert content(items[:-2]) == expected(raw)
    path = raw.zip(tmp_path / "a.zip", {**raw.folders(), "../train/sad/Training_98.png": b"x"})
    assert reasons(read(path)) == {"a.zip/../train/sad/Training_98.png": "unsafe path of a member"}


@pytest.mark.parametrize("name", ["folders", "zipped folders", "fer2013.csv"])
def test_length_and_distribution_describe_what_is_read(name, raw, tmp_path):
    found = get("fer2013").open(LAYOUTS[name](raw, tmp_path), notice=pytest.fail)
    in_csv = name == "fer2013.csv"
    assert found.length == (35_887 if in_csv else len(raw.rows()))  # a CSV is not counted first
    words = {"folders": "folders in .", "zipped folders": "a.zip/folders in ."}
    assert found.distribution == words.get(name, name)
    assert {split: sum(counts.values()) for split, counts in found.expected.items()} == {
        "train": 28_709,
        "validation": 3_589,
        "test": 3_589,
    }


def test_nothing_is_decoded_before_it_is_loaded(raw, tmp_path):
    folders = {**raw.folders(), "train/sad/Training_100.jpg": b"no image"}
    table = {"fer2013.csv": raw.fer_csv("4,no numbers,Training")}
    for path in (raw.directory(tmp_path / "d", folders), raw.directory(tmp_path / "c", table)):
        found = list(get("fer2013").open(path, notice=pytest.fail).items)
        assert len(found) == len(raw.rows()) + 1
        assert all(isinstance(item, Sample) for item in found)
        assert sum(isinstance(outcome(item), Rejected) for item in found) == 1
