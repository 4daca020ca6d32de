"""A plan: a table, its datasets and its settings, from which all cells follow."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from benchmarks.plan.cell import Cell, Target
from benchmarks.plan.settings import PROFILES, Choice, Settings, choices, settle
from benchmarks.plan.table import Options, Row, Table


@dataclass(frozen=True)
class Plan:
    """A table to be trained and tested on targets.

    Attributes:
        table: the rows, and the rows they are compared to.
        targets: the datasets with their splits.
        seeds: number of seeds; they count from 0.
        variant, backend, replicas: see `benchmarks.plan.cell.Cell`.
        profile: name of the profile.
        usual: settings that the profile changes.
        asked: settings from the command line.
        code: hash of the user's files; "" without any.
        own: backbones and attention modules that these files register. Only rows that use one of
            them depend on the files. None if the table itself is a user's file: then all rows do.
    """

    table: Table
    targets: tuple[Target, ...]
    seeds: int
    variant: str
    backend: str
    replicas: int = 1
    profile: str = "full"
    usual: Options = ()
    asked: Options = ()
    code: str = ""
    own: tuple[str, ...] | None = None

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells, ordered by target, seed and fold, so that cells to compare stay together.

        A teacher comes before its students, even if it is not a row of the table.
        """
        found: dict[Cell, None] = {}
        for cell in self._iterate_cells():
            found.update(dict.fromkeys([*cell.teachers, cell]))
        return tuple(found)

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the settings that a recipe does not change."""
        return tuple(dict.fromkeys(name for name, _ in (*self.usual, *self.asked)))

    @property
    def absent_reference(self) -> Row | None:
        """A row that others are compared to and the table lacks; None if any row is compared."""
        absent: list[Row] = []
        for target in self.targets:
            rows = self.table.of(target.dataset)
            for row in rows:
                reference = self.table.reference(row, target.dataset)
                if reference not in rows:
                    absent.append(reference)
                elif reference != row:
                    return None
        return absent[0] if absent else None

    def choices(self, target: Target, row: Row | None = None) -> dict[str, Choice]:
        """Return a row's settings on a target with their sources; None for what all rows share."""
        found = choices(
            recipe=row.recipe if row else "",
            profile=(self.profile, dict(self.usual)),
            asked=dict(self.asked),
            row=dict(row.settings) if row else {},
            dataset=target.dataset,
        )
        # `usual` merges the profile with the table's changes to it.
        of_profile = PROFILES.get(self.profile, {})
        for name, choice in found.items():
            if choice.source == f"profile {self.profile}" and choice.value != of_profile.get(name):
                found[name] = Choice(choice.value, f"table {self.table.name}")
        return found

    def settings(self, target: Target, row: Row | None = None) -> Settings:
        """Return the values of `choices`. Raises ValueError for a value out of range."""
        return settle(self.choices(target, row))

    def _iterate_cells(self) -> Iterator[Cell]:
        settings = lru_cache(maxsize=None)(self.settings)  # the same for all seeds and folds

        def cell(row: Row, target: Target, seed: int, fold: int) -> Cell:
            return Cell(
                row=row,
                target=target,
                settings=settings(target, row),
                seed=seed,
                backend=self.backend,
                variant=self.variant,
                fold=fold,
                replicas=self.replicas,
                code=self.code if self._depends_on_code(row) else "",
                teacher=cell(row.teacher, target, seed, fold) if row.teacher else None,
            )

        for target in self.targets:
            for seed in range(self.seeds):
                for fold in range(len(target.folds)):
                    for row in self.table.of(target.dataset):
                        yield cell(row, target, seed, fold)

    def _depends_on_code(self, row: Row) -> bool:
        """Return whether a row depends on the user's files."""
        return self.own is None or bool({row.backbone, row.attention, row.matched} & set(self.own))


def with_teachers(rows: Iterable[Row]) -> Iterator[Row]:
    """Yield each row, followed by its teacher, the teacher's teacher and so on."""
    for row in rows:
        yield row
        if row.teacher is not None:
            yield from with_teachers([row.teacher])


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
