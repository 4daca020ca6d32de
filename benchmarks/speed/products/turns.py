"""Which products run, and how they take turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial

from rich.console import Console

from benchmarks.speed.products.process import Ask, ProductAnswer, ProductError
from benchmarks.train import cost

OURS = "ours"
TURN = 100
"""Pictures or frames of a turn."""

Start = Callable[[], AbstractContextManager[Ask]]
ProductAnswers = Mapping[str, list[ProductAnswer]]


def working(starts: Mapping[str, Start], console: Console) -> Iterator[tuple[str, Start]]:
    """Yields the products that answer, and prints their versions, or why they do not.

    Raises:
        ProductError: ours does not.
    """
    for name, start in starts.items():
        try:
            with start() as ask:
                version = ask("pictures", 1).version
        except ProductError as error:
            if name == OURS:
                raise
            console.print(f"{name} could not be measured: {error}")
            continue
        if name != OURS:
            console.print(f"{name} {version}")
        yield name, start


def first_answers(starts: Mapping[str, Start], rounds: int) -> dict[str, list[float]]:
    """Returns the seconds from the start of each new process to its first answer."""

    def first_answer(start: Start) -> None:
        with start() as ask:
            ask("pictures", 1)

    calls = {name: partial(first_answer, start) for name, start in starts.items()}
    return cost.interleaved(calls, rounds, warm_up=1)


def in_turns(running: Mapping[str, Ask], kind: str, turns: int) -> ProductAnswers:
    """Returns the answers of each product in each turn; the first one is not for timing."""
    answers: dict[str, list[ProductAnswer]] = {name: [] for name in running}

    def one_turn(name: str) -> float:
        answers[name].append(running[name](kind, TURN))
        return answers[name][-1].seconds

    cost.interleaved({name: partial(one_turn, name) for name in running}, turns - 1, warm_up=1)
    return answers
