"""Runs a command: turns errors into one line on standard error and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from attention_fer.common.console import any_encoding, escaped
from attention_fer.common.errors import cause

WRONG, INTERRUPTED, UNREAD = 2, 130, 141


def run(work: Callable[[], int], *, advice: str = "", memory_advice: str = "") -> int:
    """Runs a command and returns its exit status.

    Args:
        work: does the work and returns 0, or 1 if part of it failed.
        advice: what to do after Control-C.
        memory_advice: what to do if memory runs out.

    Returns:
        The status of `work`; 2 after an error that the user can fix, 130 after Control-C, and 141
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
        reason = f" ({error})" if str(error) else ""
        return _fail(f"Not enough memory{reason}. {memory_advice}".strip())
    except KeyboardInterrupt:
        print(": ".join(filter(None, ["interrupted", advice])), file=sys.stderr)
        return INTERRUPTED


def _fail(text: str) -> int:
    print(f"error: {escaped(text)}", file=sys.stderr)
    return WRONG
