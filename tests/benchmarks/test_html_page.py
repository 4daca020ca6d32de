"""The page as a document: what it says, what it embeds, what it may not do."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from fabricated import NAMES, history, plan, put_done, put_failed, put_plan, story, target

from benchmarks.report import analysis
from benchmarks.report.formats import columns, html
from benchmarks.report.formats.columns import MINUS
from benchmarks.report.formats.figures import ReportFigures
from benchmarks.report.formats.html import cells, charts
from benchmarks.results import plan_file
from benchmarks.results.store import Store
from benchmarks.table import Row


class Document(HTMLParser):
    """Elements with their attributes and own text, in order."""

    VOID = frozenset(("meta", "input", "link", "br", "img"))

    def __init__(self, text):
        super().__init__()
        self.elements, self.open = [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])
        if tag not in self.VOID:
            self.open.append(self.elements[-1])

    def handle_startendtag(self, tag, attrs):
        self.elements.append([tag, dict(attrs), ""])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for element in self.open:
            element[2] += data

    def all(self, tag, **attributes):
        return [e for e in self.elements if e[0] == tag and attributes.items() <= e[1].items()]


def page(*reports):
    return Document(html.render([ReportFigures.of(report) for report in reports]))


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    store, of = story(tmp_path_factory.mktemp("runs") / "made-up")
    return analysis.report(of, of.cells, store)


@pytest.fixture(scope="module")
def document(report):
    return page(report)


@pytest.fixture(scope="module")
def data(document):
    return json.loads(document.all("script", type="application/json")[0][2])


def test_the_tables_have_the_figures(report, document):
    found = document.all("table", **{"class": "results"})
    assert len(found) == 3
    for section, table in zip(ReportFigures.of(report).sections, found, strict=True):
        text = re.sub(r"\s+", " ", table[2])
        for line in section.rows:
            numbers = (line.macro_f1, line.sd)
            for part in (columns.difference(line), *map(columns.fixed, numbers)):
                assert part.replace("-", MINUS) in text


def test_ids_are_unique_and_what_is_referred_to_is_there(document):
    ids = [e[1]["id"] for e in document.elements if "id" in e[1]]
    assert len(ids) == len(set(ids))
    for _, attributes, _ in document.elements:
        names = attributes.get("aria-labelledby", "").split() + [attributes.get("for")]
        names += [(attributes.get("href") or "").removeprefix("#"), attributes.get("data-filter")]
        assert {name for name in names if name} <= set(ids)


def test_nothing_is_fetched_from_anywhere(document):
    for tag, attributes, _ in document.elements:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base")
        assert "src" not in attributes and not [key for key in attributes if key.startswith("on")]
        assert attributes.get("href", "#").startswith("#")
    assert (
        "url(" not in document.all("style")[0][2] and "@import" not in document.all("style")[0][2]
    )
    policy = document.all("meta", **{"http-equiv": "Content-Security-Policy"})[0][1]["content"]
    assert "default-src 'none'" in policy


def test_a_hostile_name_stays_text(tmp_path):
    bad = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'{{ 7 * 7 }}"
    row = Row("vgg16", options={"note": bad})
    of = plan([row, Row("vgg19")], [target(classes=(bad, *NAMES[1:]))], seeds=1, title=bad)
    put_plan(Store(tmp_path), of, lambda c: bad if c.row.backbone == "vgg19" else 0.5)
    found = page(analysis.report(of, of.cells, Store(tmp_path)))
    assert len(found.all("script")) == 2 and found.all("img") == []
    assert found.all("title")[0][2] == bad == found.all("h1")[0][2]
    assert bad in found.all("table")[0][2]
    assert json.loads(found.all("script")[0][2])[0]["classes"][0] == bad


def test_curves_are_those_of_the_records(report, data):
    (line,) = [x for x in ReportFigures.of(report).sections[1].rows if x.row == Row("vgg16", "se")]
    (mine,) = [x for x in data if x["name"] == "vgg16 se, jaffe"]
    assert len(mine["cells"]) == 15
    for result, one in zip(line.entry.done, mine["cells"], strict=True):
        assert (one["seed"], one["fold"]) == (result.cell.seed, result.cell.fold)
        for name in cells.CURVES:
            stored = [epoch[name] for epoch in result.record["history"]]
            assert np.allclose(np.array(one[name]) / 1000, stored, atol=0.0005)


def test_confusion_matrices_are_those_of_the_seeds(report, data):
    (mine,) = [x for x in data if x["name"] == "vgg16 se, fer2013"]
    assert (mine["seeds"], mine["classes"]) == ([0, 1, 2], list(NAMES))
    (line,) = [x for x in ReportFigures.of(report).sections[0].rows if x.row == Row("vgg16", "se")]
    for result, confusion in zip(line.entry.done, mine["confusion"], strict=True):
        with np.load(result.path / "predictions.npz") as file:
            counts = np.zeros((7, 7), int)
            np.add.at(counts, (file["labels"], file["probabilities"].argmax(axis=1)), 1)
        assert confusion == counts.tolist()


def test_every_cell_has_its_folder_and_its_number_on_the_page(report, document, data):
    folders = {e[2] for e in document.all("code")}
    results = [r for e in report.entries.values() for r in (*e.done, *e.failed)]
    assert {result.path.name for result in results} <= folders
    by_id = {e[1]["id"]: e[2] for e in document.all("dd") if "id" in e[1]}
    done = [r for line in ReportFigures.of(report).rows for r in line.entry.done]
    ids = [one["id"] for line in data for one in line["cells"]]
    assert ids == list(range(len(done)))
    for number, result in zip(ids, done, strict=True):
        assert by_id[f"c{number}"].startswith(result.path.name)


def test_long_curves_are_thinned_to_their_ends_and_between(tmp_path):
    of = plan([Row("vgg16")], [target()], seeds=1)
    put_done(Store(tmp_path), of.cells[0], [True, False], changes={"history": history(333)})
    line = ReportFigures.of(analysis.report(of, of.cells, Store(tmp_path))).rows[0]
    (one,) = cells.row_data(line, [(7, *line.entry.done)])["cells"]
    assert (one["id"], one["epochs"], len(one["at"])) == (7, 333, cells.POINTS)
    assert (one["at"][0], one["at"][-1]) == (0, 332) and np.diff(one["at"]).max() <= 7
    assert one["loss"] == [round(1000 * (0.4 + 1.5 / (i + 1))) for i in one["at"]]
    assert cells.thinned(50) == list(range(50)) and cells.thinned(0) == []


def test_a_curve_that_is_not_finite_or_not_there_is_left_out(tmp_path):
    curves = [{"epoch": 1, "loss": 1.0, "val_loss": None}, {"epoch": 2, "val_loss": None}]
    of = plan([Row("vgg16")], [target()], seeds=1)
    put_done(Store(tmp_path), of.cells[0], [True, False], changes={"history": curves})
    line = ReportFigures.of(analysis.report(of, of.cells, Store(tmp_path))).rows[0]
    (one,) = cells.row_data(line, [(0, *line.entry.done)])["cells"]
    assert one["loss"] == [1000, None] and "val_loss" not in one and "accuracy" not in one


def test_failed_and_ignored_are_told(tmp_path):
    store, of = Store(tmp_path), plan([Row("vgg16"), Row("vgg19")], [target()], seeds=1)
    put_failed(store, of.cells[0], "MemoryError: too large")
    (tmp_path / "stray").mkdir()
    found = page(analysis.report(of, of.cells, store))
    text = " ".join(e[2] for e in found.all("main"))
    assert "failed: MemoryError: too large" in text and "vgg19 none: 1 missing" in text
    assert "stray" in text and found.all("button", disabled=None)


def test_several_reports_share_a_page(tmp_path):
    store = Store(tmp_path)
    for change in ({}, {"variant": "published"}):
        of = plan([Row("vgg16")], [target()], seeds=1, **change)
        plan_file.write(of, store.root)
        put_plan(store, of, lambda c: 0.5)
    found = page(*analysis.stored(store))
    titles = [e[2] for e in found.all("h2")][:2]
    assert [title[-1] for title in titles] == ["1", "2"]
    assert sorted(title[:-10] for title in titles) == [
        "fer2013, split official: corrected, tensorflow",
        "fer2013, split official: published, tensorflow",
    ]


def test_places_in_a_chart_are_shares_of_its_width():
    assert [charts.Scale(-10, 10).at(v) for v in (-10, 0, 5, 10)] == [0, 50, 75, 100]
    assert charts.Scale(1e3, 1e7, log=True).at(1e5) == 50
    ticks = charts.Scale(1e5, 5e6, log=True).ticks()
    assert [text for _, text in ticks] == ["100 k", "200 k", "500 k", "1 M", "2 M", "5 M"]
    assert charts.Scale(-7, 7).ticks()[0][1] == f"{MINUS}5"


def test_a_forest_plot_has_its_intervals_on_one_scale(report):
    section = ReportFigures.of(report).sections[0]
    plot = charts.forest(section)
    ((backbone, intervals),) = plot.groups
    lines = [line for line in section.rows if line.difference is not None]
    assert backbone == "vgg16" and len(intervals) == len(lines) == 3
    # Two points of the scale fix it; every other place follows.
    first, second = intervals[0].middle, intervals[2].middle
    values = [line.difference for line in lines]
    slope = (second - first) / (values[2] - values[0])
    assert plot.zero == pytest.approx(first - slope * values[0], abs=0.02)
    assert intervals[1].middle == pytest.approx(plot.zero + slope * values[1], abs=0.02)
    for interval, line in zip(intervals, lines, strict=True):
        if not interval.cut_low:
            assert interval.low == pytest.approx(plot.zero + slope * line.low, abs=0.02)
    assert [interval.kind for interval in intervals] == ["better", "nothing", "open"]


def test_an_interval_beyond_the_edge_is_cut_there_and_marked(tmp_path):
    rows = [Row("vgg16"), *(Row("vgg16", name) for name in ("se", "eca", "cbam"))]
    gains = {"none": (0, 0), "se": (0.02, 0.021), "eca": (0.01, 0.012), "cbam": (0.3, -0.28)}
    of = plan(rows, [target()], seeds=2)
    put_plan(Store(tmp_path), of, lambda c: 0.5 + gains[c.row.attention][c.seed], n=1000)
    plot = charts.forest(
        ReportFigures.of(analysis.report(of, of.cells, Store(tmp_path))).sections[0]
    )
    wide = plot.groups[0][1][2]
    assert (wide.low, wide.high, wide.cut_low, wide.cut_high) == (0, 100, True, True)
    assert not plot.groups[0][1][0].cut_high


def test_points_lie_at_cost_and_accuracy(tmp_path):
    of = plan([Row("vgg16"), Row("vgg16", "se"), Row("vgg19")], [target()], seeds=1)
    sizes = {"vgg16": 1_000_000, "vgg19": 4_000_000}
    for one in of.cells:
        parameters = sizes[one.row.backbone] * (2 if one.row.attention == "se" else 1)
        right = np.arange(100) < (50 if one.row.attention == "none" else 60)
        put_done(Store(tmp_path), one, right, changes={"metrics": {"parameters": parameters}})
    section = ReportFigures.of(analysis.report(of, of.cells, Store(tmp_path))).sections[0]
    plot = charts.cost(section, "parameters")
    a, b, c = plot.points
    assert b.x - a.x == pytest.approx(c.x - b.x, abs=0.02) and a.x < b.x
    assert a.y == c.y > b.y
    assert plot.kinds == ("none", "se") and [p.mark for p in plot.points] == [0, 1, 0]
    assert plot.joins == ((a.x, a.y, b.x, b.y),)
    assert charts.cost(section, "multiply_adds") is None
    assert charts.against_published(section) is None
