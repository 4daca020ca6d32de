"""The frame of all commands: exit statuses, and errors as one line on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from attention_fer.common.console import any_encoding, escaped
from attention_fer.common.errors import cause

WRONG, INTERRUPTED, UNREAD = 2, 130, 141


def run(work: Callable[[], int], *, advice: str = "", shrink: str = "") -> int:
    """Runs a command and returns its exit status.

    Args:
        work: does what was asked and returns 0, or 1 if not all of it succeeded.
        advice: what to do after Control-C; printed with it.
        shrink: what to do if the memory does not suffice.

    Returns:
        The status of `work`; 2 after an error that the user can mend, 130 after Control-C, and 141
        if nothing reads the output any more, as after `| head`.
    """
    any_encoding()
    try:
        return work()
    except BrokenPipeError:
        # Python flushes standard output when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return UNREAD
    except (ValueError, OSError, ImportError, RuntimeError) as error:
        return _fail(cause(error))
    except MemoryError as error:
        return _fail(f"Not enough memory ({error}). {shrink}".replace(" ()", "").strip())
    except KeyboardInterrupt:
        print(f"interrupted{advice and ': '}{advice}", file=sys.stderr)
        return INTERRUPTED


def _fail(text: str) -> int:
    print(f"error: {escaped(text)}", file=sys.stderr)
    return WRONG
