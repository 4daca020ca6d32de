"""Gains by chance from stored results: what is compared, what is refused, and the files."""

import csv
import io
import struct
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from fabricated import plan, put_done, put_plan, target

from benchmarks.report import __main__ as command
from benchmarks.report import analysis, chance
from benchmarks.report.chance import REAL, SAME, SHUFFLED, SIDES
from benchmarks.report.formats import CHANCE_FORMATS
from benchmarks.report.formats import chance as chance_formats
from benchmarks.results import plan_file
from benchmarks.results.store import Store
from benchmarks.statistics import chance as statistics
from benchmarks.table import Row

SINGLE, BEST, BOTH = SIDES.values()
ROWS = [Row("vgg16", name) for name in ("none", "se", "eca", "cbam")]
ROWS.append(ROWS[1].control)
N = 60


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setitem(statistics.RandomTestSets.__init__.__kwdefaults__, "draws", 400)


def right(row, seed):
    """The images that a run predicts rightly, independently of all other runs."""
    return np.random.default_rng([ROWS.index(row), seed]).random(N) < 0.7


def stored(folder, rows=ROWS, seeds=5, targets=()):
    store, of = Store(folder), plan(rows, targets or [target()], seeds=seeds)
    plan_file.write(of, store.root)
    for cell in of.cells:
        put_done(store, cell, right(cell.row, cell.seed))
    return analysis.stored(store)


@pytest.fixture(scope="module")
def five_seeds(tmp_path_factory):
    return stored(tmp_path_factory.mktemp("runs") / "made-up")


def line(report, n, kind, sides, easier=False):
    wanted = (n, kind, sides, easier)
    (found,) = [x for x in report.lines if (x.n, x.kind, x.sides, x.easier) == wanted]
    return found


def kinds(report):
    return {(line.kind, line.sides) for line in report.lines}


def test_five_seeds_of_five_networks_are_compared_in_all_ways_that_they_allow(five_seeds):
    (found,) = chance.chance_reports(five_seeds)
    modules = "best of 3 modules against one"
    assert kinds(found) == {
        *((SAME, sides) for sides in (SINGLE, BEST)),
        (SHUFFLED, BOTH),  # for the same network, six seeds would be needed
        *((REAL, sides) for sides in (*SIDES.values(), modules)),
    }
    assert found.sizes == [45, N] and found.images == N
    assert [x.kind for x in found.null(45)] == [SAME, SAME, SHUFFLED]
    labels = [row.label for row in ROWS]
    assert list(found.seeds) == labels and set(found.seeds.values()) == {(0, 1, 2, 3, 4)}
    assert line(found, 45, SAME, SINGLE).networks == tuple(labels)
    assert line(found, 45, REAL, SINGLE).networks == tuple(labels[:4])  # the control has none
    assert line(found, 45, SAME, SINGLE).runs == 25 and line(found, 45, REAL, BEST).runs == 20


@pytest.mark.parametrize(("same", "runs"), [(True, 4), (False, 6)])
def test_a_control_that_equals_its_backbone_is_not_counted_twice(tmp_path, same, runs):
    rows = [ROWS[0], ROWS[1], ROWS[4]]
    store, of = Store(tmp_path), plan(rows, [target()], seeds=2)
    plan_file.write(of, store.root)
    for cell in of.cells:
        equal = same and cell.row.matched
        put_done(store, cell, right(ROWS[0] if equal else cell.row, cell.seed))
    (found,) = chance.chance_reports(analysis.stored(store))
    assert line(found, 45, SAME, SINGLE).runs == runs
    assert line(found, 45, SHUFFLED, BEST).runs == runs
    assert len(found.seeds) == runs / 2


def test_six_seeds_allow_the_best_of_three_against_the_best_of_three(tmp_path):
    (found,) = chance.chance_reports(stored(tmp_path, ROWS[:1], seeds=6))
    assert kinds(found) == {(SAME, sides) for sides in SIDES.values()}


def test_two_seeds_of_one_network_suffice_and_are_named(tmp_path):
    (found,) = chance.chance_reports(stored(tmp_path, ROWS[:1], seeds=2))
    assert kinds(found) == {(SAME, SINGLE)}
    first, second = (right(ROWS[0], seed).sum() for seed in (0, 1))
    gains = line(found, N, SAME, SINGLE).gains
    assert gains.exact and gains.probability[N + first - second] == pytest.approx(0.5)
    note = chance_formats.notes(found)[1]
    assert "vgg16 none (seeds 0, 1)" in note
    differ = np.mean(right(ROWS[0], 0) != right(ROWS[0], 1))
    assert f"exactly one is right on {100 * differ:.1f} %" in note


