"""Files that are larger than they say, or too large, take no memory."""

from __future__ import annotations

import os
import struct
import zipfile

import pytest
from archives import make_zip, peak_of

from preprocessing.raw_files.containers import ZipFiles
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import (
    MOST_BYTES,
    MOST_LINE,
    UnreadableError,
    read_bytes,
    read_lines,
)
from preprocessing.sources import get


def _packed(path, content, method, declared=None):
    """A zip of one member a.bin, which both headers may say to be of another size."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("a.bin", content)
    data = bytearray(path.read_bytes())
    if declared is not None:
        struct.pack_into("<I", data, 22, declared)
        struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, declared)
    path.write_bytes(data)
    return ZipFiles(path)


@pytest.mark.parametrize("declared", [None, 10, 1000])
def test_a_zip_takes_no_more_memory_than_is_allowed(declared, tmp_path):
    content = bytes(64 * 2**20)
    files = _packed(tmp_path / "a.zip", content, zipfile.ZIP_DEFLATED, declared)
    error, peak = peak_of(lambda: read_bytes(files, "a.bin", most=2000))
    assert error.reason == ("unreadable file" if declared else "file too large")
    assert peak < 4 * 2**20


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_a_zip_announces_is_not_reserved(method, tmp_path):
    data = os.urandom(3000)
    files = _packed(tmp_path / "a.zip", data, method, MOST_BYTES)
    if method == zipfile.ZIP_STORED:  # it also says how many bytes lie in the archive
        files._members["a.bin"].compress_size = MOST_BYTES
    _, peak = peak_of(lambda: read_bytes(files, "a.bin"))
    assert peak < 4 * 2**20


class _Growing(DirectoryFiles):
    def size(self, name):
        return 0


def test_a_file_that_is_larger_than_it_says_is_not_read(raw, tmp_path):
    raw.directory(tmp_path, {"a.bin": bytes(5 * 2**20)})
    files = _Growing(tmp_path)
    assert len(read_bytes(files, "a.bin", most=5 * 2**20)) == 5 * 2**20
    error, peak = peak_of(lambda: read_bytes(files, "a.bin", most=1000))
    assert error.reason == "file too large" and peak < 2**20


@pytest.mark.parametrize(
    ("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")]
)
def test_compressions_that_cannot_be_bounded_are_refused(method, name, raw, tmp_path):
    files = _packed(tmp_path / "a.zip", bytes(64 * 2**20), method)
    error, peak = peak_of(lambda: read_bytes(files, "a.bin"))
    assert error.reason == "unsupported zip compression" and peak < 2**20
    assert str(error) == f"{name}, expected deflate: unpack it, or pack it again"
    data = bytearray((tmp_path / "a.zip").read_bytes())
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 10, 77)
    (tmp_path / "b.zip").write_bytes(data)
    with pytest.raises(UnreadableError, match="method 77.*deflate"):
        read_bytes(ZipFiles(tmp_path / "b.zip"), "a.bin")


def test_lines_are_of_bounded_length_and_those_behind_follow(tmp_path):
    longest = b"y" * MOST_LINE
    lines = [b"first", longest, longest + b"y", b"", b"z" * 3 * MOST_LINE, b"last", b"x" * 2**21]
    (tmp_path / "a.csv").write_bytes(b"\n".join(lines))
    make_zip(tmp_path / "a.zip", [("a.csv", b"\n".join(lines))])
    for files in (DirectoryFiles(tmp_path), ZipFiles(tmp_path / "a.zip")):
        found = list(read_lines(files, "a.csv"))
        shown = [line.strip() if isinstance(line, str) else line.reason for line in found]
        long = "line too long"
        assert shown == ["first", longest.decode(), long, "", long, "last", long]


def test_a_header_without_end_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("fer2013.csv", b"emotion,pixels,Usage," + b"1 " * 2**25)
    files = ZipFiles(path)
    (line, peak) = peak_of(lambda: next(read_lines(files, "fer2013.csv")))
    assert line.reason == "line too long" and peak < 8 * 2**20
    with pytest.raises(ValueError, match="(?i)no FER2013"):
        get("fer2013").open(path, notice=pytest.fail)
