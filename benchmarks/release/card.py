"""The model card: the manifest of a network as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import jinja2

TEMPLATE = "card.md.j2"


def render(manifest: Mapping[str, Any]) -> str:
    """Return the card of a network. All its figures are those of the manifest."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"percent": percent, "points": points}
    changes = [(name, list(group)) for name, group in groupby(manifest["robustness"], _change_of)]
    return environment.get_template(TEMPLATE).render(**manifest, changes=changes)


def percent(share: float | None, digits: int = 2) -> str:
    """Return a share in percent, or a dash for None."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def points(difference: float) -> str:
    """Return a difference of shares in points, with its sign."""
    return f"{100 * difference:+.1f}"


def _change_of(entry: Mapping[str, Any]) -> str:
    return entry["change"]
