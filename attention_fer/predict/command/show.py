"""What the command prints for people."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from attention_fer.predict.rows import FaceRow
from attention_fer.predict.tables.manifest import PictureCounts

_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")
SURE = 0.5  # below it, other expressions together are as likely


def lines(rows: Sequence[FaceRow]) -> list[str]:
    """Returns a line for each row of a picture."""
    return [f"{plain(row.input)}{_time(row)}: {_said(row)}" for row in rows]


def several(names: Sequence[str]) -> str:
    """Returns how many names there are, and the first three."""
    return f"{len(names):,}: {', '.join(map(plain, names[:3]))}" + (", ..." if names[3:] else "")


def plain(name: str) -> str:
    """Returns a name on one line, without what would move or colour a terminal."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], " ".join(name.split()))


def summary(counts: PictureCounts, unit: str) -> str:
    """Returns one line that adds up; `unit` is what was counted."""
    skipped = "".join(f"; {reason}: {n:,}" for reason, n in sorted(counts.skipped.items()))
    return f"{counts.faces:,} faces in {counts.used:,} of {counts.seen:,} {unit}{skipped}"


def note(text: str) -> None:
    """Prints a note on something that may be unexpected."""
    print(f"note: {text}", file=sys.stderr)


def _time(row: FaceRow) -> str:
    return "" if row.timestamp_s is None else f" at {row.timestamp_s:.3f} s"


def _said(row: FaceRow) -> str:
    where = ""
    if row.box is not None:
        x, y, width, height = row.box
        score = "" if row.score is None else f", score {row.score:.2f}"
        where = f" (face {row.face_id} at {x:.0f}, {y:.0f}, size {width:.0f} x {height:.0f}{score})"
    if not row.success:
        return row.reason + (f", {row.detail}" if row.detail else "") + where
    best, *others = sorted(row.probabilities.items(), key=lambda item: -item[1])
    doubt = "" if best[1] >= SURE else "uncertain: "
    return f"{doubt}{best[0]} {best[1]:.0%}, then {others[0][0]} {others[0][1]:.0%}{where}"
