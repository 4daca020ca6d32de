"""What stands under a table, and its reading in words."""

import pytest
from fabricated import PROVENANCE, plan, put_done, put_plan, story, target

from benchmarks.report import analysis
from benchmarks.report.formats import footnotes
from benchmarks.report.formats.figures import view
from benchmarks.report.formats.html import summary
from benchmarks.results.store import Store
from benchmarks.table import Row

PAIR = [Row("vgg16"), Row("vgg16", "se")]


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    store, of = story(tmp_path_factory.mktemp("runs") / "made-up")
    (store.root / "a-stray-folder").mkdir()
    return view(analysis.report(of, of.cells, store))


def viewed_of(folder, of, outcome, n=200):
    put_plan(Store(folder), of, outcome, n)
    return view(analysis.report(of, of.cells, Store(folder)))


def test_each_target_tells_data_split_sizes_training_and_machine(viewed):
    data, training, machine = footnotes.of_section(viewed.sections[0], viewed)
    assert data == (
        "fer2013: split official, seeds 0, 1, 2; trained on 100 images, epoch chosen on 50, "
        "accuracy on n = 200 test images, 14.50 % of them of one class."
    )
    for part in ("corrected networks, tensorflow", "width 0.25", "batch size 32", "adam", "flip"):
        assert part in training
    assert "Some Processor, 2 cores, CPU only (Python 3.12.0, keras 3.12.0" in machine
    folded, *_ = footnotes.of_section(viewed.sections[1], viewed)
    assert folded.startswith("jaffe: split published, 5 folds,") and "folds together" in folded


def test_only_generated_images_are_called_synthetic(viewed):
    starts = [footnotes.of_section(section, viewed)[0] for section in viewed.sections]
    assert ["synthetic" in start for start in starts] == [False, False, True]


def test_gaps_and_strays_are_counted_with_their_reasons(viewed):
    text = "\n".join(footnotes.of_view(viewed))
    # Three seeds: of vgg19 all of se missing, all of none failed; of cbam one each; 7 folds in all.
    assert "Of 126 cells, 28 are missing and 28 failed: 21 x MemoryError: too large; 7 x" in text
    assert "Ignored 1 folder: a-stray-folder (" in text


def test_the_notes_say_what_numbers_rest_on(viewed):
    text = "\n".join(footnotes.of_view(viewed))
    for part in (
        "± is the standard deviation over seeds, and over folds where there are several.",
        "accuracy minus that of the same backbone without attention, in points, paired by seed",
        "Holm-adjusted over all 12 comparisons",
        "with 80 % power",
        "McNemar's test, which takes the trained networks as given, calls 3 of 6 comparisons",
        "Best seed: the highest test accuracy",
        "Published figures: Somebody (2020).",
    ):
        assert part in text


def test_one_seed_gets_no_verdict_and_is_told_why(tmp_path):
    viewed = viewed_of(
        tmp_path, plan(PAIR, [target()], seeds=1), lambda c: 0.4 + len(c.attention) / 9
    )
    text = "\n".join(footnotes.of_view(viewed))
    assert "training noise comes on top of it. One seed allows no verdict." in text
    assert "Verdict" not in text and "McNemar" not in text and "±" not in text
    assert "1 comparison with the same backbone without attention" in (
        summary.of_section(viewed.sections[0], viewed)
    )


def test_subjects_are_named_where_they_are_known(tmp_path):
    store, of = Store(tmp_path), plan(PAIR, [target()], seeds=2)
    subject = [f"S{i // 5}" for i in range(50)]
    for one in of.cells:
        right = [i % 3 > (one.attention == "se") for i in range(50)]
        put_done(store, one, right, subject=subject)
    viewed = view(analysis.report(of, of.cells, store))
    assert viewed.lines[1].entry.comparison.difference.noise.clusters == 10
    assert "drawn by subject" in "\n".join(footnotes.of_view(viewed))


def test_several_machines_are_counted(tmp_path):
    store, of = Store(tmp_path), plan(PAIR[:1], [target()], seeds=3)
    for one in of.cells:
        other = {**PROVENANCE, "accelerators": ["Some GPU"]}
        changes = {"provenance": other} if one.seed == 2 else {}
        put_done(store, one, [True, False], changes=changes)
    viewed = view(analysis.report(of, of.cells, store))
    machines = footnotes.of_section(viewed.sections[0], viewed)[-1]
    assert "CPU only" in machines and ": 2 cells; " in machines and "Some GPU" in machines


def test_a_record_with_little_provenance_is_still_shown():
    assert footnotes.machine({}) == (
        "unknown processor, unknown number of cores, CPU only (Python unknown)"
    )


def test_the_reading_counts_the_verdicts(viewed):
    text = summary.of_section(viewed.sections[0], viewed)
    assert (
        "3 comparisons with the same backbone without attention: 1 better, 0 worse, 1 without"
        in text
    )
    assert "1 without a verdict, having one seed" in text
    assert "called one is that of vgg16 se: +11.50 [" in text
    assert "1 of 1 are below the published figure" in text
    assert "4 cells missing, 4 failed" in text


def test_nothing_done_yet_can_be_read(tmp_path):
    viewed = viewed_of(tmp_path, plan(PAIR, [target()]), lambda c: None)
    assert summary.of_section(viewed.sections[0], viewed) == (
        "None of 2 networks on fer2013 has a result yet. The table is not whole: 4 cells missing, "
        "0 failed."
    )
    assert (
        footnotes.of_section(viewed.sections[0], viewed)[0]
        == "fer2013: split official, seeds 0, 1."
    )


def test_rows_with_settings_of_their_own_are_pointed_out(tmp_path):
    rows = [Row("vgg16"), Row("vgg16", settings={"optimizer": "sgd"})]
    viewed = viewed_of(tmp_path, plan(rows, [target()], seeds=1), lambda c: 0.5)
    assert "Settings of a row replace these." in footnotes.of_section(viewed.sections[0], viewed)[1]
