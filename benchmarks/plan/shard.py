"""`--shard i/n`: a part of a plan for each of several machines that know nothing of each other."""

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
        """The shard that `text` such as "2/8" stands for. Raises ValueError if it is none."""
        found = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
        if not found or not 1 <= int(found[1]) <= int(found[2]):
            raise ValueError(
                f"--shard is I/N with I from 1 to N, such as 2/8 for the second of eight parts; "
                f"given: {text!r}."
            )
        return cls(int(found[1]), int(found[2]))

    def select(self, cells: Sequence[Cell], seconds: Mapping[str, float]) -> list[Cell]:
        """This shard's cells, in the order of the plan; each cell is in exactly one shard.

        Teachers are in the shards of all they teach, too: no shard waits for another.

        The longest cells go first, each to the shard with the least to do (Graham's longest
        processing time rule, doi:10.1137/0117039), so the shards take about equally long.

        Args:
            cells: the whole plan, the same for every shard.
            seconds: of each cell by slug. They must be the same for every shard: estimates by
                arithmetic, not ones that follow what is stored or the machine.
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
