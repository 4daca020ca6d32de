"""A job: the one message that goes to the process that trains a cell."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from benchmarks.plan.cell import Cell
from benchmarks.plan.execution import Execution


@dataclass(frozen=True)
class Job:
    """The work on one cell. Paths are those of the machine that does it.

    Attributes:
        cell: what to train.
        dataset: folder of its prepared dataset.
        folder: empty folder for what the cell leaves.
        execution: how it is computed.
        imports: the user's Python files, imported before the network is built.
        teacher: folder of the result of the cell's teacher.
        keep: store the trained network too.
        reference: measure the cost of `cell` beside that of this cell instead of training.
    """

    cell: Cell
    dataset: Path
    folder: Path
    execution: Execution = field(default_factory=Execution)
    imports: tuple[Path, ...] = ()
    teacher: Path | None = None
    keep: bool = False
    reference: Cell | None = None

    def to_json(self) -> str:
        """The job as one line of JSON."""
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps(content, default=_plain)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Reads `to_json`. Raises an error of several kinds if `text` is not a job."""
        content = json.loads(text)
        return cls(**{name: _READ.get(name, _same)(value) for name, value in content.items()})


def _plain(value: object) -> Any:
    if isinstance(value, Cell):
        return value.spec
    return asdict(value) if isinstance(value, Execution) else str(value)


def _same(value: Any) -> Any:
    return value


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


_READ: dict[str, Callable[[Any], Any]] = {
    "cell": Cell.from_spec,
    "dataset": Path,
    "folder": Path,
    "execution": lambda content: Execution(**content),
    "imports": lambda paths: tuple(map(Path, paths)),
    "teacher": _optional(Path),
    "reference": _optional(Cell.from_spec),
}
