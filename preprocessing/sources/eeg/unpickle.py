"""Arrays out of a pickle that is not trusted: no code of it is run, and none of NumPy's for it.

A pickle is a program. Of its instructions those are followed that build dicts, lists, tuples,
text, numbers and arrays of numbers; of the names it may call, the few that NumPy writes for an
array stand here for functions of this module. Anything else is refused.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from typing import Any

import numpy as np

_OPCODES = {
    *("PROTO", "STOP", "MARK", "POP", "GLOBAL", "REDUCE", "BUILD", "NONE", "NEWTRUE", "NEWFALSE"),
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES"),
    *("LIST", "EMPTY_LIST", "APPEND", "APPENDS", "TUPLE", "EMPTY_TUPLE", "TUPLE1", "TUPLE2"),
    *("TUPLE3", "DICT", "EMPTY_DICT", "SETITEM", "SETITEMS"),
    *("PUT", "BINPUT", "LONG_BINPUT", "GET", "BINGET", "LONG_BINGET"),
}
"""Those of protocols 0 to 2, which Python 2 wrote, without the ones that make objects by class."""

_KINDS = "fiu"
_REFUSED = (pickle.UnpicklingError, ValueError, TypeError, EOFError, KeyError, IndexError)
_REFUSED_TOO = (AttributeError, OverflowError, MemoryError, ImportError, RecursionError)


def _shown(value: object) -> str:
    """A value for a message: what is nested may be endless when written out."""
    return repr(value[:40]) if isinstance(value, str) else f"a {type(value).__name__}"


class _Dtype:
    """Stands for ``numpy.dtype``: a number of some bytes, in some order."""

    def __init__(self, code: str, *_: object):
        known = type(code) is str and code[:1] in _KINDS and code[1:].isdigit()
        if not known:
            raise ValueError(f"an array of {_shown(code)}: expected one of numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise ValueError(f"the byte order {_shown(order)}")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands for ``numpy.ndarray`` while its content is still to come."""

    value: np.ndarray | None = None

    def __init__(self, encode: _Encode):
        self._encode = encode

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, content = state
        # Python 2's strings come as text of one byte a letter.
        raw = self._encode(content, "latin1") if isinstance(content, str) else content
        if not isinstance(kind, _Dtype) or not isinstance(raw, bytes):
            raise ValueError("an array without numbers")
        if type(shape) is not tuple or any(
            type(length) is not int or length < 0 for length in shape
        ):
            raise ValueError("a shape that is no tuple of lengths")
        # In Fortran's order the first axis runs fastest: that of the transposed array is the last.
        flat, sides = np.frombuffer(raw, kind.dtype), tuple(shape)
        self.value = flat.reshape(sides[::-1]).T if fortran else flat.reshape(sides)


class _Encode:
    """Stands for ``_codecs.encode``; gives no more bytes in all than the file has."""

    def __init__(self, most: int):
        self.left = most

    def __call__(self, text: object, encoding: object) -> bytes:
        if not isinstance(text, str) or encoding != "latin1":
            raise ValueError("an encoding other than latin1")
        self.left -= len(text)
        if self.left < 0:
            raise ValueError("it uses one text many times")
        return text.encode("latin1")

    def __setstate__(self, _: object) -> None:
        raise ValueError("it changes a function")


class _Reconstruct:
    def __init__(self, encode: _Encode):
        self._encode = encode

    def __call__(self, *_: object) -> _Array:
        return _Array(self._encode)

    def __setstate__(self, _: object) -> None:
        raise ValueError("it changes a function")


_RECONSTRUCT = ("numpy.core.multiarray", "numpy._core.multiarray")
_NAMES = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((module, "_reconstruct") for module in _RECONSTRUCT),
    ("_codecs", "encode"),  # Python 3 writes bytes so in the protocols of Python 2
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, content: bytes):
        super().__init__(io.BytesIO(content), encoding="latin1")
        encode = _Encode(len(content))
        made = _Reconstruct(encode)
        self._known: dict[tuple[str, str], Any] = {
            ("numpy", "ndarray"): _Array,
            ("numpy", "dtype"): _Dtype,
            **{(module, "_reconstruct"): made for module in _RECONSTRUCT},
            ("_codecs", "encode"): encode,
        }

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._known[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it calls {module}.{name}") from None


def arrays(content: bytes) -> dict[str, np.ndarray]:
    """The arrays of a pickled dict of arrays, as NumPy under Python 2 or 3 wrote it.

    Args:
        content: the file, in protocol 0, 1 or 2.

    Raises:
        ValueError: it holds or calls anything else, or is damaged. Nothing of it was run.
    """
    try:
        _check(content)
        found = _Unpickler(content).load()
    except (*_REFUSED, *_REFUSED_TOO) as error:
        raise ValueError(f"not a pickle of arrays alone: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise ValueError(f"not a pickle of arrays alone: a {type(found).__name__}, expected a dict")
    values = {name: one.value for name, one in found.items() if isinstance(one, _Array)}
    known = {name: value for name, value in values.items() if value is not None}
    if len(known) != len(found):
        raise ValueError("not a pickle of arrays alone: something in its dict is no array")
    return known


def _check(content: bytes) -> None:
    """Refuse, before anything is built, instructions that no array needs.

    The place that a PUT names may be no higher than the number of instructions: Python would make
    room for every place below it.
    """
    before, tuples = "", set[int]()
    for number, (code, argument, _) in enumerate(pickletools.genops(content)):
        if "PUT" in code.name and "TUPLE" in before:
            tuples.add(int(str(argument)))
        # Tuples of one tuple many times are hashed and written out without end.
        if code.name.endswith("GET") and int(str(argument)) in tuples:
            raise ValueError("it uses one tuple many times")
        before = code.name
        if code.name not in _OPCODES:
            raise ValueError(f"the instruction {code.name}")
        if "PUT" in code.name and int(str(argument)) > number:
            raise ValueError(f"{code.name} {argument} at instruction {number}")
        if code.name == "GLOBAL" and tuple(str(argument).split(" ", 1)) not in _NAMES:
            called = str(argument).replace(" ", ".")
            raise ValueError(f"it calls {called}, and nothing but arrays of numbers is opened")
