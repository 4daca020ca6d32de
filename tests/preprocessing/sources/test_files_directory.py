"""Files of directories: all are found once, and what cannot be read is reported."""

from __future__ import annotations

import os
import socket
import time

import pytest
from archives import ODD, problems

from preprocessing.raw_files.containers import ZipFiles, container
from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.raw_files.files import read_bytes
from preprocessing.sources import get


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
