"""The page in a real browser, see tests/conftest.py."""

import re

import pytest
from fabricated import plan, put_plan, story, target

from benchmarks.report import analysis, formats
from benchmarks.report.formats.columns import MINUS
from benchmarks.results.store import Store
from benchmarks.table import Row


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page of a half-finished table on three datasets."""
    store, of = story(tmp_path_factory.mktemp("runs") / "made-up")
    return write(analysis.report(of, of.cells, store), tmp_path_factory.mktemp("page"))


@pytest.fixture
def visit(browser, address):
    """Opens the page; at the end, whatever it complained of or asked for fails the test."""
    contexts, complaints = [], []

    def open_page(path=None, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda r: complaints.append(r.url) if r.url != (path or address) else 0)
        page.goto(path or address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def write(report, folder):
    path = folder / "table.html"
    path.write_text(formats.render([report], "html"), encoding="utf-8")
    return path.as_uri()


def rows(page, column, table=0):
    """Texts of a column, top to bottom."""
    lines = page.locator("table.results").nth(table).locator("tbody tr:visible")
    return [line.locator("> *").nth(column).inner_text().strip() for line in lines.all()]


def number(text):
    found = re.match(rf"[+{MINUS}]?[\d.,]+", text)
    return float(found[0].replace(",", "").replace(MINUS, "-")) if found else None


def test_columns_sort_both_ways_with_the_empty_ones_last(visit):
    page = visit()
    header = page.locator("table.results").first.locator("thead th")
    titles = [text.strip() for text in header.all_inner_texts()]
    for title, way in (("difference", "ascending"), ("difference", "descending")):
        column = titles.index(title)
        header.nth(column).locator("button").click()
        assert header.nth(column).get_attribute("aria-sort") == way
        found = [number(text) for text in rows(page, column)]
        known = [value for value in found if value is not None]
        assert len(known) == 3 and known == sorted(known, reverse=way == "descending")
        assert found[3:] == [None] * 3
    attention = titles.index("attention")
    header.nth(attention).locator("button").press("Enter")
    assert rows(page, attention) == sorted(rows(page, attention))
    assert header.nth(attention).get_attribute("aria-sort")
    assert page.locator("table.results").first.locator("[aria-sort]").count() == 1


def test_a_row_opens_with_curves_and_the_confusion_of_its_seed(visit):
    page = visit()
    page.get_by_role("button", name="Details of vgg16 se").nth(1).click()
    panel = page.get_by_role("dialog")
    assert panel.get_by_role("heading", level=2).inner_text() == "vgg16 se, jaffe"
    assert panel.get_by_role("img").count() == 2 and panel.locator("polyline").count() == 4
    assert "jaffe-vgg16-se-s0-" in panel.inner_text() and "epoch 2 of 3" in panel.inner_text()
    panel.get_by_label("Seed").select_option("1")
    panel.get_by_label("Fold").select_option("3")
    assert "jaffe-vgg16-se-s1-f3-" in panel.locator("#panel-origin").inner_text()
    counts = panel.locator(".confusion tbody td:last-child").all_inner_texts()
    assert sum(map(int, counts)) == 200
    panel.get_by_label("Seed").select_option("all")
    counts = panel.locator(".confusion tbody td:last-child").all_inner_texts()
    assert sum(map(int, counts)) == 600 and panel.locator("polyline").count() == 0
    page.keyboard.press("Escape")
    assert not panel.is_visible()


def test_curves_lie_where_their_numbers_put_them(visit):
    page = visit()
    page.get_by_role("button", name="Details of vgg16 none").first.click()
    points = page.locator("#panel-curves polyline").first.get_attribute("points").split()
    places = [tuple(map(float, point.split(","))) for point in points]
    # Loss 1.9, 1.15, 0.9 in three epochs, validation loss 2.0, 1.304, 1.075: from 2.0 down to 0.9.
    expected = [(0, 100 * 0.1 / 1.1), (50, 100 * 0.85 / 1.1), (100, 100)]
    for place, wanted in zip(places, expected, strict=True):
        assert place == pytest.approx(wanted, abs=0.2)


def test_rows_without_results_have_nothing_to_open(visit):
    buttons = visit().get_by_role("button", name="Details of vgg19", disabled=True)
    assert buttons.count() == 6


def test_it_can_be_used_with_the_keyboard_alone(visit):
    page = visit()
    button = page.get_by_role("button", name="Details of vgg16 none").first
    button.focus()
    page.keyboard.press("Enter")
    panel = page.get_by_role("dialog")
    assert panel.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('dialog') !== null")
    page.keyboard.press("Escape")
    assert button.evaluate("element => element === document.activeElement")
    page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(focused) == "solid"


def test_many_rows_can_be_filtered(visit, tmp_path):
    of = plan([Row("vgg16", options={"width": i}) for i in range(15)], [target()], seeds=1)
    put_plan(Store(tmp_path), of, lambda c: 0.5)
    page = visit(write(analysis.report(of, of.cells, Store(tmp_path)), tmp_path))
    page.get_by_label("Filter rows by").fill("WIDTH 1")
    assert rows(page, 3) == [f"width {i}" for i in (1, 10, 11, 12, 13, 14)]
    assert page.get_by_role("status").inner_text() == "6 of 15 rows"


def test_the_costs_can_be_chosen(visit, tmp_path):
    store, of = Store(tmp_path), plan([Row("vgg16")], [target()], seeds=1)
    put_plan(store, of, lambda c: 0.5, changes={"metrics": {"multiply_adds": 10**9}})
    page = visit(write(analysis.report(of, of.cells, store), tmp_path))
    parameters, operations = page.locator(".by-parameters"), page.locator(".by-operations")
    assert parameters.is_visible() and not operations.is_visible()
    page.get_by_label("multiply-adds per image").check()
    assert operations.is_visible() and not parameters.is_visible()


WIDTHS = "[document.documentElement.scrollWidth, innerWidth]"
# Texts of the table's cells that something covers, or that the edge of the table cuts.
COVERED = """() => [...document.querySelectorAll(".results td, .results th")].filter(cell => {
  if (!cell.offsetParent || cell.matches(".more")) return false;
  cell.scrollIntoView({ block: "center", inline: "nearest" });
  const range = document.createRange();
  range.selectNodeContents(cell);
  const region = cell.closest(".scroll").getBoundingClientRect();
  return [...range.getClientRects()].some(({ left, right, top, bottom }) => {
    if (right - left < 2) return false;
    const seen = x => cell.contains(document.elementFromPoint(x, (top + bottom) / 2));
    return left < region.left || right > region.right || !seen(left + 1) || !seen(right - 1);
  });
}).map(cell => cell.textContent.trim())"""


@pytest.mark.parametrize("width", [320, 390, 768, 1024, 1280])
@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_no_digit_is_covered_or_cut(visit, width, scheme):
    page = visit(viewport={"width": width, "height": 800}, color_scheme=scheme)
    assert page.evaluate(WIDTHS) == [width, width]
    assert page.evaluate(COVERED) == []
    assert page.get_by_role("cell", name="62.50 ± 1.50").first.is_visible()
    left_out = page.locator(".left-out").first
    assert left_out.is_visible() and "ECE" in left_out.inner_text()
    page.get_by_role("button", name="Details of vgg16 se").first.click()
    assert page.evaluate(WIDTHS) == [width, width]
    box = page.get_by_role("dialog").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= width
    # What the table has no room for is in the panel.
    figures = " ".join(page.locator("#panel-figures").inner_text().split())
    assert "+11.50 [+7.24, +15.76]" in figures and "1,234,567" in figures and "7.50" in figures


def test_columns_come_and_go_with_the_room_for_them(visit):
    page = visit(viewport={"width": 1280, "height": 800})
    verdict = page.get_by_role("columnheader", name="verdict").first
    assert verdict.is_visible()
    page.set_viewport_size({"width": 390, "height": 800})
    verdict.wait_for(state="hidden")
    table = page.locator(".scroll").first
    page.get_by_role("button", name="Show all columns").first.click()
    assert verdict.is_visible() and table.evaluate("e => e.scrollWidth > e.clientWidth")
    assert page.evaluate(WIDTHS) == [390, 390]
    page.get_by_role("button", name="Show columns that fit").click()
    assert not verdict.is_visible()
    page.set_viewport_size({"width": 1280, "height": 800})
    verdict.wait_for()


def test_headings_of_a_long_table_stay_in_sight(visit):
    page = visit(viewport={"width": 1280, "height": 260})
    region, header = page.locator(".scroll").first, page.locator(".results thead th").first
    region.evaluate("e => { e.scrollTop = 150 }")
    assert region.evaluate("e => e.scrollTop") > 100
    assert header.bounding_box()["y"] == pytest.approx(region.bounding_box()["y"], abs=2)


def test_without_scripts_tables_and_charts_are_there(visit):
    page = visit(java_script_enabled=False)
    assert page.locator("table.results").count() == 3
    assert page.locator(".forest svg[role=img]").count() == 9
    assert page.locator("svg.scatter").count() == 5
    assert not page.locator(".more button").first.is_visible()
    assert not page.locator("input[type=search]").first.is_visible()


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_it_prints_whole(visit, paper):
    page = visit()
    pdf = page.pdf(format=paper)
    assert 3 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 9
    millimetres = {"A4": 210, "Letter": 216}[paper] - 24
    page.set_viewport_size({"width": round(millimetres / 25.4 * 96), "height": 1000})
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for selector in ("table.results", ".forest", "svg.scatter"):
        assert page.locator(selector).first.is_visible()
    for selector in (".more", ".tools", "dialog"):
        assert not page.locator(selector).first.is_visible()


def brightness(page):
    colours = page.evaluate("[getComputedStyle(document.body).backgroundColor, "
                            "getComputedStyle(document.body).color]")  # fmt: skip
    return [sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in colours]


def test_dark_is_light_on_dark_and_paper_is_white(visit):
    background, text = brightness(visit(color_scheme="light"))
    assert background > 230 and text < 60
    page = visit(color_scheme="dark")
    background, text = brightness(page)
    assert background < 40 and text > 200
    page.emulate_media(media="print")
    background, text = brightness(page)
    assert background == 255 and text == 0


@pytest.mark.parametrize(
    ("scheme", "width", "opened"),
    [
        ("light", 1280, False),
        ("dark", 360, True),
        pytest.param("dark", 1280, False, marks=pytest.mark.slow),
        pytest.param("light", 360, True, marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing(visit, axe_complaints, scheme, width, opened):
    page = visit(color_scheme=scheme, viewport={"width": width, "height": 900})
    if opened:
        page.get_by_role("button", name="Details of vgg16 se").nth(1).click()
        page.locator("#panel-confusion table").wait_for()
    assert axe_complaints(page) == []
