"""The writer goes on where an earlier one stopped, with files that no interruption can spoil."""

from __future__ import annotations

import csv
import json
from contextlib import ExitStack

import numpy as np
import pytest

from preprocessing.dataset.folder import stream
from preprocessing.dataset.index import IndexRow, read_column, read_dropped
from preprocessing.dataset.writer import PROGRESS, DatasetWriter
from preprocessing.sources import Rejected, Sample

CLASSES = ("sad", "happy")
COLUMNS = ("sequence",)


def item(number):
    """The raw item of that number."""
    return Sample(None, "sad", "", "", f"file {number}\nof one")


def made(number):
    """What becomes of it: nothing of every third, two faces of every fifth, one of the others."""
    if number % 3 == 2:
        return [Rejected(item(number).source, "torn", f"page {number}", "sad")]
    image = np.random.default_rng(number).integers(0, 256, (5, 4), dtype=np.uint8)
    faces = [image, 255 - image] if number % 5 == 0 else [image]
    label, more = CLASSES[number % 2], {"sequence": 7}
    who = f"s{number}", "train", item(number).source
    return [IndexRow(face, label, *who, (1, 2, 3, 4), 0.5, more) for face in faces]


@pytest.fixture
def writer():
    """Makes writers, and closes them at the end."""
    with ExitStack() as stack:

        def make(path, settings=None, **options):
            folder = path / "dataset"
            folder.mkdir(parents=True, exist_ok=True)
            return stack.enter_context(DatasetWriter(folder, CLASSES, COLUMNS, settings, **options))

        yield make


def write(into, count, stop=None):
    """Write items until `stop`."""
    rest = into.rest(map(item, range(count)))
    for one in rest:
        if into.items == stop:
            break
        into.add(one.source, made(int(one.source.split()[1])))


def content(path):
    folder = path / "dataset"
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.fixture
def whole(writer, tmp_path):
    """The files of 40 items written without interruption."""
    one = writer(tmp_path / "whole")
    write(one, 40)
    one.finish()
    one.close()
    return content(tmp_path / "whole")


def test_the_files_hold_what_was_given(whole, tmp_path):
    images = np.load(tmp_path / "whole" / "dataset" / "images.npy")
    rows = [row for n in range(40) for row in made(n) if isinstance(row, IndexRow)]
    assert images.shape == (len(rows), 5, 4, 1) and images.dtype == np.uint8
    assert all(np.array_equal(a[..., 0], b.image) for a, b in zip(images, rows, strict=True))
    index = tmp_path / "whole" / "dataset" / "index.csv"
    assert read_column(index, "source").tolist() == [row.source for row in rows]
    assert set(read_column(index, "sequence")) == {"7"} and set(read_column(index, "x")) == {"1"}
    lost = list(csv.reader(whole["dropped.csv"].decode().splitlines(keepends=True)))
    assert lost[0] == ["source", "reason", "detail", "label"]
    assert lost[1] == ["file 2\nof one", "torn", "page 2", "sad"]
    assert len(lost) == 1 + sum(n % 3 == 2 for n in range(40))


@pytest.mark.parametrize("stop", [1, 2, 17, 39, 40])
def test_going_on_gives_the_files_of_one_run(stop, whole, writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, stop)
    first.close()
    second = writer(tmp_path)
    assert second.items == stop
    write(second, 40)
    second.finish()
    assert content(tmp_path) == whole
    straight = writer(tmp_path / "again")
    write(straight, 40)
    for name in ("items", "used", "dropped", "examples", "counts", "shape"):
        assert getattr(second, name) == getattr(straight, name), name


