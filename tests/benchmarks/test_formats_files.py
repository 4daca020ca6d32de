"""Markdown, CSV, LaTeX and the terminal say the same, and nothing in a name breaks them."""

import csv
import io
import re
import shutil
import subprocess

import numpy as np
import pytest
from fabricated import NAMES, plan, put_plan, story, target
from rich.console import Console

from benchmarks.report import analysis, formats
from benchmarks.report.formats import columns, csv_file, latex, markdown
from benchmarks.report.formats import text as terminal
from benchmarks.report.formats.figures import ReportFigures
from benchmarks.results.store import Store
from benchmarks.table import Row


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    store, of = story(tmp_path_factory.mktemp("runs") / "made-up")
    return analysis.report(of, of.cells, store)


@pytest.fixture(scope="module")
def viewed(report):
    return ReportFigures.of(report)


def tables(text):
    """Cells of each Markdown table, its title line first."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[_parts(line) for line in block.splitlines()] for block in blocks]


def _parts(line):
    return [part.strip().replace("\\|", "|") for part in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_markdown_has_a_table_for_each_target_with_rounded_figures(viewed):
    found = tables(markdown.render([viewed]))
    assert len(found) == 3
    for section, (titles, rule, *rows) in zip(viewed.sections, found, strict=True):
        assert len(rows) == len(section.rows) == 6
        assert all(len(row) == len(titles) == len(rule) for row in rows)
        for line, row in zip(section.rows, rows, strict=True):
            cells = dict(zip(titles, row, strict=True))
            assert (cells["backbone"], cells["attention"]) == (line.row.backbone, line.row.network)
            if (f := line).difference is not None:
                expected = f"{f.difference:+.2f} [{f.low:+.2f}, {f.high:+.2f}]"
                assert cells["difference"] == expected
                assert cells["verdict"].startswith(f.verdict)
    assert "[/place] in [red]" in markdown.render([viewed])


def test_csv_has_every_figure_unrounded(viewed):
    lines = list(csv.DictReader(io.StringIO(csv_file.render([viewed]))))
    assert len(lines) == len(viewed.rows) == 18
    for line, read in zip(viewed.rows, lines, strict=True):
        assert read["dataset"] == line.entry.target.dataset
        for name in (
            "accuracy",
            "sd",
            "difference",
            "p_holm",
            "macro_f1",
            "published",
            "detectable",
        ):
            value = getattr(line, name)
            assert read[name] == ("" if value is None else str(value))
    first = lines[1]
    assert first["training"].startswith("width 0.25, ") and first["verdict"] == "better"
    assert {x["folds"] for x in lines if x["dataset"] == "jaffe"} == {"5"}


def test_csv_of_classes_counts_the_stored_predictions(viewed):
    lines = list(csv.DictReader(io.StringIO(csv_file.render_classes([viewed]))))
    mine = [x for x in lines if (x["dataset"], x["attention"]) == ("jaffe", "se")]
    assert [x["true"] for x in mine[:: len(NAMES)]] == list(NAMES)
    counts = np.zeros((len(NAMES), len(NAMES)), int)
    (line,) = [x for x in viewed.sections[1].rows if x.row == Row("vgg16", "se")]
    for result in line.entry.done:
        with np.load(result.path / "predictions.npz") as file:
            np.add.at(counts, (file["labels"], file["probabilities"].argmax(axis=1)), 1)
    assert [int(x["images"]) for x in mine] == counts.ravel().tolist()
    recall = {x["true"]: float(x["share"]) for x in mine if x["true"] == x["predicted"]}
    shares = 100 * np.diag(counts) / counts.sum(axis=1)
    assert list(recall.values()) == pytest.approx(shares.tolist())


def test_the_terminal_shows_what_markdown_shows_in_120_columns(report, viewed):
    text = formats.render([report], "text")
    assert max(map(len, text.splitlines())) <= 120
    # Nothing in a table is cut off.
    assert "…" not in text
    flat = re.sub(r"\s+", " ", text)
    for section in viewed.sections:
        for line in section.rows:
            for part in (columns.difference(line), columns.fixed(line.macro_f1)):
                assert part in flat
    assert "no detectable" in flat and "[/place] in [red]" in flat


def printed(viewed, width):
    """The table of the first target and its footnotes on a console of that width."""
    console = Console(width=width, force_terminal=False)
    with console.capture() as captured:
        for part in list(terminal.parts([viewed]))[:2]:
            console.print(part)
    return captured.get()


@pytest.mark.parametrize("width", [20, 40, 60, 72, 80, 100, 120, 200])
def test_numbers_are_whole_at_every_width(width, viewed):
    found = printed(viewed, width)
    assert max(map(len, found.splitlines())) <= width
    assert "…" not in found
    numbers = re.findall(r"[-+]?\d[\d,]*\.?\d*", found)
    section = viewed.sections[0]
    for column in columns.shown(columns.SHORT, section):
        for row in section.rows:
            for number in re.findall(r"[-+]?\d[\d,]*\.?\d*", column.text(row, section)):
                assert number in numbers, (column.title, number)


def test_the_answer_comes_first_where_there_is_no_room_for_all(viewed):
    blocks = printed(viewed, 80).split("(continued)")
    assert len(blocks) == 2
    first, second = blocks
    assert "62.50 ± 1.50" in first and "+11.50 [+7.24, +15.76]" in first and "better" in first
    assert "1,234,567" not in first and "1,234,567" in second and "vgg16     eca" in second
    assert "(continued)" not in printed(viewed, 120)


def body(text):
    """Lines of a LaTeX tabular, and how many columns it has."""
    layout = re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)
    inside = text[layout.end() : text.index("\\end{tabular}")]
    rows = [line for line in inside.splitlines() if line.endswith("\\\\")]
    return rows, len(layout[1])


def width(row):
    """Columns of a row, those that `\\multicolumn` spans included."""
    spans = [int(n) for n in re.findall(r"\\multicolumn\{(\d+)\}", row)]
    return len(re.findall(r"(?<!\\)&", row)) + 1 + sum(spans) - len(spans)


def test_latex_rows_have_as_many_columns_as_the_layout(viewed):
    text = latex.render([viewed])
    rows, layout = body(text)
    assert len(rows) == 2 + 6 and {width(row) for row in rows} == {layout}
    over = re.findall(r"\\multicolumn\{(\d+)\}\{c\}\{(\w+)", rows[0])
    assert [name for _, name in over] == ["fer2013", "jaffe", "schematic"]
    first, rules = 4, re.findall(r"\\cmidrule\(lr\)\{(\d+)-(\d+)\}", text)
    for (count, _), (left, right) in zip(over, rules, strict=True):
        assert (int(left), int(right)) == (first, first + int(count) - 1)
        first += int(count)
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    assert sorted(re.findall(r"\\begin\{(\w+)", text)) == sorted(re.findall(r"\\end\{(\w+)", text))


def test_latex_escapes_what_it_would_read_as_commands():
    assert latex.escaped("a_b & 5 % #1 {x} $y ~ ^ \\ <") == (
        r"a\_b \& 5 \% \#1 \{x\} \$y \textasciitilde{} \textasciicircum{} \textbackslash{} "
        r"\textless{}"
    )
    assert latex.escaped("-1.2 ± 3 [-0.5, +1] CK-0") == r"$-$1.2 $\pm$ 3 [$-$0.5, +1] CK-0"
    assert latex.escaped("é 中") == "? ?"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex here")
def test_latex_compiles(viewed, tmp_path):
    document = "\\documentclass{article}\\usepackage{booktabs}\\usepackage{graphicx}\n"
    table = latex.render([viewed])
    (tmp_path / "t.tex").write_text(
        f"{document}\\begin{{document}}\n{table}\\end{{document}}\n", encoding="utf-8"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull \\hbox" not in done.stdout and (tmp_path / "t.pdf").is_file()


def test_marks_of_a_format_in_a_name_stay_text(tmp_path):
    row = Row("vgg16", "none", options={"note": "a|b *c* `d` <e> & _f_ \\ {g}"})
    of = plan([row], [target("d|<s>")], seeds=1)
    put_plan(Store(tmp_path), of, lambda c: 0.5)
    viewed = ReportFigures.of(analysis.report(of, of.cells, Store(tmp_path)))
    ((titles, _, cells),) = tables(markdown.render([viewed]))
    assert len(cells) == len(titles)
    assert cells[2] == r"note a|b \*c\* \`d\` \<e> & _f_ \\ {g}"
    rows, layout = body(latex.render([viewed]))
    assert {width(row) for row in rows} == {layout}
    (line,) = csv.DictReader(io.StringIO(csv_file.render([viewed])))
    assert line["setting"] == row.setting and line["dataset"] == "d|<s>"


def test_files_are_written_before_anything_is_printed(tmp_path):
    """A terminal that cannot show the table does not cost the table."""

    class BrokenConsole:
        def print(self, *_, **__):
            raise UnicodeEncodeError("ascii", "±", 0, 1, "no such letter")

    store, of = story(tmp_path / "made-up")
    with pytest.raises(UnicodeEncodeError):
        formats.publish(of, store, BrokenConsole())
    written = {path.suffix for path in store.root.iterdir() if path.is_file()}
    assert written == {".md", ".csv", ".tex", ".html"}
