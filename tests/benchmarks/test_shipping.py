"""Folders as bytes: everything arrives, and nothing outside the target folder."""

import io
import zipfile

import pytest

from benchmarks.run.executors.node import pack, unpack


def archive(*names, attributes=0):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            entry = zipfile.ZipInfo(name)
            entry.external_attr = attributes << 16
            file.writestr(entry, "content")
    return buffer.getvalue()


def files(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_a_folder_arrives_as_it_was_without_its_links(tmp_path):
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "tensorboard").mkdir(parents=True)
    (source / "log.txt").write_bytes(b"words")
    (source / "tensorboard" / "events").write_bytes(bytes(range(256)) * 100)
    expected = files(source)
    (source / "link").symlink_to("/etc/hostname")
    unpack(pack(source), target)
    assert files(target) == expected


def test_only_the_named_files_are_packed(tmp_path):
    for name in "abc":
        (tmp_path / name).write_text(name)
    unpack(pack(tmp_path, ["a", "c"]), tmp_path / "out")
    assert files(tmp_path / "out") == {"a": b"a", "c": b"c"}


@pytest.mark.parametrize(
    "name",
    ["../out", "a/../../out", "/etc/out", "C:/out", "C:out", "..\\out", "\\\\host\\out", "."],
)
def test_an_entry_that_would_lie_elsewhere_is_refused_and_nothing_written(tmp_path, name):
    target = tmp_path / "target"
    with pytest.raises(ValueError, match="files below the archive"):
        unpack(archive("fine", name), target)
    assert list(tmp_path.rglob("*")) == []


def test_a_link_is_refused(tmp_path):
    with pytest.raises(ValueError, match="files below the archive"):
        unpack(archive("link", attributes=0o120777), tmp_path)


def test_a_damaged_archive_is_refused(tmp_path):
    whole = archive("file")
    altered = whole.replace(b"content", b"CONTENT")
    for content in (b"", whole[:-10], altered):
        with pytest.raises(ValueError, match="complete zip archive"):
            unpack(content, tmp_path)