def test_what_was_not_recorded_is_written_again(whole, writer, tmp_path):
    """As after a kill: more in the files than the record knows of, the last line torn."""
    first = writer(tmp_path)
    write(first, 40, 10)
    first.flush()
    record = (tmp_path / PROGRESS).read_bytes()
    for number in range(10, 20):
        first.add(item(number).source, made(number))
    first.close()
    (tmp_path / PROGRESS).write_bytes(record)
    index = tmp_path / "dataset" / "index.csv"
    index.write_bytes(index.read_bytes()[:-5])
    second = writer(tmp_path)
    assert second.items == 10
    write(second, 40)
    second.finish()
    assert content(tmp_path) == whole


def test_an_item_that_was_half_written_is_not_recorded(whole, writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, 4)
    first.flush()

    def broken():
        yield made(4)[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.add(item(4).source, broken())
    first.close()
    second = writer(tmp_path)
    assert second.items == 4
    write(second, 40)
    second.finish()
    assert content(tmp_path) == whole


def test_written_gives_the_rows_so_far(writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, 10)
    first.close()
    rows = [row for n in range(10) for row in made(n) if isinstance(row, IndexRow)]
    found = list(writer(tmp_path).written())
    assert [source for _, source in found] == [row.source for row in rows]
    assert all(np.array_equal(i[..., 0], r.image) for (i, _), r in zip(found, rows, strict=True))


def test_other_settings_are_refused_and_named(writer, tmp_path):
    first = writer(tmp_path, {"margin": 0.1, "size": 48})
    write(first, 40, 10)
    first.close()
    nested = {"faces": {"margin": 0.1, "size": 48}}
    other = writer(tmp_path / "nested", nested)
    write(other, 40, 10)
    other.close()
    with pytest.raises(ValueError, match="[(]faces margin was 0.1, is 0.2[)]"):
        writer(tmp_path / "nested", {"faces": {"margin": 0.2, "size": 48}})
    with pytest.raises(ValueError, match="margin was 0.1, is 0.2.*--restart") as caught:
        writer(tmp_path, {"margin": 0.2, "size": 48})
    assert "size" not in str(caught.value)
    assert writer(tmp_path, {"margin": 0.1, "size": 48}).items == 10
    anew = writer(tmp_path, {"margin": 0.2, "size": 48}, restart=True)
    assert anew.items == anew.used == 0
    assert (tmp_path / "dataset" / "images.npy").stat().st_size == 0


@pytest.mark.parametrize("change", ["another", "fewer", "swapped"])
def test_other_raw_files_are_refused(change, writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, 10)
    first.close()
    now = list(map(item, range(40)))
    if change == "another":
        now.insert(3, item(99))
    elif change == "fewer":
        now = now[:9]
    else:
        now[3], now[4] = now[4], now[3]
    for _ in range(2):  # the refusal itself must not spoil the record
        again = writer(tmp_path)
        with pytest.raises(ValueError, match="raw files.*interrupted preparation"):
            again.rest(now)
        again.close()
    mended = writer(tmp_path)
    write(mended, 40)
    assert mended.items == 40


def test_an_interruption_while_the_done_items_are_passed_over_spoils_nothing(writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, 10)
    first.close()

    def interrupted():
        yield from map(item, range(5))
        raise KeyboardInterrupt

    second = writer(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        second.rest(interrupted())
    second.close()
    third = writer(tmp_path)
    write(third, 40)
    assert third.items == 40


def test_a_file_shorter_than_recorded_is_refused(writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, 10)
    first.close()
    images = tmp_path / "dataset" / "images.npy"
    images.write_bytes(images.read_bytes()[:-1])
    with pytest.raises(ValueError, match="recorded bytes.*--restart"):
        writer(tmp_path)


def test_a_torn_record_counts_as_none(writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, 10)
    first.close()
    record = tmp_path / PROGRESS
    record.write_text(record.read_text()[:-9])
    assert writer(tmp_path).items == 0


@pytest.mark.parametrize("record", ["{}", "[]", '{"settings": 3}'])
def test_a_record_of_another_kind_counts_as_none(record, writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, 10)
    first.close()
    (tmp_path / PROGRESS).write_text(record)
    assert writer(tmp_path).items == 0


def test_a_record_whose_files_have_taken_their_place_counts_as_none(writer, tmp_path):
    first = writer(tmp_path)
    write(first, 40, 10)
    first.close()
    (tmp_path / "dataset").rename(tmp_path / "out")
    assert writer(tmp_path).items == 0


def test_images_of_two_sizes_leave_no_record_that_blocks_the_mended_command(writer, tmp_path):
    first = writer(tmp_path, {"size": None})
    write(first, 40, 10)
    first.flush()
    odd = IndexRow(np.zeros((6, 4), np.uint8), "sad", "", "", "odd one", more={"sequence": 7})
    with pytest.raises(ValueError, match="--size"):
        first.add("odd one", [odd])
    first.close()
    assert writer(tmp_path, {"size": 48}).items == 0


def test_the_record_names_what_the_files_hold(writer, tmp_path):
    one = writer(tmp_path)
    write(one, 40, 10)
    one.flush()
    sizes = json.loads((tmp_path / PROGRESS).read_text())["bytes"]
    assert sizes == {name: len(data) for name, data in content(tmp_path).items()}


def test_rows_that_do_not_fit_are_refused(writer, tmp_path):
    def add(name, *rows):
        one = writer(tmp_path / name)
        for row in rows:
            one.add(row.source, [row])
        one.finish()

    good = made(0)[0]
    with pytest.raises(ValueError, match="usable image among 1 items: torn .1, such as x."):
        add("none", Rejected("x", "torn"))
    odd = IndexRow(np.zeros((6, 4), np.uint8), "sad", "", "", "odd one")
    with pytest.raises(ValueError, match="odd one .*uint8 .5, 4, 1.*got uint8 .6, 4, 1."):
        add("shape", good, odd)
    with pytest.raises(ValueError, match="odd one .*got float64"):
        add("type", IndexRow(np.zeros((5, 4)), "sad", "", "", "odd one"))
    with pytest.raises(ValueError, match="label of x .*'bored'"):
        add("label", IndexRow(good.image, "bored", "", "", "x"))


def test_images_can_be_streamed(whole, tmp_path):
    path = tmp_path / "whole" / "dataset" / "images.npy"
    whole = np.load(path)
    assert np.array_equal(np.stack(list(stream(path))), whole)
    with open(path, "ab") as images:  # as while it grows
        images.write(b"more")
    assert np.array_equal(np.stack(list(stream(path))), whole)


def test_names_that_are_not_text_and_line_ends_in_names_are_written(writer, tmp_path):
    lost = [Rejected("caf\udce9.txt", "odd", "\udce9"), Rejected("Icon\r", "odd", "a\nb", "sad")]
    first = writer(tmp_path)
    first.add("good", made(0))
    for one in lost:
        first.add(one.source, [one])
    first.close()
    second = writer(tmp_path)  # which reads what is there
    assert second.dropped == {"odd": 2} and second.items == 3
    found = list(read_dropped(tmp_path / "dataset" / "dropped.csv"))
    assert [(one.source, one.detail) for one in found] == [
        ("caf\\udce9.txt", "\\udce9"),
        ("Icon\r", "a\nb"),
    ]
    lines = (tmp_path / "dataset" / "dropped.csv").read_bytes()
    assert lines.endswith(b'\ncaf\\udce9.txt,odd,\\udce9,\n"Icon\r",odd,"a\nb",sad\n')


def test_a_new_start_that_is_killed_leaves_no_older_progress(writer, tmp_path):
    first = writer(tmp_path, {"margin": 0})
    write(first, 40, 10)
    first.close()
    second = writer(tmp_path, {"margin": 1}, restart=True)
    write(second, 40, 10)
    for file in second._files:  # a kill before the first record leaves only this
        file.flush()
    third = writer(tmp_path, {"margin": 0})
    assert third.items == third.used == 0