def test_a_single_seed_is_refused_and_nothing_is_written(tmp_path, capsys):
    stored(tmp_path, seeds=1)
    before = sorted(tmp_path.iterdir())
    for more in ([], ["--write"]):
        assert command.main([str(tmp_path), "--chance", *more]) == 2
        said = capsys.readouterr()
        assert "at least two finished seeds, got 5 networks with at most 1." in said.err
        assert not said.out
    assert sorted(tmp_path.iterdir()) == before


def test_real_comparisons_are_of_attention_with_the_reference(five_seeds):
    (found,) = chance.chance_reports(five_seeds)
    counts = {row: [right(row, seed).sum() for seed in range(5)] for row in ROWS}
    expected = np.zeros(2 * N + 1)
    for row in ROWS[1:4]:
        for mine in counts[row]:
            for other in counts[ROWS[0]]:
                expected[N + mine - other] += 1 / 75
    found = line(found, N, REAL, SINGLE).gains.probability
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_names_are_drawn_among_rows_with_the_same_reference(tmp_path):
    rows = [Row(backbone, name) for backbone in ("vgg16", "vgg19") for name in ("none", "se")]
    store, of = Store(tmp_path), plan(rows, [target()], seeds=2)
    plan_file.write(of, store.root)
    put_plan(store, of, lambda c: 0.5 if c.row.backbone == "vgg16" else 0.9, n=N)
    (found,) = chance.chance_reports(analysis.stored(store))
    # Runs of one backbone all have the same accuracy here, those of two backbones do not.
    assert line(found, N, SHUFFLED, BEST).gains.above_zero == 0
    assert line(found, N, SHUFFLED, BEST).runs == 8


def test_a_network_with_another_backbone_than_its_reference_is_left_to_itself(tmp_path):
    rows = [Row("vgg16"), Row("vgg16", "se"), Row("vgg19", "se")]
    store, of = Store(tmp_path), plan(rows, [target()], seeds=2, chosen={"": rows[0]})
    plan_file.write(of, store.root)
    put_plan(store, of, lambda c: 0.5 if c.row.backbone == "vgg16" else 0.9, n=N)
    (found,) = chance.chance_reports(analysis.stored(store))
    assert line(found, N, SHUFFLED, BEST).gains.above_zero == 0
    assert line(found, N, REAL, SINGLE).networks == ("vgg16 none", "vgg16 se")
    assert line(found, N, SAME, SINGLE).runs == 6


def test_networks_of_different_test_images_are_refused(tmp_path):
    store, of = Store(tmp_path), plan([Row("vgg16"), Row("vgg19")], [target()], seeds=2)
    plan_file.write(of, store.root)
    for one in of.cells:
        put_done(store, one, [True, False], sample=[0, 1 if one.row.backbone == "vgg16" else 2])
    with pytest.raises(ValueError, match="vgg19 none and vgg16 none.*same images of fer2013"):
        chance.chance_reports(analysis.stored(store))


def test_published_gains_stand_beside_test_sets_of_their_size(five_seeds):
    (found,) = chance.chance_reports(five_seeds)
    assert {n: of.dataset for n, of in found.published.items()} == {45: "jaffe", N: "fer2013"}
    jaffe = found.published[45]
    assert len(jaffe.points) == 24 and jaffe.n == 45
    # VGG-16 with SE, ECA, CBAM: 64.44 to 68.89, 73.33, 75.56.
    assert jaffe.points[:3] == (4.45, 8.89, 11.12)
    assert jaffe.positive == 21  # ResNet-152 has the same figure four times
    gains = line(found, 45, SAME, SINGLE).gains
    low, high = gains.span()
    assert jaffe.inside(gains) == sum(low - 0.02 < x < high + 0.02 for x in jaffe.points)


