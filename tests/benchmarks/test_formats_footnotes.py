"""The footnotes of a table, and the summary of its findings in words."""

import re

import pytest
from fabricated import PROVENANCE, plan, put_done, put_plan, story, target

from benchmarks.report import analysis
from benchmarks.report.formats import columns, footnotes
from benchmarks.report.formats.figures import ReportFigures
from benchmarks.report.formats.html import summary
from benchmarks.results.store import Store
from benchmarks.table import Row

PAIR = [Row("vgg16"), Row("vgg16", "se")]


@pytest.fixture(scope="module")
def viewed(tmp_path_factory):
    store, of = story(tmp_path_factory.mktemp("runs") / "made-up")
    (store.root / "a-stray-folder").mkdir()
    return ReportFigures.of(analysis.report(of, of.cells, store))


def viewed_of(folder, of, outcome, n=200):
    put_plan(Store(folder), of, outcome, n)
    return ReportFigures.of(analysis.report(of, of.cells, Store(folder)))


def test_each_target_tells_data_split_sizes_training_and_machine(viewed):
    data, training, machine = footnotes.of_section(viewed.sections[0], viewed)
    assert re.match(r"fer2013: split official, seeds 0, 1, 2\b", data)
    assert re.search(r"rained on 100 .*\b50 validation.*n = 200\b.*14\.50 %", data)
    for part in ("corrected networks, tensorflow", "width 0.25", "batch size 32", "adam", "flip"):
        assert part in training
    assert "Some Processor, 2 cores, CPU only (Python 3.12.0, keras 3.12.0" in machine
    folded, *_ = footnotes.of_section(viewed.sections[1], viewed)
    assert folded.startswith("jaffe: split published, 5 folds,") and "pooled" in folded


def test_only_generated_images_are_called_synthetic(viewed):
    starts = [footnotes.of_section(section, viewed)[0] for section in viewed.sections]
    assert ["synthetic" in start for start in starts] == [False, False, True]


def test_gaps_and_strays_are_counted_with_their_reasons(viewed):
    text = "\n".join(footnotes.of_report(viewed))
    # Three seeds: of vgg19 all of se missing, all of none failed; of cbam one each; 7 folds in all.
    failed = "28 failed: 21 x MemoryError: too large; 7 x"
    assert f"28 of 126 cells are missing; {failed}" in text
    assert re.search(r"Ignored 1 folder\b.*a-stray-folder \(", text)


@pytest.mark.parametrize(
    ("outcome", "note"),
    [
        ((0.5, None), "1 of 2 cells is missing; none failed."),
        ((None, None), "2 of 2 cells are missing; none failed."),
        ((0.5, "MemoryError: too large"), "0 of 2 cells are missing; 1 failed: 1 x Mem"),
        ((0.5, 0.5), ""),
    ],
)
def test_gaps_are_counted_in_plain_words(tmp_path, outcome, note):
    found = viewed_of(tmp_path, plan(PAIR[:1], [target()]), lambda c: outcome[c.seed])
    assert footnotes.gaps(found).startswith(note) and bool(footnotes.gaps(found)) == bool(note)


def test_what_too_few_data_cannot_detect_is_said(tmp_path):
    chances = {("none", 0): 0.9, ("none", 1): 0.1, ("se", 0): 0.1, ("se", 1): 0.9}
    found = viewed_of(
        tmp_path, plan(PAIR, [target()]), lambda c: chances[c.row.attention, c.seed], n=20
    )
    assert found.rows[1].detectable >= 100
    words = "too few data to detect any"
    assert columns.verdict(found.rows[1]) == f"no detectable difference ({words})"
    assert f'with 80 % power; "{words}" if none would have been.' in " ".join(
        footnotes.of_report(found)
    )


def test_a_reason_that_is_a_sentence_ends_the_note_once(tmp_path):
    of = plan([Row("vgg16")], [target()], seeds=1)
    text = "\n".join(
        footnotes.of_report(viewed_of(tmp_path, of, lambda _: "ValueError: no. Use 8."))
    )
    assert "1 failed: 1 x ValueError: no. Use 8." in text and ".." not in text


