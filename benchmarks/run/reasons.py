"""Explains why cells are trained although others of the same network are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from benchmarks.plan.cell import Cell
from benchmarks.results.store import Result, Store

# Facts that follow from others.
_DERIVED = ("recipe", "fingerprint")


def retraining(
    cells: Sequence[Cell],
    store: Store,
    keep: Collection[str] = (),
    planned: Sequence[Cell] = (),
) -> Iterator[str]:
    """Yield a line for each reason: networks that are not stored, and settings that differ.

    A stored cell counts as the same network if dataset, backbone, attention, control, seed and fold
    are equal. Of several, that with the fewest differences is named.

    Args:
        cells: the cells that will be trained.
        store: the stored results.
        keep: slugs of the cells whose network must be stored too.
        planned: all cells of the plan. Those that are stored are used, so they are not named.
    """
    used = {cell.slug for cell in planned}
    stored = [result for result in store.results() if result.done]
    unsaved = {result.cell.slug for result in stored if not result.saved} & set(keep)
    again = [cell for cell in cells if cell.slug in unsaved]
    if again:
        yield (
            f"{_cells(len(again))} trained again, because the network is not stored, which "
            "--save-models or a student needs."
        )
    like: dict[tuple[Any, ...], list[Result]] = {}
    for result in stored:
        if result.cell.slug in used:
            continue
        like.setdefault(_network(result.cell), []).append(result)
    found: Counter[tuple[str, ...]] = Counter()
    for cell in cells:
        others = [r.cell for r in like.get(_network(cell), ()) if r.cell.slug != cell.slug]
        if others and cell.slug not in unsaved:
            found[min((_differences(other, cell) for other in others), key=len)] += 1
    for differences, n in found.most_common():
        what = ", ".join(differences)
        yield f"{_cells(n)} trained again, because stored results have other settings: {what}."


def _cells(n: int) -> str:
    return f"{n:,} cell is" if n == 1 else f"{n:,} cells are"


def _network(cell: Cell) -> tuple[Any, ...]:
    row = cell.row
    return cell.target.dataset, row.backbone, row.attention, row.matched, cell.seed, cell.fold


def _differences(stored: Cell, wanted: Cell) -> tuple[str, ...]:
    """Return the facts in which two cells differ, such as `epochs 20, stored 14`."""
    there, here = dict(_flat(stored.spec)), dict(_flat(wanted.spec))
    names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
    shown = [name for name in names if name not in _DERIVED] or names
    return tuple(
        f"{name.replace('_', ' ')} {_shown(here.get(name))}, stored {_shown(there.get(name))}"
        for name in shown
    )


def _flat(spec: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in spec.items():
        if isinstance(value, Mapping):
            yield from _flat(value, "" if name == "settings" else f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _shown(value: Any) -> str:
    return "not set" if value in (None, "", ()) else str(value)
