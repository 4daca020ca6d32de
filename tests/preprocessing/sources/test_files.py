"""Files of directories and archives: all are found once, and what cannot be read is reported."""

from __future__ import annotations

import gc
import io
import os
import shutil
import socket
import stat
import struct
import threading
import time
import tracemalloc
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from preprocessing.raw_files.containers import ZipFiles, container, containers
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import (
    MOST_BYTES,
    MOST_LINE,
    UnreadableError,
    read_bytes,
    read_lines,
)
from preprocessing.sources import get

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
    assert files.names() == ["b/1.png", "far/sub/y.png", "far/x.png"]
    again = dict.fromkeys(["a", "b/up", "near"], "directory read already")
    assert problems(files) == {**again, "file.png": "file read already"}
    assert read_bytes(files, "far/sub/y.png") == b"y"
    details = {item.source: item.detail for item in files.problems()}
    assert details["near"] == f"link to {outside / 'sub'}"


def test_linked_files_are_read_once_and_real_ones_before_links(raw, tmp_path):
    store = raw.directory(tmp_path / "store", {"x": "x", "y": "y"})
    root = raw.directory(tmp_path / "root", {"happy/p.png": "p", "z/real.png": "r", ".kept/k": "k"})
    raw.directory(root, {"sad/own.png": "o"})
    links = {
        "a/before.png": root / "z" / "real.png",
        "sad/link.png": "../happy/p.png",
        "sad/chain.png": "link.png",
        "b/2.png": store / "x",
        "b/1.png": store / "x",
        "happy/y.png": store / "y",
        "happy/kept.png": root / ".kept" / "k",
        "sad/kept.png": root / ".kept" / "k",
    }
    for name, target in links.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).symlink_to(target)
    files = DirectoryFiles(root)
    real = ["happy/p.png", "sad/own.png", "z/real.png"]
    assert files.names() == sorted([*real, "b/1.png", "happy/y.png", "happy/kept.png"])
    twice = ["a/before.png", "b/2.png", "sad/chain.png", "sad/kept.png", "sad/link.png"]
    assert problems(files) == dict.fromkeys(twice, "file read already")
    details = {item.source: item.detail for item in files.problems()}
    assert details["sad/link.png"] == "link to ../happy/p.png"
    found = list(get("folder").open(root, notice=pytest.fail).items)
    assert {item.source: item.label for item in found if item.source.endswith("p.png")} == {
        "happy/p.png": "happy"
    }


def test_files_of_one_content_are_files_of_their_own(raw, tmp_path):
    raw.directory(tmp_path, {"a/1.png": "1", "b/2.png": "1"})
    os.link(tmp_path / "a" / "1.png", tmp_path / "b" / "hard.png")
    (tmp_path / "c.png").symlink_to("b/hard.png")
    files = DirectoryFiles(tmp_path)
    assert files.names() == ["a/1.png", "b/2.png", "b/hard.png"]


def test_without_linked_files_no_file_is_looked_at(raw, tmp_path, monkeypatch):
    raw.directory(tmp_path, {"a/1.png": "1", "b/2.png": "2"})
    (tmp_path / "c").symlink_to("a")
    looked, real = [], os.stat
    monkeypatch.setattr(os, "stat", lambda path, **how: looked.append(path) or real(path, **how))
    assert len(DirectoryFiles(tmp_path).names()) == 2
    assert not [path for path in looked if str(path).endswith(".png")]


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
    with pytest.raises(ValueError, match="pipe.png is neither.*THAT"):
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
    files = DirectoryFiles(tmp_path)
    names = files.names()
    start = time.process_time()
    assert files.identity() == files.identity(names)
    assert time.process_time() - start < 0.1  # twice; 0.8 s for 200,000 once


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


def _peak(action):
    """What an action raises or returns, and the most memory it took."""
    tracemalloc.start()
    try:
        return action(), tracemalloc.get_traced_memory()[1]
    except UnreadableError as error:
        return error, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("declared", [None, 10, 1000])
def test_a_zip_takes_no_more_memory_than_is_allowed(declared, tmp_path):
    content = bytes(64 * 2**20)
    files = _packed(tmp_path / "a.zip", content, zipfile.ZIP_DEFLATED, declared)
    error, peak = _peak(lambda: read_bytes(files, "a.bin", most=2000))
    assert error.reason == ("unreadable file" if declared else "file too large")
    assert peak < 4 * 2**20


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_what_a_zip_announces_is_not_reserved(method, tmp_path):
    data = os.urandom(3000)
    files = _packed(tmp_path / "a.zip", data, method, MOST_BYTES)
    if method == zipfile.ZIP_STORED:  # it also says how many bytes lie in the archive
        files._members["a.bin"].compress_size = MOST_BYTES
    _, peak = _peak(lambda: read_bytes(files, "a.bin"))
    assert peak < 4 * 2**20


