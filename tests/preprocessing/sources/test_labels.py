"""A table of labels beside a folder of photographs, with columns named or guessed."""

from __future__ import annotations

import numpy as np
import pytest

from preprocessing.sources import Doubt


@pytest.fixture
def folder(raw, tmp_path):
    png = raw.encode(raw.face(0, (20, 30, 3)))
    return raw.directory(
        tmp_path / "photos", dict.fromkeys(["1.png", "a/2.png", "b/2.png", "c/3.JPG"], png)
    )


def table(tmp_path, text, name="labels.csv", encoding="utf-8"):
    (tmp_path / name).write_bytes(text.encode(encoding))
    return tmp_path / name


def rows(found):
    return [(s.source, s.label, s.subject, s.split) for s in found.samples]


FOUR = [
    ("1.png", "happy", "", ""),
    ("b/2.png", "happy", "", ""),
    ("a/2.png", "sad", "", ""),
    ("c/3.JPG", "sad", "", ""),
]

TABLES = {
    "named": "image,label\n1.png,happy\na/2.png,sad\nb/2.png,happy\nc/3.JPG,sad\n",
    "other names": "File Name;Emotion\n1.png;happy\na/2.png;sad\nb/2.png;happy\n3.JPG;sad\n",
    "turned": "expression\tpath\nhappy\t1.png\nsad\tx/a/2.png\nhappy\tb/2.png\nsad\tc/3.JPG\n",
    "guessed": "key,what\n1.png,happy\na/2.png,sad\nb/2.png,happy\nc/3.JPG,sad\n",
    "no header": "1.png happy\na/2.png sad\nb/2.png happy\nc/3.JPG sad\n",
    "no endings": "image,label\n1,happy\na/2.png,sad\nb\\2.png,happy\n3,sad\n",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("kind", TABLES)
def test_columns_are_recognised_by_name_or_content(kind, encoding, read, folder, tmp_path, raw):
    labels = table(tmp_path, TABLES[kind], encoding=encoding)
    found = read("folder", folder, labels=labels)
    assert rows(found) == FOUR and found.rejected == []
    assert found.says(r"labels.csv gives image from '.+', label from '.+'")
    assert np.array_equal(found.samples[0].load(), raw.face(0, (20, 30, 3)))


def test_tables_of_spreadsheets_in_windows_1252_are_read_and_told(read, folder, tmp_path):
    text = "Datei;Gefühl\n1.png;fröhlich\na/2.png;müde\n"
    labels = table(tmp_path, text, encoding="cp1252")
    for given in ((), ("image=Datei", "label=Gefühl")):
        found = read("folder", folder, labels=labels, columns=given)
        assert [s.label for s in found.samples] == ["fröhlich", "müde"]
        assert found.says("label from 'gefühl'", "not in UTF-8.*Windows-1252")


def test_a_file_of_that_name_in_another_folder_is_another_photograph(read, raw, folder, tmp_path):
    text = "image,label\nz/1.png,x\nz/3.JPG,x\n/home/me/c/3.JPG,y\nb/2,x\nz/2,x\n"
    found = read("folder", folder, labels=table(tmp_path, text))
    assert {s.source: s.label for s in found.samples} == {
        "1.png": "x",  # z may be the folder that was given
        "b/2.png": "x",
        "c/3.JPG": "y",
    }
    lost = "no photograph of this name, or several"
    assert {f"labels.csv:{n}" for n in (3, 6)} == {
        source for source, reason in found.reasons.items() if reason == lost
    }


def test_case_counts_only_where_names_differ_in_nothing_else(read, raw, tmp_path):
    png = raw.encode(raw.face(0, (20, 30, 3)))
    names = ["A/1.jpg", "a/2.JPG", "x.png", "X.png", "y.png", "Y.png"]
    folder = raw.directory(tmp_path / "photos", dict.fromkeys(names, png))
    text = "image,label\na/1.JPG,sad\n2.jpg,happy\nX.png,sad\ny.PNG,sad\n"
    found = read("folder", folder, labels=table(tmp_path, text))
    assert {s.source: s.label for s in found.samples} == {
        "A/1.jpg": "sad",
        "a/2.JPG": "happy",
        "X.png": "sad",
    }
    assert found.reasons["labels.csv:5"] == "no photograph of this name, or several"


def test_a_photograph_may_be_named_like_a_column(read, raw, tmp_path):
    png = raw.encode(raw.face(0, (20, 30, 3)))
    names = ["image.png", "image1.png", "2.png"]
    folder = raw.directory(tmp_path / "photos", dict.fromkeys(names, png))
    text = "image,Label,note\nimage.png,sad,a\nimage1.png,happy,b\n2.png,sad,c\n"
    found = read("folder", folder, labels=table(tmp_path, text))
    assert found.raw.classes == ("happy", "sad") and len(found.samples) == 3
    found = read("folder", folder, labels=table(tmp_path, "image1,class1\nimage,class2\n"))
    assert {s.source: s.label for s in found.samples} == {
        "image1.png": "class1",
        "image.png": "class2",
    }


def test_people_parts_and_affect(read, folder, tmp_path):
    text = (
        "file,label,person,Usage,valence,arousal\n1.png,Anger,ann,Training,0.5,-1\n"
        "a/2.png,angry,bob,PrivateTest,0,0.25\nb/2.png,happy,ann,val,1,1\n3,happy,cy,eve,1,1\n"
    )
    found = read("folder", folder, labels=table(tmp_path, text))
    assert rows(found) == [
        ("1.png", "angry", "ann", "train"),
        ("b/2.png", "happy", "ann", "validation"),
        ("a/2.png", "angry", "bob", "test"),
    ]
    assert found.raw.columns == ("valence", "arousal")
    assert found.samples[0].more == {"valence": 0.5, "arousal": -1.0}
    assert found.reasons["labels.csv:5"] == "unknown part"
    assert found.says("gives", "'Anger' and 'angry' are one class, angry")


def test_columns_may_be_given(read, folder, tmp_path):
    text = "image,label,other,who\nx,1,1.png,7\nx,1,a/2.png,8\nx,2,b/2.png,7\nx,10,3,7\n"
    labels = table(tmp_path, text)
    given = ["image=other", "subject=4"]
    found = read("folder", folder, labels=labels, columns=given)
    assert found.raw.classes == ("1", "2", "10")
    assert [s.subject for s in found.samples] == ["7", "8", "7", "7"]
    for wrong in ("picture=other", "image=nothing", "image=5", "image"):
        with pytest.raises(ValueError, match=f"columns must be like label=NAME.*got '{wrong}'"):
            read("folder", folder, labels=labels, columns=[wrong])
    with pytest.raises(ValueError, match="give --labels FILE"):
        read("folder", folder, columns=given)


def test_what_cannot_be_guessed_is_asked_for(read, folder, tmp_path):
    labels = table(tmp_path, "a,b,c\n1.png,happy,x\n")
    asks = "must say the label of each row.*a, b, c.*--columns, as in label=b"
    with pytest.raises(ValueError, match=asks):
        read("folder", folder, labels=labels)
    with pytest.raises(ValueError, match="must say the image and the label.*image=a label=b"):
        read("folder", folder, labels=table(tmp_path, "a,b\nq,r\n"))
    with pytest.raises(ValueError, match="such as CSV, got JSON"):
        read("folder", folder, labels=table(tmp_path, '{"1.png": "happy"}'))
    with pytest.raises(ValueError, match="No row of labels.csv names a photograph.*e.g. q"):
        read("folder", folder, labels=table(tmp_path, "image,label\nq,r\n"))
    with pytest.raises(ValueError, match="columns of different names"):
        read("folder", folder, labels=table(tmp_path, "image,image\nq,r\n"))
    with pytest.raises(FileNotFoundError, match="No table of labels at .*gone"):
        read("folder", folder, labels=tmp_path / "gone.csv")


def test_every_row_and_every_file_is_counted(read, raw, folder, tmp_path):
    raw.directory(folder, {"notes.txt": b"", "d/4.png": b""})
    text = (
        "image,label\n1.png,happy\n1.png,happy\n1.png,sad\n2.png,sad\nc/3.JPG,\nb/2.png,sad,x\n"
        "a/2.png,sad\n"
    )
    found = read("folder", folder, labels=table(tmp_path, text))
    assert len(found.samples) == 2 and found.reasons == {
        "labels.csv:3": "second row of one photograph",
        "labels.csv:4": "labels of a photograph differ",
        "labels.csv:5": "no photograph of this name, or several",
        "labels.csv:6": "no label",
        "labels.csv:7": "wrong number of columns",
        "b/2.png": "not in the table of labels",
        "c/3.JPG": "not in the table of labels",
        "d/4.png": "not in the table of labels",
        "notes.txt": "not an image file",
    }


def test_one_class_is_doubtful_and_a_pattern_finds_people(read, folder, tmp_path):
    text = "image,label\na/2.png,x\nb/2.png,x\n1.png,x\n"
    found = read("folder", folder, labels=table(tmp_path, text), subject_pattern="([abc])/")
    assert found.says("gives", "one class, x") and isinstance(found.notices[1], Doubt)
    assert {s.source: s.subject for s in found.samples} == {"a/2.png": "a", "b/2.png": "b"}
    assert found.reasons["1.png"] == "subject pattern does not match"