def test_the_notes_say_what_numbers_rest_on(viewed):
    text = "\n".join(footnotes.of_report(viewed))
    for pattern in (
        "± is the standard deviation over seeds, and over folds",
        "Difference: .* the same backbone without attention.*paired by seed.*95 % interval",
        "between training runs and between test images, but not between training sets",
        "5 %.*adjusted for all 12 comparisons.*Holm",
        "with 80 % power",
        "McNemar's test.* 3 of 6 comparisons .*5 %.*unadjusted",
        "Best seed: the highest test accuracy",
        r"Published figures: Somebody \(2020\)\.",
    ):
        assert re.search(pattern, text), pattern


def test_one_seed_gets_no_verdict_and_is_told_why(tmp_path):
    viewed = viewed_of(
        tmp_path, plan(PAIR, [target()], seeds=1), lambda c: 0.4 + len(c.row.attention) / 9
    )
    text = "\n".join(footnotes.of_report(viewed))
    assert re.search("not between training runs; a single seed allows no verdict", text)
    assert "Verdict" not in text and "McNemar" not in text and "±" not in text
    found = summary.of_section(viewed.sections[0], viewed)
    assert re.search("1 comparison with the same backbone.*single seed.*no verdict", found)


def test_subjects_are_named_where_they_are_known(tmp_path):
    store, of = Store(tmp_path), plan(PAIR, [target()], seeds=2)
    subject = [f"S{i // 5}" for i in range(50)]
    for one in of.cells:
        right = [i % 3 > (one.row.attention == "se") for i in range(50)]
        put_done(store, one, right, subject=subject)
    viewed = ReportFigures.of(analysis.report(of, of.cells, store))
    assert viewed.rows[1].entry.comparison.difference.noise.clusters == 10
    assert "between subjects" in "\n".join(footnotes.of_report(viewed))


def test_several_machines_are_counted(tmp_path):
    store, of = Store(tmp_path), plan(PAIR[:1], [target()], seeds=3)
    for one in of.cells:
        other = {**PROVENANCE, "accelerators": ["Some GPU"]}
        changes = {"provenance": other} if one.seed == 2 else {}
        put_done(store, one, [True, False], changes=changes)
    viewed = ReportFigures.of(analysis.report(of, of.cells, store))
    machines = footnotes.of_section(viewed.sections[0], viewed)[-1]
    assert "CPU only" in machines and ": 2 cells; " in machines and "Some GPU" in machines


def test_the_summary_counts_the_verdicts(viewed):
    text = summary.of_section(viewed.sections[0], viewed)
    for pattern in (
        r"40\.00 % \(vgg16 cbam\) to 62\.50 % \(vgg16 se\).*14\.50 %",
        "3 comparisons with the same backbone without attention: 1 better, 0 worse, 1 without",
        r"1 without a verdict \(single seed\)",
        r"largest detected difference .*vgg16 se: \+11\.50 \[",
        r"1 of 1 network .*below.* -0\.55 ",
        "4 cells missing, 4 failed",
    ):
        assert re.search(pattern, text), pattern


def test_nothing_done_yet_can_be_read(tmp_path):
    viewed = viewed_of(tmp_path, plan(PAIR, [target()]), lambda c: None)
    text = summary.of_section(viewed.sections[0], viewed)
    assert "No result yet for 2 networks on fer2013" in text and "4 cells missing" in text
    notes = footnotes.of_section(viewed.sections[0], viewed)
    assert notes[0] == "fer2013: split official, seeds 0, 1."


def test_rows_with_settings_of_their_own_are_pointed_out(tmp_path):
    rows = [Row("vgg16"), Row("vgg16", settings={"optimizer": "sgd"})]
    viewed = viewed_of(tmp_path, plan(rows, [target()], seeds=1), lambda c: 0.5)
    assert "settings of a row override these" in footnotes.of_section(viewed.sections[0], viewed)[1]