def test_lines_without_a_difference_are_repeated_at_the_published_accuracy(five_seeds):
    (found,) = chance.chance_reports(five_seeds)
    assert found.published[45].accuracy == 73.33  # the median of 32 networks on JAFFE
    for sides, kind in zip(SIDES.values(), (SAME, SAME, SHUFFLED), strict=True):
        usual, easy = (line(found, 45, kind, sides, easier) for easier in (False, True))
        assert easy.accuracy == pytest.approx(73.33, abs=0.3) and usual.accuracy < 72
        assert easy.gains.span()[1] <= usual.gains.span()[1]
    assert {x.kind for x in found.lines if x.easier} == {SAME, SHUFFLED}
    # On FER2013 the published networks are less accurate than these.
    assert not any(x.easier for x in found.lines if x.n == N)
    assert found.null(45, easier=True) == tuple(x for x in found.lines if x.easier)


def test_a_gain_that_was_rounded_up_is_still_in_the_span():
    third = np.zeros(7)
    third[4] = 1  # always one of three images: 33.33 points
    gains = statistics.GainDistribution(3, third, exact=True)
    assert chance.PublishedGains("jaffe", 3, 70.0, (33.33, 33.34, 33.36, 0.0)).inside(gains) == 2


def test_text_and_markdown_and_csv_say_the_same(five_seeds):
    reports = chance.chance_reports(five_seeds)
    lines = list(csv.DictReader(io.StringIO(CHANCE_FORMATS["csv"](reports))))
    (found,) = reports
    assert len(lines) == len(found.lines)
    for read, one in zip(lines, found.lines, strict=True):
        assert (int(read["n"]), read["kind"], read["sides"]) == (one.n, one.kind, one.sides)
        assert float(read["at_least_2"]) == one.gains.at_least(2)
        assert (float(read["low"]), float(read["high"])) == one.gains.span()
        assert (read["draws"] == "exact") == (one.sides == SINGLE)
    table = CHANCE_FORMATS["markdown"](reports)
    share = f"{100 * line(found, 45, SAME, SINGLE).gains.above_zero:.1f}"
    accuracy = f"{100 * np.mean([right(row, seed) for row in ROWS for seed in range(5)]):.1f}"
    assert f"| 45 | {accuracy} | same network | one run against one | {share} |" in table
    text = CHANCE_FORMATS["text"](reports)
    assert share in text and max(map(len, text.splitlines())) <= 120
    for written in (text, table):
        assert "JAFFE: 24 published gains on 45 test images, from +0.00 to +15.56" in written
        flowing = " ".join(written.split())
        assert "without replacement and not stratified" in flowing
        assert "lie within that of best of three against best of three." in flowing
        assert flowing.count("A span on as many images would be narrower.") == 1  # FER2013


def test_the_command_prints_and_writes(tmp_path, capsys):
    folder = tmp_path / "made-up"
    stored(folder)
    assert command.main([str(folder), "--chance", "--format", "csv"]) == 0
    printed = capsys.readouterr().out
    assert command.main([str(folder), "--chance", "--write"]) == 0
    names = ["made-up.md", "made-up.csv", "chance.md", "chance.csv", "chance.svg", "chance.png"]
    assert capsys.readouterr().out.split() == [str(folder / name) for name in names]
    assert (folder / "chance.csv").read_text() == printed
    assert command.main([str(folder), "--format", "markdown"]) == 0
    assert (folder / "made-up.md").read_text() == capsys.readouterr().out
    picture = (folder / "chance.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and struct.unpack(">I", picture[16:20]) == (1040,)
    assert ElementTree.fromstring((folder / "chance.svg").read_bytes()).tag.endswith("svg")
    again = (folder / "chance.svg").read_bytes()
    assert command.main([str(folder), "--chance", "--write"]) == 0
    assert (folder / "chance.svg").read_bytes() == again


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--write", "--format", "csv"], "--write chooses its own files"),
        (["--write", "--output", "x.md"], "--write chooses its own files"),
        (["--chance", "--format", "html"], "'html'"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, words, tmp_path, capsys):
    stored(tmp_path, ROWS[:1], seeds=2)
    assert command.main([str(tmp_path), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_each_target_has_its_own_table_and_picture(tmp_path):
    targets = [target(), replace(target("mine"), fingerprint="b" * 64)]
    reports = stored(tmp_path / "made-up", ROWS[:2], seeds=2, targets=targets)
    first, second = chance.chance_reports(reports)
    assert (first.target.dataset, second.target.dataset) == ("fer2013", "mine")
    assert N not in second.published  # no published figures of that dataset
    assert command.main([str(tmp_path / "made-up"), "--chance", "--write"]) == 0
    assert {path.name for path in (tmp_path / "made-up").glob("chance-*")} == {
        f"chance-{number}.{suffix}" for number in (1, 2) for suffix in ("svg", "png")
    }
