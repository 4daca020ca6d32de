"""The cause of an error, where Keras wraps it in a message of its own."""

from __future__ import annotations

import re

# As written by Keras's `inject_argument_info_in_traceback`, with the message in bold.
_WRAPPED = re.compile(
    r"\s*Exception encountered when calling (?P<where>.+?)\.\n\n(?P<cause>.*?)"
    r"(?:\n\nArguments received by [^\n]+:\n.*)?\s*",
    re.DOTALL,
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def cause(error: BaseException) -> str:
    """Returns an error's message; of one that Keras wrapped, where it arose and the message within.

    Example:
        >>> cause(ValueError("Exception encountered when calling A.call().\\n\\nno"))
        'no (in A.call())'
    """
    text, where = _COLOURS.sub("", str(error)), ""
    while match := _WRAPPED.fullmatch(text):
        where, text = match["where"], match["cause"]
    return f"{text.strip()} (in {where})" if where else text
