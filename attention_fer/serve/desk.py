"""Runs one prediction at a time, in its own thread, with few requests waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from starlette.exceptions import HTTPException

from attention_fer.serve.limits import Limits

T = TypeVar("T")


class Desk:
    """Where requests wait. ONNX Runtime spreads one prediction over all cores by itself.

    Args:
        limits: limits of the server.
    """

    def __init__(self, limits: Limits):
        self._limits = limits
        self._taken = 0
        self._thread = ThreadPoolExecutor(1, "attention-fer-predict")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Holds one of the server's places for a request.

        It is held from before the body arrives until the request is answered.

        Raises:
            HTTPException: 503, all places are taken.
        """
        if self._taken >= self._limits.requests:
            raise HTTPException(503, "The server is busy. Try again.", {"Retry-After": "1"})
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1

    async def work(self, task: Callable[[], T]) -> T:
        """Returns what `task` returns in the thread, after those that came before.

        A task whose time is over while it waits never starts; one that runs is left to end.

        Raises:
            HTTPException: 503, its time is over.
        """
        future = asyncio.get_running_loop().run_in_executor(self._thread, task)
        try:
            return await asyncio.wait_for(future, self._limits.seconds)
        except asyncio.TimeoutError:
            told = f"No answer within {self._limits.seconds:g} seconds. Send a smaller picture."
            raise HTTPException(503, told, {"Retry-After": "5"}) from None
