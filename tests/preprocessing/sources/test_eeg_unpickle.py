"""Arrays out of pickles that are not trusted: nothing that they ask for is run."""

from __future__ import annotations

import io
import os
import pickle
import pickletools
import struct
import tracemalloc

import numpy as np
import pytest

from preprocessing.sources.eeg.unpickle import _Unpickler, arrays

VALUES = {"data": np.arange(24.0).reshape(2, 3, 4), "labels": np.array([[1.5, 2.5]], np.float32)}


def python2(values):
    """A pickle of protocol 2 whose text and bytes are the strings of Python 2.

    As cPickle wrote them: a dict of arrays by name, without memo.
    """

    def text(value):
        return b"U" + bytes([len(value)]) + value

    def number(value):
        return b"K" + bytes([value])

    out = b"\x80\x02}("
    for name, array in values.items():
        raw = array.tobytes()
        kind = b"cnumpy\ndtype\n(" + text(array.dtype.str[1:].encode()) + b"K\x00K\x01tR"
        kind += b"(" + number(3) + text(b"<") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        out += text(name.encode()) + b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n"
        out += b"(K\x00t" + text(b"b") + b"tR(" + number(1)
        out += b"(" + b"".join(map(number, array.shape)) + b"t" + kind + b"\x89"
        out += b"T" + struct.pack("<i", len(raw)) + raw + b"tb"
    return out + b"u."


def same(found, values):
    assert list(found) == list(values)
    for name, array in values.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("protocol", [0, 1, 2])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_come_back_as_numpy_wrote_them(protocol, order):
    values = {name: np.array(array, order=order) for name, array in VALUES.items()}
    same(arrays(pickle.dumps(values, protocol)), values)


def test_arrays_of_python_2_come_back():
    content = python2(VALUES)
    same(pickle.loads(content, encoding="latin1"), VALUES)  # it is what NumPy reads too
    same(arrays(content), VALUES)


def test_bytes_of_the_other_order_are_turned():
    values = {"data": VALUES["data"].astype(">f8")}
    found = arrays(pickle.dumps(values, 2))["data"]
    np.testing.assert_array_equal(found, VALUES["data"])


class Malicious:
    def __init__(self, call, *given):
        self.what = call, given

    def __reduce__(self):
        return self.what


@pytest.mark.parametrize("protocol", [0, 1, 2, 4, 5])
def test_a_command_is_not_run(protocol, tmp_path):
    mark = tmp_path / "run"
    content = pickle.dumps({"data": Malicious(os.system, f"touch {mark}")}, protocol)
    with pytest.raises(ValueError, match="not a pickle of arrays alone"):
        arrays(content)
    assert not mark.exists()
    pickle.loads(content)
    assert mark.exists()  # it would have been


def test_names_are_refused_also_while_unpickling(tmp_path):
    """What the look at the instructions would miss stops here."""
    content = pickle.dumps(Malicious(os.mkdir, str(tmp_path / "made")), 4)
    with pytest.raises(pickle.UnpicklingError, match="it calls posix.mkdir|it calls nt.mkdir"):
        _Unpickler(content).load()
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (pickle.dumps(VALUES, 4), "the instruction"),
        (b"\x80\x02\x82\x01.", "the instruction EXT1"),
        (b"\x80\x02}r\xff\xff\xff\x7f.", "LONG_BINPUT 2147483647 at instruction 2"),
        (b"}p99999999999\n.", "PUT 99999999999 at instruction 1"),
    ],
    ids=["protocol 4", "extension", "memo", "memo as text"],
)
def test_instructions_are_looked_at_before_anything_is_built(content, told):
    with pytest.raises(ValueError, match=told):
        arrays(content)


@pytest.mark.parametrize(
    "value",
    [
        Malicious(eval, "1 + 1"),
        Malicious(np.load, "x.npy"),
        Malicious(np.frombuffer, b"12345678"),
        Malicious(np.zeros, (10**6,)),
        Malicious(np.dtype, "O"),
        np.array([{}], object),
        np.array(["text"]),
        np.zeros(2, [("a", "f8")]),
        np.float64(1),
        [VALUES["data"]],
        None,
        3,
    ],
    ids=lambda value: type(value).__name__,
)
def test_whatever_is_no_array_of_numbers_is_refused(value):
    with pytest.raises(ValueError, match="not a pickle of arrays alone"):
        arrays(pickle.dumps({"data": value}, 2))


@pytest.mark.parametrize("value", [[VALUES], 3, {1: VALUES["data"]}])
def test_whatever_is_no_dict_of_names_is_refused(value):
    with pytest.raises(ValueError, match="not a pickle of arrays alone"):
        arrays(pickle.dumps(value, 2))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps(VALUES, 2)[:-30],
        b"\x80\x02T\xff\xff\xff\x7fx.",  # a string longer than the file
        b"(" * 10**5 + b".",
        b"\x80\x02}(U\x04datacnumpy\nndarray\n)Ru.",  # an array without content
    ],
    ids=["empty", "text", "cut", "length", "marks", "unfilled"],
)
def test_damage_is_told_of_and_does_no_harm(content):
    with pytest.raises(ValueError, match="not a pickle of arrays alone"):
        arrays(content)


def test_a_shape_larger_than_its_bytes_is_refused():
    content = pickle.dumps({"data": np.zeros(7)}, 2)
    assert content.count(b"K\x07") == 1
    with pytest.raises(ValueError, match="reshape"):
        arrays(content.replace(b"K\x07", b"K\x09"))


def test_the_functions_that_it_calls_cannot_be_changed_by_it():
    """A state that is given to a function, and not to an array, would be written into it."""
    content = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n}U\x01aK\x01sb."
    pickletools.dis(content, io.StringIO())  # well formed
    with pytest.raises(ValueError, match="not a pickle of arrays alone"):
        arrays(content)
    same(arrays(pickle.dumps(VALUES, 2)), VALUES)


def doubled(depth: int, end: bytes) -> bytes:
    """A tuple of twice a tuple of twice a tuple, and what is done with it, called @."""
    content = b"\x80\x02K\x01q\x000h\x00h\x00\x86"
    for place in range(1, depth + 1):
        here = bytes([place])
        content += b"q" + here + b"0h" + here + b"h" + here + b"\x86"
    last = bytes([depth + 1])
    return content + b"q" + last + b"0" + end.replace(b"@", last)


def repeated(times: int, size: int) -> bytes:
    """One text, encoded again and again."""
    text = b"X" + size.to_bytes(4, "little") + b"a" * size
    content = b"\x80\x02" + text + b"q\x000X\x06\x00\x00\x00latin1q\x010c_codecs\nencode\nq\x020"
    return content + b"](" + b"h\x02h\x00h\x01\x86R" * times + b"e."


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (doubled(60, b"cnumpy\ndtype\nh@\x85R."), "one tuple many times"),
        (doubled(60, b"}h@K\x01s."), "one tuple many times"),
        (repeated(3000, 10**5), "one text many times"),
        (
            b"\x80\x02c_codecs\nencode\nN}X\x0c\x00\x00\x00__defaults__"
            b"X\x06\x00\x00\x00latin1\x85s\x86b0}.",
            "changes a function",
        ),
    ],
    ids=["written out", "hashed", "encoded", "function"],
)
def test_small_files_do_not_become_large_and_change_nothing(content, told):
    tracemalloc.start()
    with pytest.raises(ValueError, match=told):
        arrays(content)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()
