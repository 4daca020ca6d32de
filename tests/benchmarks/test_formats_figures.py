"""The figures of a report against their definitions, computed here from the stored predictions."""

import numpy as np
import pytest
from fabricated import CLASSES, plan, put_done, put_plan, story, target
from sklearn.metrics import f1_score

from benchmarks.report import analysis
from benchmarks.report.formats import columns
from benchmarks.report.formats.columns import FULL, SHORT, heading, shown
from benchmarks.report.formats.figures import ReportFigures
from benchmarks.results.store import Store
from benchmarks.statistics.paired import NO_DIFFERENCE
from benchmarks.table import Row


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    store, of = story(tmp_path_factory.mktemp("runs") / "made-up")
    return ReportFigures.of(analysis.report(of, of.cells, store))


def line(viewed, dataset, backbone, attention):
    (section,) = [s for s in viewed.sections if s.target.dataset == dataset]
    (found,) = [x for x in section.rows if x.row == Row(backbone, attention)]
    return found


def predicted(result):
    with np.load(result.path / "predictions.npz") as file:
        return file["labels"], file["probabilities"].argmax(axis=1)


@pytest.mark.parametrize("attention", ["none", "se", "eca"])
def test_scores_are_means_over_the_seeds_of_what_is_stored(viewed, attention):
    found = line(viewed, "fer2013", "vgg16", attention)
    pairs = [predicted(result) for result in found.entry.done]
    accuracies = [100 * np.mean(labels == guess) for labels, guess in pairs]
    f1 = [f1_score(labels, guess, average="macro") for labels, guess in pairs]
    assert found.accuracy == pytest.approx(np.mean(accuracies))
    assert found.sd == pytest.approx(np.std(accuracies, ddof=1))
    assert found.best_seed == pytest.approx(max(accuracies))
    assert found.macro_f1 == pytest.approx(100 * np.mean(f1))
    assert (found.seeds, found.n) == (3, 200)


def test_folds_are_scored_together_and_spread_over_seeds_and_folds(viewed):
    found = line(viewed, "jaffe", "vgg16", "se")
    runs = [(labels == guess) for labels, guess in map(predicted, found.entry.done)]
    assert len(runs) == 15 and found.n == 200
    assert found.accuracy == pytest.approx(100 * np.concatenate(runs).mean())
    assert found.sd == pytest.approx(100 * np.std([r.mean() for r in runs], ddof=1))
    assert found.confusion.sum() == 3 * 200


def test_a_difference_is_to_the_same_backbone_seed_by_seed(viewed):
    figures = line(viewed, "fer2013", "vgg16", "se")
    assert figures.reference == "vgg16 none"
    assert figures.difference == pytest.approx(100 * np.mean([0.11, 0.115, 0.12]))
    assert figures.low < figures.difference < figures.high
    assert figures.verdict == "better" and figures.detectable is None
    assert (figures.network_only, figures.reference_only) == (22 + 23 + 24, 0)
    plain = line(viewed, "fer2013", "vgg16", "none")
    assert (plain.difference, plain.verdict, plain.reference) == (None, "", "")


def test_where_nothing_is_detected_it_says_what_could_have_been(viewed):
    figures = line(viewed, "fer2013", "vgg16", "eca")
    assert figures.verdict == NO_DIFFERENCE and figures.detectable > 0
    assert columns.verdict(figures) == f"{NO_DIFFERENCE} (from {figures.detectable:.1f})"


def test_unfinished_rows_show_how_far_they_are(viewed):
    def texts(dataset, backbone, attention):
        figures = line(viewed, dataset, backbone, attention)
        (section,) = [s for s in viewed.sections if s.target.dataset == dataset]
        return columns.ACCURACY.text(figures, section)

    assert texts("fer2013", "vgg16", "se") == "62.50 ± 1.50"
    assert texts("fer2013", "vgg16", "cbam") == "40.00 (1 of 3 seeds, 1 cell failed)"
    assert texts("fer2013", "vgg19", "none") == "failed: MemoryError: too large"
    assert texts("fer2013", "vgg19", "se") == "missing"
    cbam = line(viewed, "jaffe", "vgg16", "cbam")
    assert (cbam.done, cbam.failed, cbam.missing) == (5, 5, 5)


def test_a_seed_that_lacks_a_fold_is_not_averaged(tmp_path):
    of = plan([Row("vgg16")], [target(folds=3)], seeds=2)
    put_plan(
        Store(tmp_path), of, lambda c: None if (c.seed, c.fold) == (1, 2) else 0.5 + c.seed / 4
    )
    report = analysis.report(of, of.cells, Store(tmp_path))
    figures = ReportFigures.of(report).rows[0]
    assert (figures.seeds, figures.seeds_planned, figures.missing) == (1, 2, 1)
    assert figures.accuracy == pytest.approx(50, abs=0.5)


def test_only_folds_and_no_whole_seed_is_no_accuracy(tmp_path):
    of = plan([Row("vgg16")], [target(folds=3)], seeds=1)
    put_plan(Store(tmp_path), of, lambda c: None if c.fold else 0.5)
    figures = ReportFigures.of(analysis.report(of, of.cells, Store(tmp_path))).rows[0]
    assert figures.accuracy is None and columns.state(figures) == "1 of 3 cells"


def test_duplicates_are_left_out_of_their_own_column_alone(tmp_path):
    store, of = Store(tmp_path), plan([Row("vgg16")], [target()], seeds=1)
    right = np.arange(100) < 60
    put_done(store, of.cells[0], right, duplicate=np.arange(100) < 20)
    built = ReportFigures.of(analysis.report(of, of.cells, store))
    figures = built.rows[0]
    assert figures.accuracy == pytest.approx(60)
    assert figures.without_duplicates == pytest.approx(50) and figures.n_without_duplicates == 80


