"""Files of directories and archives: all are found once, and what cannot be read is reported."""

from __future__ import annotations

import io
import os
import socket
import stat
import threading
import time
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from preprocessing.sources import UnreadableError
from preprocessing.sources.archive import ZipFiles
from preprocessing.sources.containers import container, containers
from preprocessing.sources.directory import DirectoryFiles
from preprocessing.sources.files import read_bytes, read_lines

ODD = ["a b/c  d.png", "Größe/日本.png", "line\nbreak.png", "tab\t'\".png", "back\\slash.png"]


def problems(files):
    return {item.source: item.reason for item in files.problems()}


def test_every_file_is_found_under_its_path(raw, tmp_path):
    tree = {name: name for name in ("b.txt", "a/z.png", "a/b/c.png", *ODD)}
    files = DirectoryFiles(raw.directory(tmp_path, tree))
    assert files.names() == sorted(tree) and problems(files) == {}
    assert all(read_bytes(files, name).decode() == name for name in tree)
    assert all(files.size(name) == len(name.encode()) for name in tree)


@pytest.mark.skipif(os.name != "posix", reason="names are bytes on POSIX alone")
def test_names_that_are_no_text_are_opened_and_told_as_text(tmp_path):
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    try:
        with open(folder + b"/\xff.png", "wb") as stream:
            stream.write(b"content")
    except OSError:
        pytest.skip("this file system takes text alone")
    files = DirectoryFiles(tmp_path)
    (name,) = files.names()
    assert read_bytes(files, name) == b"content"
    assert files.source(name) == r"caf\udce9/\udcff.png"


def test_files_of_operating_systems_are_left_out(raw, tmp_path):
    hidden = [".DS_Store", ".git/a.png", "a/.b.png", "__MACOSX/a/._b.png", "a/Thumbs.db"]
    tree = dict.fromkeys([*hidden, "a/THUMBS.DB", "Desktop.ini", "a/b.png", "a/thumbs.png"], b"")
    assert DirectoryFiles(raw.directory(tmp_path / "d", tree)).names() == [
        "a/b.png",
        "a/thumbs.png",
    ]
    files = ZipFiles(raw.zip(tmp_path / "a.zip", tree))
    assert files.names() == ["a/b.png", "a/thumbs.png"] and problems(files) == {}


def test_linked_directories_are_read_once(raw, tmp_path):
    outside = raw.directory(tmp_path / "outside", {"x.png": "x", "sub/y.png": "y"})
    root = raw.directory(tmp_path / "root", {"b/1.png": "1"})
    (root / "a").symlink_to(root / "b")
    (root / "far").symlink_to(outside)
    (root / "near").symlink_to(outside / "sub")
    (root / "file.png").symlink_to(outside / "x.png")
    (root / "b" / "up").symlink_to(root)
    files = DirectoryFiles(root)
    assert files.names() == ["b/1.png", "far/sub/y.png", "far/x.png", "file.png"]
    assert problems(files) == dict.fromkeys(["a", "b/up", "near"], "directory read already")
    assert read_bytes(files, "far/sub/y.png") == b"y"
    details = {item.source: item.detail for item in files.problems()}
    assert details["near"] == f"link to {outside / 'sub'}"


def test_a_link_to_what_surrounds_the_root_ends(raw, tmp_path):
    root = raw.directory(tmp_path / "top" / "root", {"1.png": "1"})
    raw.directory(tmp_path / "top", {"2.png": "2"})
    (root / "up").symlink_to(tmp_path / "top")
    files = DirectoryFiles(root)
    assert files.names() == ["1.png", "up/2.png"]
    assert problems(files) == {"up/root": "directory read already"}


