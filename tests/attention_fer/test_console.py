"""Commands print in every encoding, and text that looks like markup as it is."""

import io
import os
import subprocess
import sys

import pytest

from attention_fer.common.console import any_encoding, plain_console

MINUS, TIMES = "\N{MINUS SIGN}", "\N{MULTIPLICATION SIGN}"
TEXT = f"62.50 ± 1.50, {MINUS}3 {TIMES} 2… [bold]λ[/bold]"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_every_letter_is_printed_in_some_form(encoding):
    code = f"from attention_fer.common.console import *\nany_encoding()\nprint({TEXT!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
        capture_output=True,
        check=True,
    )
    expected = {
        "ascii": r"62.50 +- 1.50, -3 x 2... [bold]\u03bb[/bold]",
        "cp1252": rf"62.50 ± 1.50, -3 {TIMES} 2… [bold]\u03bb[/bold]",
        "utf-8": TEXT,
    }
    assert done.stdout.decode(encoding).strip() == expected[encoding]


def test_a_stream_without_an_encoding_is_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    any_encoding()
    print(TEXT)
    assert sys.stdout.getvalue().strip() == TEXT


def test_brackets_are_no_markup():
    out = io.StringIO()
    plain_console(file=out).print("runs [red]x[/red] [/]")
    assert out.getvalue().strip() == "runs [red]x[/red] [/]"
