"""Test images that equal a training image: found, stored, and told apart in a report."""

import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from fabricated import plan, put_done, target

from benchmarks.plan import datasets
from benchmarks.plan.copies import TrainingCopies, training_copies
from benchmarks.report import analysis, formats
from benchmarks.report.formats import csv_file, footnotes, markdown, text
from benchmarks.report.formats.figures import ReportFigures
from benchmarks.results import copies_file
from benchmarks.results.store import Store
from benchmarks.statistics.paired import compare
from benchmarks.table import Row
from preprocessing import splits

ROWS = [Row("vgg16"), Row("vgg16", "se")]
N, COPIED = 40, (3, 7, 8, 20)
KNOWN = TrainingCopies(rows=COPIED, same_label=(3, 7))


@pytest.fixture
def copied(dataset):
    """The dataset with three test images from training, one of them with another label."""
    images, labels = np.array(dataset.images), dataset.labels
    train, test = (datasets.split(dataset, "official")[name] for name in ("train", "test"))
    same = next(row for row in train if labels[row] == labels[test[0]])
    other = next(row for row in train if labels[row] != labels[test[4]])
    images[test[0]], images[test[4]], images[test[6]] = images[same], images[other], images[same]
    images[test[6]][0, 0, 0] ^= 1  # a pixel differs
    return replace(dataset, images=images), test


def test_copies_have_all_pixels_of_a_training_image(copied, dataset):
    with_copies, test = copied
    found = training_copies(with_copies, "official")
    assert found == TrainingCopies(rows=(test[0], test[4]), same_label=(test[0],))
    assert training_copies(dataset, "official") == TrainingCopies()


def test_copies_of_other_parts_count_on_request(copied):
    dataset, test = copied
    validation = datasets.split(dataset, "official")["validation"]
    images = np.array(dataset.images)
    images[test[2]] = images[validation[0]]
    dataset = replace(dataset, images=images)
    assert training_copies(dataset, "official").rows == (test[0], test[4])
    both = training_copies(dataset, "official", seen=("train", "validation"))
    assert both.rows == tuple(sorted((test[0], test[2], test[4])))
    assert training_copies(dataset, "official", seen=("validation",)).rows == (test[2],)


def test_in_a_cross_validation_each_image_counts_in_the_fold_that_tests_it(dataset):
    images, people = np.array(dataset.images), dataset.subjects
    one, two, three = (np.flatnonzero(people == name) for name in list(dict.fromkeys(people))[:3])
    images[one[1]] = images[one[0]]  # of one person: never on both sides
    images[one[2]] = images[two[0]]
    images[three[0]] = images[two[1]]
    expected = {
        int(row)
        for fold in splits.stored(dataset, "loso")
        for row in fold["test"]
        for seen in fold["train"]
        if np.array_equal(images[row], images[seen])
    }
    assert expected and expected <= {one[2], two[0], two[1], three[0]}
    found = training_copies(replace(dataset, images=images), "loso")
    assert found.rows == tuple(sorted(expected))


def test_copies_are_stored_once_and_read_for_the_same_target_alone(copied, tmp_path):
    dataset, _ = copied
    of = datasets.target(dataset, "official")
    copies_file.write(tmp_path, of, dataset)
    assert copies_file.read(tmp_path, of) == training_copies(dataset, "official")
    (path,) = tmp_path.glob("copies/*.json")
    before = path.stat().st_mtime_ns
    copies_file.write(tmp_path, of, dataset)
    assert path.stat().st_mtime_ns == before
    assert copies_file.read(tmp_path, replace(of, fingerprint=of.fingerprint[:10] + "x")) is None
    assert copies_file.read(tmp_path, replace(of, folds=("other",))) is None
    assert copies_file.read(tmp_path / "none", of) is None
    path.write_text("{")
    assert copies_file.read(tmp_path, of) is None
    copies_file.write(tmp_path, of, dataset)
    assert copies_file.read(tmp_path, of) is not None


def put_copies(store, of, known=KNOWN):
    (path,) = [copies_file._path(store.root, t) for t in of.targets]
    path.parent.mkdir(parents=True)
    record = {
        "schema_version": copies_file.SCHEMA_VERSION,
        "target": copies_file._facts(of.targets[0]),
        "copies": {"rows": known.rows, "same_label": known.same_label},
    }
    path.write_text(json.dumps(record))