class _Growing(DirectoryFiles):
    def size(self, name):
        return 0


def test_a_file_that_is_larger_than_it_says_is_not_read(raw, tmp_path):
    raw.directory(tmp_path, {"a.bin": bytes(5 * 2**20)})
    files = _Growing(tmp_path)
    assert len(read_bytes(files, "a.bin", most=5 * 2**20)) == 5 * 2**20
    error, peak = _peak(lambda: read_bytes(files, "a.bin", most=1000))
    assert error.reason == "file too large" and peak < 2**20


@pytest.mark.parametrize(
    ("method", "name"), [(zipfile.ZIP_BZIP2, "bzip2"), (zipfile.ZIP_LZMA, "LZMA")]
)
def test_compressions_that_cannot_be_bounded_are_refused(method, name, raw, tmp_path):
    files = _packed(tmp_path / "a.zip", bytes(64 * 2**20), method)
    error, peak = _peak(lambda: read_bytes(files, "a.bin"))
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
    _zip(tmp_path / "a.zip", [("a.csv", b"\n".join(lines))])
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
    (line, peak) = _peak(lambda: next(read_lines(files, "fer2013.csv")))
    assert line.reason == "line too long" and peak < 8 * 2**20
    with pytest.raises(ValueError, match="(?i)no FER2013"):
        get("fer2013").open(path, notice=pytest.fail)


def test_archives_are_closed_when_nothing_refers_to_them(tmp_path):
    path = _zip(tmp_path / "a.zip", [("a.bin", b"a")])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        files = ZipFiles(path)
        files.itself = files  # left to the garbage collector
        assert read_bytes(files, "a.bin") == b"a"
        stream = files._zip.fp
        del files
        gc.collect()
        assert stream.closed


def _later(path):
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))


def _change_size(path):
    status = path.stat()
    path.write_bytes(path.read_bytes() + b"0")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _rename(path):
    path.rename(path.with_name("9" + path.name))


@pytest.mark.parametrize("change", [_later, _change_size, _rename, os.remove])
def test_the_identity_changes_with_every_file(change, raw, tmp_path):
    root = raw.directory(tmp_path, {"a/1.png": "1", "b/2.png": "2", ".hidden": "x"})
    before = DirectoryFiles(root).identity()
    (root / ".hidden").write_text("another")
    assert DirectoryFiles(root).identity() == before
    change(root / "b" / "2.png")
    assert DirectoryFiles(root).identity() != before


@pytest.mark.parametrize("change", [_later, _rename])
def test_the_identity_of_an_archive_is_that_of_its_file(change, tmp_path):
    path = _zip(tmp_path / "a.zip", [("a.bin", b"a")])
    before = ZipFiles(path).identity()
    assert ZipFiles(path).identity(["a.bin"]) == before
    change(path)
    assert ZipFiles(next(tmp_path.glob("*.zip"))).identity() != before


def test_the_identity_does_not_depend_on_where_the_files_lie(raw, tmp_path, monkeypatch):
    tree = {"happy/1.png": "1", "sad/2.png": "2", "z.zip": ""}
    first = raw.directory(tmp_path / "first", tree)
    _zip(first / "z.zip", [("a.bin", b"a")])
    second = tmp_path / "else" / "second"
    shutil.copytree(first, second)  # with the times
    monkeypatch.chdir(tmp_path)
    for root in (second, "first"):
        again = container(root, "").identity()
        assert again == DirectoryFiles(first).identity() and len(again) == 64
    assert ZipFiles(second / "z.zip").identity() == ZipFiles(first / "z.zip").identity()


def test_a_file_that_cannot_be_looked_at_does_not_stop_the_identity(raw, tmp_path):
    raw.directory(tmp_path, {"a": "1", "b": "2"})
    files = DirectoryFiles(tmp_path)
    before = files.identity()
    (tmp_path / "a").unlink()
    assert files.names() == ["a", "b"] and files.identity() != before
    assert DirectoryFiles(tmp_path, ["\udcff"]).identity() != before


def test_a_zip_is_searched_once_however_many_links_lead_to_it(tmp_path):
    _zip(tmp_path / "b.zip", [("1.png", b"1")])
    (tmp_path / "a.zip").symlink_to("b.zip")
    assert [files.prefix for files in containers(tmp_path, "")] == ["", "b.zip/"]


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