def test_calibration_and_loss_are_those_of_the_probabilities(tmp_path):
    store, of = Store(tmp_path), plan([Row("vgg16")], [target()], seeds=1)
    put_done(store, of.cells[0], np.arange(100) < 60)
    figures = ReportFigures.of(analysis.report(of, of.cells, store)).rows[0]
    # Each prediction has 0.7, 60 % are right; the label has 0.7 where right and 0.05 where not.
    assert figures.calibration_error == pytest.approx(10, abs=1e-3)
    assert figures.loss == pytest.approx(-0.6 * np.log(0.7) - 0.4 * np.log(0.05), rel=1e-5)
    assert figures.majority == pytest.approx(100 * -(-100 // CLASSES) / 100)


def test_columns_without_content_are_not_shown(viewed):
    first, second, third = viewed.sections
    titles = [column.title for column in shown(SHORT, first)]
    assert titles == [
        "backbone", "attention", "parameters", "accuracy %", "difference", "verdict",
        "macro F1 %", "published %",
    ]  # fmt: skip
    assert "best seed %" in [column.title for column in shown(SHORT, second)]
    assert "published %" not in [column.title for column in shown(FULL, third)]


def test_n_and_seeds_stand_in_the_heading_where_all_whole_rows_agree_on_them(viewed, tmp_path):
    assert heading(columns.ACCURACY, viewed.sections[0]) == "fer2013 accuracy % (n = 200, 3 seeds)"
    of = plan([Row("vgg16"), Row("vgg16", "se")], [target()], seeds=2)
    put_plan(Store(tmp_path), of, lambda c: 0.5)
    (section,) = ReportFigures.of(analysis.report(of, of.cells, Store(tmp_path))).sections
    assert heading(columns.ACCURACY, section) == "fer2013 accuracy % (n = 200, 2 seeds)"
    assert columns.ACCURACY.text(section.rows[0], section) == "50.00 ± 0.00"


def test_rows_of_different_n_and_seeds_each_tell_theirs(tmp_path):
    store, of = Store(tmp_path), plan([Row("vgg16"), Row("vgg19")], [target()], seeds=2)
    some = [c for c in of.cells if c.row.backbone == "vgg16" or c.seed == 0]
    for one in some:
        put_done(store, one, np.arange(10 if one.row.backbone == "vgg16" else 20) < 5)
    (section,) = ReportFigures.of(analysis.report(of, some, store)).sections
    assert heading(columns.ACCURACY, section) == "fer2013 accuracy %"
    texts = [columns.ACCURACY.text(line, section) for line in section.rows]
    assert texts == ["50.00 ± 0.00 (2 seeds, n = 10)", "25.00 (1 seed, n = 20)"]


def test_seeds_on_different_images_are_refused(tmp_path):
    store, of = Store(tmp_path), plan([Row("vgg16")], [target()], seeds=2)
    put_done(store, of.cells[0], [True, False], sample=[0, 1])
    put_done(store, of.cells[1], [True, False], sample=[0, 2])
    with pytest.raises(ValueError, match="seeds of vgg16 none on fer2013.*same images"):
        analysis.report(of, of.cells, store)


def test_every_planned_comparison_counts_in_the_adjustment(tmp_path):
    rows = [Row("vgg16"), Row("vgg16", "se"), Row("vgg16", "eca"), Row("vgg16", "cbam")]
    of = plan(rows, [target()], seeds=3)

    def outcome(one):
        known = {"none": 0.5, "se": 0.6}.get(one.row.attention)
        return None if known is None else known + one.seed / 100

    put_plan(Store(tmp_path), of, outcome)
    report = analysis.report(of, of.cells, Store(tmp_path))
    comparison = report.entries[rows[1], of.targets[0]].comparison
    assert comparison.adjusted == pytest.approx(min(1, 3 * comparison.difference.p))


def test_rows_chosen_as_reference_are_compared_and_counted(tmp_path):
    rows = [Row("vgg16"), Row("vgg19"), Row("resnet50")]
    of = plan(rows, [target()], seeds=3, chosen={"": rows[0]})
    put_plan(Store(tmp_path), of, lambda c: None if c.row.backbone == "resnet50" else 0.5)
    report = analysis.report(of, of.cells, Store(tmp_path))
    comparison = report.entries[rows[1], of.targets[0]].comparison
    assert comparison.reference == rows[0] and comparison.verdict == NO_DIFFERENCE
    assert report.entries[rows[0], of.targets[0]].comparison is None


@pytest.mark.parametrize(
    ("value", "sign", "text"),
    [
        (0.004, True, "+0.00"),
        (-0.004, True, "+0.00"),
        (-0.004, False, "0.00"),
        (-12.346, True, "-12.35"),
        (None, True, ""),
    ],
)
def test_numbers_are_rounded_without_a_negative_zero(value, sign, text):
    assert columns.fixed(value, sign) == text


def test_p_values_are_never_printed_as_zero():
    assert [columns.p_value(p) for p in (None, 0.0009, 0.001, 0.5)] == [
        "",
        "<0.001",
        "0.001",
        "0.500",
    ]


def test_a_report_of_nothing_has_no_section(tmp_path):
    report = analysis.report(plan([Row("vgg16")], [target()]), [], Store(tmp_path))
    assert ReportFigures.of(report).sections == ()
