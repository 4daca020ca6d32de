"""A plan: everything a command asks for, as data from which its cells follow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from benchmarks.plan.cell import Cell, Target
from benchmarks.plan.settings import Choice, Settings, choices, settle
from benchmarks.plan.table import Options, Row, Table


@dataclass(frozen=True)
class Plan:
    """A table on targets.

    Attributes:
        table: its rows and what they are compared to.
        targets: datasets with their splits.
        seeds: how many; they are numbered from 0.
        variant, backend, replicas: see `benchmarks.plan.cell.Cell`.
        profile: name of the profile.
        usual: settings that the profile changes.
        asked: settings of the command line.
        code: hash of the user's files, "" for none.
        own: backbones and attention modules that these files register: only rows that use one
            depend on the files. None if the table itself is a user's file: all rows do.
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
        """All cells; those that are compared stand together, seed by seed and fold by fold.

        A teacher stands before those it teaches, even if it is not a row of the table.
        """
        found: dict[Cell, None] = {}
        for cell in self._cells():
            found.update(dict.fromkeys([*cell.teachers, cell]))
        return tuple(found)

    @property
    def kept(self) -> tuple[str, ...]:
        """Names of the settings that no recipe changes."""
        return tuple(dict.fromkeys(name for name, _ in (*self.usual, *self.asked)))

    def choices(self, target: Target, row: Row | None = None) -> dict[str, Choice]:
        """The settings of a row on a target, or of rows without their own, with their sources."""
        return choices(
            recipe=row.recipe if row else "",
            profile=(self.profile, dict(self.usual)),
            asked=dict(self.asked),
            row=dict(row.settings) if row else {},
            dataset=target.dataset,
        )

    def settings(self, target: Target, row: Row | None = None) -> Settings:
        """The values of `choices`. Raises ValueError for one out of range."""
        return settle(self.choices(target, row))

    def _cells(self) -> Iterator[Cell]:
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
                code=self.code if self._is_own(row) else "",
                teacher=cell(row.teacher, target, seed, fold) if row.teacher else None,
            )

        for target in self.targets:
            for seed in range(self.seeds):
                for fold in range(len(target.folds)):
                    for row in self.table.of(target.dataset):
                        yield cell(row, target, seed, fold)

    def _is_own(self, row: Row) -> bool:
        """Whether a row depends on the user's files."""
        return self.own is None or bool({row.backbone, row.attention, row.matched} & set(self.own))


def with_teachers(rows: Iterable[Row]) -> Iterator[Row]:
    """Rows, each followed by its teacher, the teacher's teacher and so on."""
    for row in rows:
        yield row
        if row.teacher is not None:
            yield from with_teachers([row.teacher])
