"""A registry: names that users type, each with what it stands for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from attention_fer.common.checks import one_of

Value = TypeVar("Value")
Given = TypeVar("Given")


class Registry(Mapping[str, Value]):
    """A mapping from names to values, in order of registration.

    Args:
        kind: what the values are, for error messages: `"detector"`.

    Example:
        >>> DETECTORS = Registry("detector")
        >>> @DETECTORS.register("cascade")
        ... class Cascade: ...
        >>> DETECTORS["cascade"]
        <class '...Cascade'>
    """

    def __init__(self, kind: str):
        self.kind = kind
        self._values: dict[str, Value] = {}

    def register(self, name: str) -> Callable[[Given], Given]:
        """Decorator form of `add`."""

        def decorate(value: Given) -> Given:
            self.add(name, value)  # type: ignore[arg-type]
            return value

        return decorate

    def add(self, name: str, value: Value) -> Value:
        """Registers `value` under `name` and returns it.

        Registering the same definition twice, as reloading a module does, replaces the first.

        Raises:
            ValueError: the name belongs to something else.
        """
        holder = self._values.get(name)
        if holder is not None and holder is not value and _origin(holder) != _origin(value):
            raise ValueError(f"The {self.kind} {name!r} is already registered: {holder!r}.")
        self._values[name] = value
        return value

    def names(self) -> list[str]:
        """The registered names, in order of registration."""
        return list(self._values)

    def __getitem__(self, name: str) -> Value:
        """The value of that name. Raises ValueError that lists the names and the nearest one."""
        return self._values[one_of(self.kind, name, self._values)]

    def get(self, name: str, default: object = None) -> Value:
        """Same as `registry[name]`; there is no default."""
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _origin(value: object) -> object:
    """Where a class or function was defined; other values only equal themselves."""
    name = getattr(value, "__qualname__", None)
    return value if name is None else (getattr(value, "__module__", None), name)
