"""A job: the message to the process that trains a cell."""

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
    """Everything needed to train one cell. Paths are those of the machine that does the work.

    Attributes:
        cell: the cell to train.
        dataset: folder of the prepared dataset.
        folder: empty folder for the cell's output.
        execution: how the cell is executed.
        imports: the user's Python files, imported before the network is built.
        teacher: folder with the result of the cell's teacher; None without a teacher.
        keep: whether to store the trained network too.
        reference: if given, do not train but measure the cost of `cell` next to that of this cell.
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
        """Return the job as one line of JSON."""
        content = {f.name: getattr(self, f.name) for f in fields(self)}
        return json.dumps(content, default=_encode)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Return the job that `to_json` wrote. Raises various errors if `text` is not a job."""
        content = json.loads(text)
        decoded = {name: _DECODERS.get(name, _unchanged)(value) for name, value in content.items()}
        return cls(**decoded)


def _encode(value: object) -> Any:
    if isinstance(value, Cell):
        return value.spec
    return asdict(value) if isinstance(value, Execution) else str(value)


def _unchanged(value: Any) -> Any:
    return value


def _optional(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


_DECODERS: dict[str, Callable[[Any], Any]] = {
    "cell": Cell.from_spec,
    "dataset": Path,
    "folder": Path,
    "execution": lambda content: Execution(**content),
    "imports": lambda paths: tuple(map(Path, paths)),
    "teacher": _optional(Path),
    "reference": _optional(Cell.from_spec),
}
