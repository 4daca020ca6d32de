"""The registry, atomic writes and text on pictures that all rooms share."""

import hashlib
import json
import os

import numpy as np
import pytest
from PIL import Image

from attention_fer.common import cards, files, text
from attention_fer.common.registry import Registry


def test_a_registry_keeps_order_and_names_the_nearest():
    kinds = Registry("detector")
    kinds.add("yolo5face", 1)
    assert kinds.add("cascade", 2) == 2
    assert kinds.names() == list(kinds) == ["yolo5face", "cascade"]
    assert kinds["cascade"] == kinds.get("cascade") == 2
    with pytest.raises(ValueError, match=r"detector.*'cascde'.*yolo5face.*Did you mean 'cascade'"):
        kinds["cascde"]
    assert "cascde" not in kinds


def test_a_name_belongs_to_one_definition():
    kinds = Registry("module")

    def define():
        @kinds.register("mine")
        class Mine: ...

        return Mine

    define()
    again = define()  # as when a notebook cell is run twice
    assert kinds["mine"] is again
    with pytest.raises(ValueError, match="already registered"):
        kinds.add("mine", int)
    kinds.add("number", 1)
    with pytest.raises(ValueError, match="already registered"):
        kinds.add("number", 2)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "new" / "a.json"
    files.write_json(path, {"a": 1.5})
    assert json.loads(path.read_text()) == {"a": 1.5}
    with pytest.raises(ValueError, match="JSON"):
        files.write_json(path, {"a": float("nan")})
    with pytest.raises(RuntimeError), files.replacing(path) as draft:
        draft.write_text("half")
        raise RuntimeError
    assert json.loads(path.read_text()) == {"a": 1.5}
    assert os.listdir(path.parent) == ["a.json"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_a_file_keeps_its_mode_and_a_new_one_has_that_of_the_umask(tmp_path):
    path = tmp_path / "a.txt"
    old = os.umask(0o027)
    try:
        files.write_text(path, "a")
        assert path.stat().st_mode & 0o777 == 0o640
        for mode in (0o600, 0o664, 0o444):
            path.chmod(mode)
            with files.replacing(path) as draft:
                draft.write_text(oct(mode))
                assert not draft.stat().st_mode & 0o777 & ~(mode | 0o600)  # never more open
            assert (path.stat().st_mode & 0o777, path.read_text()) == (mode, oct(mode))
    finally:
        os.umask(old)
    assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_and_its_target_is_written(tmp_path, exists):
    target, link = tmp_path / "there" / "file", tmp_path / "here" / "link.json"
    link.parent.mkdir()
    try:
        link.symlink_to(target)
    except OSError:
        pytest.skip("no symbolic links here")
    if exists:
        files.write_text(target, "old")
    with files.replacing(link) as draft:
        assert (draft.parent, draft.suffix) == (target.parent.resolve(), ".json")
        draft.write_text("new")
    assert link.is_symlink() and target.read_text() == "new" and not target.is_symlink()
    assert os.listdir(target.parent) == ["file"]


def test_a_hash_is_that_of_the_bytes(tmp_path):
    content = bytes(range(256)) * 9000
    files.write_bytes(tmp_path / "a", content)
    assert files.sha256(tmp_path / "a") == hashlib.sha256(content).hexdigest()


def test_text_has_letters_that_the_font_has():
    assert text.printable("Ärger 怒り\n") == "Arger ???"


def test_class_names_in_another_alphabet_become_numbers():
    given = ["fear", "peur été", "恐れ", "  two\nlines ", "", "\udcff", "😨", "why?"]
    labels = ["fear", "peur ete", "class 2", "two lines", "class 4", "class 5", "class 6", "why?"]
    assert text.class_labels(given) == labels


def test_text_is_cut_to_pixels_at_the_end_asked_for():
    letters = text.font(13)
    path = "faces/" * 20 + "anna.png"
    short = text.cut(path, 100, letters)
    assert short.startswith("faces/") and short.endswith("...")
    short = text.cut(path, 100, letters, keep_end=True)
    assert short.startswith("...") and short.endswith("anna.png")
    assert text.width(short, letters) <= 101


def test_text_is_wrapped_and_the_last_line_cut():
    letters = text.font(13)
    words = "a network that says why it decides as it does " * 5
    lines = text.wrap(words, 120, letters, 3)
    assert len(lines) == 3 and lines[-1].endswith("...")
    assert all(letters.getlength(line) <= 120 for line in lines)
    assert " ".join(text.wrap(words, 120, letters, 99)).split() == words.split()


def test_a_page_has_its_cards_in_rows_below_the_title_and_the_legend():
    colours = [(200, 0, 0), (0, 200, 0), (0, 0, 200)]
    made = [Image.new("RGB", (50, 30), colour) for colour in colours]
    legend = Image.new("RGB", (20, 9), (1, 2, 3))
    plain = cards.page(made, 2 * (50 + cards.GAP) + cards.GAP, "title")
    told = cards.page(made, plain.width, "title", "a note", legend)
    assert told.height - plain.height == cards.LINE + legend.height + cards.GAP
    for picture in map(np.asarray, (plain, told)):
        corners = [np.argwhere((picture == colour).all(-1)).min(axis=0) for colour in colours]
        (top, left), *others = corners
        assert left == cards.GAP
        assert others[0].tolist() == [top, left + 50 + cards.GAP]
        assert others[1].tolist() == [top + 30 + cards.GAP, left]
        assert (picture[top + 30 + cards.GAP :, left + 50 :] == 255).all()  # no fourth card
        assert (picture[: top - 2] < 100).any()
    assert cards.page([], 100, "t").height < 50
