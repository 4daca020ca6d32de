"""`--shard i/n`: divides a plan among machines that do not communicate."""

from __future__ import annotations

import heapq
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.plan.cell import Cell


@dataclass(frozen=True)
class Shard:
    """Shard `index` of `count`, counted from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard of a text such as "2/8". Raises ValueError for any other text."""
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(
                "--shard must be I/N with I from 1 to N, such as 2/8 for the second of eight "
                f"parts, got {text!r}."
            )
        return cls(int(found[1]), int(found[2]))

    def select(self, cells: Sequence[Cell], seconds: Mapping[str, float]) -> list[Cell]:
        """Return this shard's cells, in the order of the plan; each cell is in exactly one shard.

        A teacher is also in the shard of each of its students, so that no shard waits for another.

        Cells are assigned from longest to shortest, each to the shard with the least work (Graham's
        longest processing time rule, doi:10.1137/0117039), so all shards take about equally long.

        Args:
            cells: the whole plan, the same for every shard.
            seconds: duration of each cell, by slug. It must be the same for every shard, so
                estimate it by arithmetic, not from stored results or the machine.
        """
        load = [(0.0, index) for index in range(1, self.count + 1)]
        mine = set()
        slugs = [cell.slug for cell in cells]
        for slug in sorted(dict.fromkeys(slugs), key=lambda s: (-seconds[s], s)):
            spent, index = heapq.heappop(load)
            heapq.heappush(load, (spent + seconds[slug], index))
            if index == self.index:
                mine.add(slug)
        for cell, slug in zip(cells, slugs, strict=True):
            if slug in mine:
                mine |= {teacher.slug for teacher in cell.teachers}
        return [cell for cell, slug in zip(cells, slugs, strict=True) if slug in mine]