def right(row, seed):
    found = np.random.default_rng([len(row.settings), len(row.attention), seed]).random(N) < 0.6
    return found | np.isin(np.arange(N), COPIED)  # all copies are right


def viewed(folder, known=KNOWN, rows=ROWS, **changes):
    store, of = Store(folder), plan(rows, [target()], seeds=3, **changes)
    put_copies(store, of, known)
    for cell in of.cells:
        put_done(store, cell, right(cell.row, cell.seed))
    report = analysis.report(of, of.cells, store)
    assert report.problems == ()
    return ReportFigures.of(report)


def test_accuracies_and_differences_without_copies_are_of_the_other_images(tmp_path):
    plain, attention = viewed(tmp_path).rows
    runs = {row: np.stack([right(row, seed) for seed in range(3)]) for row in ROWS}
    rest = ~np.isin(np.arange(N), COPIED)
    for found, row in zip((plain, attention), ROWS, strict=True):
        assert found.n_copies == 4 and found.on_copies == 100
        assert found.accuracy == pytest.approx(100 * runs[row].mean())
        assert found.without_copies == pytest.approx(100 * runs[row][:, rest].mean())
        # The copies' share of the images times how much better they are predicted.
        worth = 4 / N * (100 - found.without_copies)
        assert found.worth_of_copies == pytest.approx(worth)
    gains = (runs[ROWS[1]].astype(int) - runs[ROWS[0]])[:, rest]
    expected = compare(gains)
    assert attention.difference_without_copies == pytest.approx(expected.mean)
    assert attention.low_without_copies == pytest.approx(expected.low)
    assert attention.high_without_copies == pytest.approx(expected.high)
    assert plain.difference_without_copies is None


def test_the_report_has_a_table_of_copies_with_its_note(tmp_path):
    found = viewed(tmp_path)
    plain, attention = found.rows
    written = markdown.render([found])
    assert (
        "| backbone | attention | all images % (n = 40) | without copies % (n = 36) | "
        "difference without copies | on copies % (n = 4) | all minus without |" in written
    )
    row = (
        f"| vgg16 | none | {plain.accuracy:.2f} | {plain.without_copies:.2f} |  | 100.00 | "
        f"+{plain.worth_of_copies:.2f} |"
    )
    assert row in written
    note = (
        "4 of 40 test images (10.0 %) have the same pixels as an image of the training part, 2 of"
    )
    assert note in written and note in " ".join(text.render([found]).split())
    (first, second) = csv.DictReader(io.StringIO(csv_file.render([found])))
    assert float(first["without_copies"]) == plain.without_copies
    assert float(second["low_without_copies"]) == attention.low_without_copies
    page = formats.render([found.report], "html")
    titles = ("without copies % (n = 36)", "difference without copies", "on copies % (n = 4)")
    assert all(re.search(rf"<th[^>]*>{re.escape(title)}</th>", page) for title in titles)
    assert f">+{plain.worth_of_copies:.2f}</td>" in page
    assert "Copies: 4 of 40 test images (10.0 %)" in page


@pytest.mark.parametrize(
    ("asked", "rows", "words"),
    [
        ({}, ROWS, "has two parts"),
        ({"drop_copies": True}, ROWS, "how much easier the copied images are, not"),
        (
            {"drop_copies": True},
            [ROWS[0], replace(ROWS[0], settings={"drop_copies": False})],
            "Trained on these copies: vgg16 none, with copies. The others were not",
        ),
    ],
    ids=["with", "without", "both"],
)
def test_the_note_says_who_was_trained_on_copies(asked, rows, words, tmp_path):
    found = viewed(tmp_path, rows=rows, asked=tuple(sorted({**asked, "width": 0.25}.items())))
    assert words in footnotes.copies(found.sections[0], found)


@pytest.mark.parametrize("known", [TrainingCopies(), TrainingCopies(rows=(N + 1,))])
def test_without_copies_among_the_test_images_there_is_no_such_table(known, tmp_path):
    found = viewed(tmp_path, known)
    assert "copies" not in markdown.render([found])
    assert found.rows[0].n_copies is None and found.rows[1].difference_without_copies is None


def test_copies_alone_leave_nothing_to_compare(tmp_path):
    found = viewed(tmp_path, TrainingCopies(rows=tuple(range(N)))).rows[1]
    assert found.on_copies == pytest.approx(found.accuracy)
    assert (found.without_copies, found.difference_without_copies) == (None, None)