def test_links_to_nothing_and_to_themselves_are_reported(tmp_path):
    (tmp_path / "gone.png").symlink_to("nowhere")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "through").symlink_to("file/below")
    (tmp_path / ".hidden").symlink_to("nowhere")
    files = DirectoryFiles(tmp_path)
    assert files.names() == ["file"]
    assert problems(files) == {
        "gone.png": "dangling link",
        "one": "link loop",
        "two": "link loop",
        "through": "dangling link",
    }


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_what_is_no_regular_file_is_never_opened(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to("pipe.png")
    (tmp_path / "null.png").symlink_to(os.devnull)
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        files = DirectoryFiles(tmp_path)
        assert files.names() == []
        assert {item.source: (item.reason, item.detail) for item in files.problems()} == {
            "link.png": ("not a regular file", "named pipe"),
            "null.png": ("not a regular file", "device"),
            "pipe.png": ("not a regular file", "named pipe"),
            "socket.png": ("not a regular file", "socket"),
        }
    with pytest.raises(ValueError, match="pipe.png is neither a file nor a directory: give THAT"):
        container(tmp_path / "pipe.png", "THAT")


def test_unreadable_directories_are_reported(raw, tmp_path):
    """A path longer than the system takes: it stops even those who may read everything."""
    raw.directory(tmp_path, {"a/1.png": "1"})
    folder, name = os.open(tmp_path / "a", os.O_RDONLY), "d" * 200
    for _ in range(25):
        os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(folder)
    files = DirectoryFiles(tmp_path)
    assert files.names() == ["a/1.png"]
    ((source, reason),) = problems(files).items()
    assert reason == "unreadable directory" and source.startswith(f"a/{name}/{name}")


def test_a_root_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(OSError, match="gone"):
        DirectoryFiles(tmp_path / "gone").names()


def test_many_files_cost_little(tmp_path):
    """In time of the processor, so that other programs do not matter; 0.8 s for 200,000."""
    for number in range(1000):
        os.close(os.open(f"{tmp_path}/{number}.png", os.O_CREAT | os.O_WRONLY))
    start = time.process_time()
    assert len(DirectoryFiles(tmp_path).names()) == 1000
    assert time.process_time() - start < 0.1


def _zip(path, members):
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of duplicate names
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_members_outside_the_archive_are_rejected(tmp_path):
    unsafe = ["/etc/a.png", "../b.png", "c/../../d.png", "C:\\e.png", "c:/f.png", "..\\g.png"]
    files = ZipFiles(_zip(tmp_path / "a.zip", [(name, b"x") for name in [*unsafe, "a..b/ok.png"]]))
    assert files.names() == ["a..b/ok.png"]
    assert problems(files) == {f"a.zip/{name}": "unsafe path of a zip member" for name in unsafe}


def test_of_members_of_one_name_the_last_is_read_as_in_unpacking(tmp_path):
    members = [
        ("a/1.png", b"old"),
        ("a\\2.png", b"two"),
        ("a/1.png", b"latest"),
        ("./a//1.png", b"no"),
    ]
    files = ZipFiles(_zip(tmp_path / "a.zip", members[:3]))
    assert files.names() == ["a/1.png", "a/2.png"]
    assert [read_bytes(files, name) for name in files.names()] == [b"latest", b"two"]
    ((source, reason),) = problems(files).items()
    assert (source, reason) == ("a.zip/a/1.png", "zip member replaced by a later one of its name")
    files = ZipFiles(_zip(tmp_path / "b.zip", members))
    assert read_bytes(files, "a/1.png") == b"no" and len(files.problems()) == 2


def test_directories_and_links_inside_a_zip_are_no_files(tmp_path):
    link = zipfile.ZipInfo("a/link.png")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    members = [("a/", b""), ("b\\", b""), (link, b"../secret.png"), ("a/1.png", b"1")]
    files = ZipFiles(_zip(tmp_path / "a.zip", members))
    assert files.names() == ["a/1.png"]
    assert problems(files) == {"a.zip/a/link.png": "not a regular file"}


def test_zip_members_have_odd_names_too(tmp_path):
    names = [name for name in ODD if "\\" not in name]
    files = ZipFiles(_zip(tmp_path / "a.zip", [(name, name) for name in names]))
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
    files = ZipFiles(_zip(tmp_path / "a.zip", [("a.csv", lines), ("b.bin", b"b" * 70_000)]))
    seen = [
        line for line in read_lines(files, "a.csv") if read_bytes(files, "b.bin") == b"b" * 70_000
    ]
    assert len(seen) == 5000 and seen[-1] == "4999\n"


def test_damage_of_any_compression_is_one_kind_of_error(tmp_path):
    content = bytes(range(256)) * 50
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", method) as archive:
            archive.writestr("a.bin", content)
        data = bytearray(stream.getvalue())
        data[45:60] = bytes(range(200, 215))
        (tmp_path / "a.zip").write_bytes(data)
        with pytest.raises(UnreadableError) as caught:
            read_bytes(ZipFiles(tmp_path / "a.zip"), "a.bin")
        assert caught.value.reason == "unreadable file"


def test_a_directory_is_searched_with_the_zips_in_it(raw, tmp_path):
    raw.zip(tmp_path / "b.ZIP", {"1.png": "1"})
    raw.zip(tmp_path / "a.zip", {"2.png": "2"})
    raw.directory(tmp_path, {"3.png": "3", "._a.zip": "resource fork", "deep/c.zip": "not opened"})
    (tmp_path / "d.zip").mkdir()
    found = containers(tmp_path, "")
    listed = [files.source(name) for files in found for name in files.names()]
    assert listed == ["3.png", "a.zip", "b.ZIP", "deep/c.zip", "a.zip/2.png", "b.ZIP/1.png"]
    (alone,) = containers(tmp_path / "3.png", "")
    assert alone.names() == ["3.png"] and alone.problems() == []
