"""Files of zip archives: all are found once, and what cannot be read is reported."""

from __future__ import annotations

import gc
import io
import os
import stat
import threading
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from archives import ODD, make_zip, problems

from preprocessing.raw_files.containers import ZipFiles
from preprocessing.raw_files.files import UnreadableError, read_bytes, read_lines


def test_members_outside_the_archive_are_rejected(tmp_path):
    unsafe = ["/etc/a.png", "../b.png", "c/../../d.png", "C:\\e.png", "c:/f.png", "..\\g.png"]
    files = ZipFiles(
        make_zip(tmp_path / "a.zip", [(name, b"x") for name in [*unsafe, "a..b/ok.png"]])
    )
    assert files.names() == ["a..b/ok.png"]
    assert problems(files) == dict.fromkeys(
        (f"a.zip/{name}".replace("\\", "/") for name in unsafe), "unsafe path of a member"
    )


def test_of_members_of_one_name_the_last_is_read_as_in_unpacking(tmp_path):
    members = [
        ("a/1.png", b"old"),
        ("a\\2.png", b"two"),
        ("a/1.png", b"latest"),
        ("./a//1.png", b"no"),
    ]
    files = ZipFiles(make_zip(tmp_path / "a.zip", members[:3]))
    assert files.names() == ["a/1.png", "a/2.png"]
    assert [read_bytes(files, name) for name in files.names()] == [b"latest", b"two"]
    ((source, reason),) = problems(files).items()
    assert (source, reason) == ("a.zip/a/1.png", "member replaced by a later one of its name")
    files = ZipFiles(make_zip(tmp_path / "b.zip", members))
    assert read_bytes(files, "a/1.png") == b"no" and len(files.problems()) == 2


def test_directories_and_links_inside_a_zip_are_no_files(tmp_path):
    link = zipfile.ZipInfo("a/link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    members = [("a/", b""), ("b\\", b""), (link, b"../secret.png"), ("a/1.png", b"1")]
    files = ZipFiles(make_zip(tmp_path / "a.zip", members))
    assert files.names() == ["a/1.png"]
    assert problems(files) == {"a.zip/a/link.png": "not a regular file"}


def test_zip_members_have_odd_names_too(tmp_path):
    names = [name for name in ODD if "\\" not in name]
    files = ZipFiles(make_zip(tmp_path / "a.zip", [(name, name) for name in names]))
    assert files.names() == sorted(names)
    assert all(read_bytes(files, name).decode() == name for name in names)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_many_threads_read_one_zip(method, tmp_path):
    contents = {f"{n}.bin": os.urandom(999) * (1 + n % 40) for n in range(120)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    files = ZipFiles(tmp_path / "a.zip")
    start = threading.Barrier(8)

    def all_of_them(offset):
        start.wait()
        names = sorted(contents)
        names = names[offset:] + names[:offset]
        return all(read_bytes(files, name) == contents[name] for name in names * 3)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(all_of_them, range(0, 80, 10)))


def test_a_member_stays_open_while_others_are_read(tmp_path):
    lines = b"".join(b"%d\n" % n for n in range(5000))
    files = ZipFiles(make_zip(tmp_path / "a.zip", [("a.csv", lines), ("b.bin", b"b" * 70_000)]))
    seen = [
        line for line in read_lines(files, "a.csv") if read_bytes(files, "b.bin") == b"b" * 70_000
    ]
    assert len(seen) == 5000 and seen[-1] == "4999\n"


def test_damage_of_either_compression_is_one_kind_of_error(tmp_path):
    content = bytes(range(256)) * 50
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.writestr("a.bin", content)
        data = bytearray(stream.getvalue())
        data[45:60] = bytes(range(200, 215))
        (tmp_path / "a.zip").write_bytes(data)
        with pytest.raises(UnreadableError) as caught:
            read_bytes(ZipFiles(tmp_path / "a.zip"), "a.bin")
        assert caught.value.reason == "unreadable file"


def test_archives_are_closed_when_nothing_refers_to_them(tmp_path):
    path = make_zip(tmp_path / "a.zip", [("a.bin", b"a")])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        files = ZipFiles(path)
        files.itself = files  # left to the garbage collector
        assert read_bytes(files, "a.bin") == b"a"
        stream = files._zip.fp
        del files
        gc.collect()
        assert stream.closed
