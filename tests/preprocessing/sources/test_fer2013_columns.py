"""FER2013 with a column per pixel, found by the columns' names or by what they hold."""

from __future__ import annotations

import numpy as np
import pytest

from preprocessing.sources import Rejected, UnreadableError, get

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SPLITS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
PIXELS = 48 * 48


def wanted(raw, split=None):
    return {
        (raw.face(n).tobytes(), CLASSES[label], SPLITS[usage] if split is None else split)
        for n, label, usage in raw.rows()
    }


def content(items):
    return {(s.load().tobytes(), s.label, s.split) for s in items}


def table(raw, row, header=""):
    """A line for each row, of what `row` makes of label, usage and list of pixels."""
    lines = [row(label, usage, raw.pixels(n).split()) for n, label, usage in raw.rows()]
    return "\n".join([*([header] if header else []), *lines]) + "\n"


def named(name, start=0):
    return ",".join(name.format(n) for n in range(start, start + PIXELS))


# As text, `pixel_10` comes before `pixel_2`.
SORTED = sorted(range(PIXELS), key=str)


HEADED = {
    "label, pixels, part": lambda raw: table(
        raw, lambda e, u, p: ",".join([str(e), *p, u]), f"emotion,{named('pixel_{}')},Usage"
    ),
    "index, pixels from 1, label, part": lambda raw: table(
        raw, lambda e, u, p: ",".join(["9", *p, str(e), u]), f",{named('Px{}', 1)},Label,Usage"
    ),
    "bare numbers, names of classes": lambda raw: table(
        raw, lambda e, u, p: ",".join([*p, CLASSES[e], u]), f"{named('{}')},class,split"
    ),
    "sorted as text": lambda raw: table(
        raw,
        lambda e, u, p: ",".join([u, *(p[n] for n in SORTED), str(e)]),
        "Usage," + ",".join(f"pixel_{n}" for n in SORTED) + ",emotion",
    ),
    "semicolons": lambda raw: table(
        raw,
        lambda e, u, p: ";".join([str(e), *p, u]),
        f"emotion;{named('p{}').replace(',', ';')};Usage",
    ),
}
BARE = {
    "label, pixels, part": lambda raw: table(raw, lambda e, u, p: ",".join([str(e), *p, u])),
    "part, label, pixels": lambda raw: table(raw, lambda e, u, p: ",".join([u, str(e), *p])),
    "pixels, label, part": lambda raw: table(raw, lambda e, u, p: ",".join([*p, f"{e}.0", u])),
    "blanks": lambda raw: table(raw, lambda e, u, p: " ".join([str(e), *p, u])),
}


@pytest.mark.parametrize("variant", HEADED)
def test_a_header_numbers_the_pixels(variant, raw, tmp_path):
    path = raw.directory(tmp_path, {"data.csv": HEADED[variant](raw)})
    found = get("fer2013").open(path, notice=pytest.fail)
    items = list(found.items)
    assert content(items) == wanted(raw)
    assert [item.source for item in items[:2]] == ["data.csv:2", "data.csv:3"]
    assert sum(found.expected["train"].values()) == 28_709


@pytest.mark.parametrize("variant", BARE)
def test_without_a_header_the_content_tells_the_columns(variant, raw, tmp_path):
    path = raw.directory(tmp_path, {"data.csv": BARE[variant](raw)})
    notices = []
    items = list(get("fer2013").open(path, notice=notices.append).items)
    assert content(items) == wanted(raw)
    (notice,) = notices
    assert notice.startswith("data.csv has no header: its columns are taken as ")
    assert set(notice.rstrip(".").split(" as ")[1].split(", ")) == {"emotion", "pixels", "usage"}


def test_labels_may_stand_on_either_side_of_the_pixels(raw, tmp_path):
    for name, row in {
        "first": lambda e, _, p: ",".join([str(e), *p]),
        "last": lambda e, _, p: ",".join([*p, str(e)]),
    }.items():
        path = raw.directory(tmp_path / name, {"data.csv": table(raw, row)})
        found = get("fer2013").open(path, notice=list)
        assert content(found.items) == wanted(raw, "")
        assert list(found.expected) == [""]


def test_every_bad_row_is_counted_with_its_reason(raw, tmp_path):
    good = raw.pixels(0).split()
    bad = {
        ",".join(["3", *good[:-1], "Training"]): "wrong number of columns",
        ",".join(["3", *good[:-1], "256", "Training"]): "pixels not integers in 0..255",
        ",".join(["3", *good[:-1], "", "Training"]): "pixels not integers in 0..255",
        ",".join(["3", *good[:-1], "1 2", "Training"]): "wrong number of pixels",
        ",".join(["9", *good, "Training"]): "label out of range",
        ",".join(["3", *good, "Holdout"]): "unknown Usage",
    }
    text = HEADED["label, pixels, part"](raw) + "\n".join(bad) + "\n"
    items = list(get("fer2013").open(raw.directory(tmp_path, {"a.csv": text})).items)
    reasons = {}
    for item in items[len(raw.rows()) :]:
        try:
            reason = item.reason if isinstance(item, Rejected) else item.load()
        except UnreadableError as error:
            reason = error.reason
        reasons[item.source] = reason
    start = len(raw.rows()) + 2
    assert reasons == {f"a.csv:{start + n}": reason for n, reason in enumerate(bad.values())}


def test_without_labels_no_row_is_used_and_all_are_counted(raw, tmp_path):
    path = raw.directory(tmp_path, {"t.csv": table(raw, lambda e, u, p: ",".join(p))})
    notices = []
    items = list(get("fer2013").open(path, notice=notices.append).items)
    assert [item.reason for item in items] == ["no label"] * len(raw.rows())
    assert notices[0].startswith("t.csv holds no labels")


@pytest.mark.parametrize("missing", [0, 1000, PIXELS - 1])
def test_other_wide_tables_are_not_fer2013(missing, raw, tmp_path):
    numbers = [n for n in range(PIXELS + 1) if n != missing]
    names = [f"pixel_{n if n < PIXELS else n + 5}" for n in numbers]
    text = "emotion," + ",".join(names) + "\n3," + ",".join(["7"] * PIXELS) + "\n"
    path = raw.directory(tmp_path, {"a.csv": text})
    with pytest.raises(ValueError, match=r"No FER2013 .*2,304 pixels.*found a.csv"):
        get("fer2013").open(path)


def test_ferplus_reads_them_too(raw, tmp_path):
    from preprocessing.raw_files.directory import DirectoryFiles
    from preprocessing.sources.ferplus_votes import read_rows

    raw.directory(tmp_path, {"a.csv": HEADED["index, pixels from 1, label, part"](raw)})
    rows = read_rows(DirectoryFiles(tmp_path, ["a.csv"]), "a.csv")
    assert rows.usages == [usage for *_, usage in raw.rows()] and rows.junk == 0
    assert rows.labels == [CLASSES[label] for _, label, _ in raw.rows()]


def test_pixels_stand_row_by_row(raw, tmp_path):
    rising = np.arange(PIXELS, dtype=np.uint8).reshape(48, 48)
    line = ",".join(["3", *map(str, rising.ravel()), "Training"])
    path = raw.directory(tmp_path, {"a.csv": f"emotion,{named('pixel_{}')},Usage\n{line}\n"})
    (sample,) = get("fer2013").open(path).items
    np.testing.assert_array_equal(sample.load(), rising)
