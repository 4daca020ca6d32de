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


class _Dtype:
    """Stands for ``numpy.dtype``: a number of some bytes, in some order."""

    def __init__(self, code: str, *_: object):
        found = np.dtype(str(code)) if str(code)[:1] in _KINDS and str(code)[1:].isdigit() else None
        if found is None:
            raise ValueError(f"an array of {code!r}: expected one of numbers")
        self.dtype = found

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        order = state[1]
        if order not in ("<", ">", "|", "="):
            raise ValueError(f"the byte order {order!r}")
        self.dtype = self.dtype.newbyteorder(order)


class _Array:
    """Stands for ``numpy.ndarray`` while its content is still to come."""

    value: np.ndarray | None = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, kind, fortran, content = state
        # Python 2's strings come as text of one byte a letter.
        raw = content.encode("latin1") if isinstance(content, str) else content
        if not isinstance(kind, _Dtype) or not isinstance(raw, bytes):
            raise ValueError("an array without numbers")
        if any(type(length) is not int or length < 0 for length in shape):
            raise ValueError(f"the shape {shape!r}")
        # In Fortran's order the first axis runs fastest: that of the transposed array is the last.
        flat, sides = np.frombuffer(raw, kind.dtype), tuple(shape)
        self.value = flat.reshape(sides[::-1]).T if fortran else flat.reshape(sides)


def _reconstruct(*_: object) -> _Array:
    return _Array()


def _encode(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"the encoding {encoding!r}")
    return text.encode("latin1")


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _Array,
    ("numpy", "dtype"): _Dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,  # Python 3 writes bytes so in the protocols of Python 2
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _NAMES[module, name]
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
        found = _Unpickler(io.BytesIO(content), encoding="latin1").load()
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
    for number, (code, argument, _) in enumerate(pickletools.genops(content)):
        if code.name not in _OPCODES:
            raise ValueError(f"the instruction {code.name}")
        if "PUT" in code.name and int(str(argument)) > number:
            raise ValueError(f"{code.name} {argument} at instruction {number}")
        if code.name == "GLOBAL" and tuple(str(argument).split(" ", 1)) not in _NAMES:
            called = str(argument).replace(" ", ".")
            raise ValueError(f"it calls {called}, and nothing but arrays of numbers is opened")
