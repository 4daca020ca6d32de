"""The cause of an error that Keras has wrapped in its own messages."""

from __future__ import annotations

import re

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# Keras wraps errors of a layer's call, of the inference of shapes, and of loading in turn.
_CALLING = re.compile(r"Exception encountered when calling (?P<where>.+?)\.\n\n")
_ARGUMENTS = re.compile(r"\n\nArguments received by [^\n]+:\n.*", re.DOTALL)
_WITHIN = re.compile(r".*(?:Error|Exception) encountered:\s+", re.DOTALL)


def cause(error: BaseException) -> str:
    """Returns the message of an error; the innermost that Keras wrapped, and where it arose.

    Example:
        >>> cause(ValueError("Exception encountered when calling A.call().\\n\\nno wheel"))
        'no wheel (in A.call())'
    """
    text = _COLOURS.sub("", str(error))
    calls = list(_CALLING.finditer(text))
    if calls:
        text = text[calls[-1].end() :]
        text = _ARGUMENTS.sub("", text)
    text = _WITHIN.sub("", text).strip()
    return f"{text} (in {calls[-1]['where']})" if calls else text
