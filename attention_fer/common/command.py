"""Runs a command: turns errors into one line on standard error and an exit status."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from typing import Any

from attention_fer.common.console import any_encoding, escaped
from attention_fer.common.errors import cause

WRONG, INTERRUPTED, UNREAD = 2, 130, 141


def run(work: Callable[[], int], *, advice: str = "", memory_advice: str = "") -> int:
    """Runs a command and returns its exit status.

    Args:
        work: does the work and returns 0, or 1 if part of it failed.
        advice: what to do after Control-C or on a full disk, such as "rerun the command".
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
        return _fail(cause(error) + _about_space(error, advice))
    except MemoryError as error:
        reason = f" ({error})" if str(error) else ""
        return _fail(f"Not enough memory{reason}. {memory_advice}".strip())
    except KeyboardInterrupt:
        print(": ".join(filter(None, ["interrupted", advice])), file=sys.stderr)
        return INTERRUPTED


@contextmanager
def tidy_when_ended() -> Iterator[None]:
    """Within it, SIGTERM and a closed terminal raise SystemExit, so that no draft is left behind.

    Only in the main thread, and not for a signal that is ignored, as by nohup.
    """
    before: dict[int, Any] = {}
    names = ("SIGTERM", "SIGHUP") if current_thread() is main_thread() else ()
    for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
        if signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, _exit)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit(number: int, _: object) -> None:
    raise SystemExit(128 + number)


def _about_space(error: Exception, advice: str) -> str:
    """What to do about a full disk; "" for other errors."""
    if getattr(error, "errno", None) not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return ""
    return f". Free some space{', then ' if advice else ''}{advice}."


def _fail(text: str) -> int:
    print(f"error: {escaped(text)}", file=sys.stderr)
    return WRONG
