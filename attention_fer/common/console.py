"""Prints text on a terminal or into a pipe unchanged, whatever letters the stream supports."""

from __future__ import annotations

import codecs
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

# What stands for letters of ours that an encoding lacks; others are escaped.
_INSTEAD = {
    "\N{PLUS-MINUS SIGN}": "+-",
    "\N{MINUS SIGN}": "-",
    "\N{EN DASH}": "-",
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{HORIZONTAL ELLIPSIS}": "...",
    "\N{BULLET}": "*",
    "\N{NO-BREAK SPACE}": " ",
    # Bars of progress.
    "\N{BOX DRAWINGS HEAVY HORIZONTAL}": "-",
    "\N{BOX DRAWINGS HEAVY LEFT}": "-",
    "\N{BOX DRAWINGS HEAVY RIGHT}": "-",
}
_HANDLER = "attention_fer"


def any_encoding() -> None:
    """Lets standard output and errors accept every text; call it before a command prints.

    A stream in ASCII or cp1252, as pipes on Windows and `LANG=C` have it, would raise for a letter
    that it lacks, after hours of work.
    """
    codecs.register_error(_HANDLER, _replace)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # Tests and notebooks put other objects there.
            stream.reconfigure(errors=_HANDLER)


def escaped(text: str) -> str:
    """Returns the text with control characters escaped, which names of files may contain."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def plain_console(**options: Any) -> Console:
    """Return a console of rich that shows text as it is: `[x]` in a path is not a style."""
    from rich.console import Console

    return Console(**{"highlight": False, "markup": False, **options})


def _replace(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letters = error.object[error.start : error.end]
    found = (_INSTEAD.get(c, c.encode("ascii", "backslashreplace").decode()) for c in letters)
    return "".join(found), error.end
