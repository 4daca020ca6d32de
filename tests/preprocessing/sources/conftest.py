"""Reading a source as preparation does, and keeping all it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from preprocessing.sources import Raw, Rejected, Sample, get


@dataclass
class Reading:
    """What opening and iterating one source gave."""

    raw: Raw
    items: list[Sample | Rejected]
    notices: list[str]

    @property
    def samples(self) -> list[Sample]:
        return [item for item in self.items if isinstance(item, Sample)]

    @property
    def rejected(self) -> list[Rejected]:
        return [item for item in self.items if isinstance(item, Rejected)]

    def says(self, *patterns: str) -> bool:
        """Whether the notices match these patterns, one each, in order."""
        matches = map(re.search, patterns, self.notices)
        return len(patterns) == len(self.notices) and all(matches)

    @property
    def reasons(self) -> dict[str, str]:
        return {item.source: item.reason for item in self.rejected}


@pytest.fixture
def read() -> Callable[..., Reading]:
    def reading(name: str, path: str | Path, **options: Any) -> Reading:
        notices: list[str] = []
        raw = get(name).open(path, notice=notices.append, **options)
        items = list(raw.items)
        assert raw.length == len(items)
        sources = [item.source for item in items if isinstance(item, Sample)]
        assert len(set(sources)) == len(sources)
        for item in items:
            item.source.encode("utf-8")
            assert item.label in raw.classes or (isinstance(item, Rejected) and not item.label)
            assert isinstance(item, Rejected) or tuple(item.more) == raw.columns
        return Reading(raw, items, notices)

    return reading
