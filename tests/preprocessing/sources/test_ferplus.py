"""FER+: votes find their images by order alone, so that whatever could shift it is an error."""

from __future__ import annotations

import csv
import gzip
import zipfile
from collections import Counter

import numpy as np
import pytest

from preprocessing.raw_files.directory import DirectoryFiles
from preprocessing.sources.ferplus import COUNTS
from preprocessing.sources.ferplus_votes import (
    CHOICES,
    majority,
    plurality,
    read_votes,
    soft_labels,
)

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "contempt")
IN_FILE = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
IN_FILE += ("unknown", "NF")
OURS = {"anger": "angry", "happiness": "happy", "sadness": "sad", "NF": "nf"}
SPLITS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}


def votes_for(*names_and_counts):
    """Ten numbers in the order of the file: votes_for("anger", 9, "NF", 1)."""
    given = dict(zip(names_and_counts[::2], names_and_counts[1::2], strict=True))
    return [given.get(name, 0) for name in IN_FILE]


FILE_NAME_OF = dict(
    zip(CLASSES, ("anger", "disgust", "fear", "happiness", "sadness"), strict=False)
)
FILE_NAME_OF |= {"surprise": "surprise", "neutral": "neutral", "contempt": "contempt"}


def agreeing(raw):
    """Votes that confirm every label of FER2013."""
    return [votes_for(FILE_NAME_OF[CLASSES[label]], 8, "NF", 2) for _, label, _ in raw.rows()]


def votes_csv(raw, votes, *, names=True, usages=None):
    usages = usages or [usage for _, _, usage in raw.rows()]
    lines = [",".join(["Usage", *(["Image name"] if names else []), *IN_FILE])]
    for number, (usage, counts) in enumerate(zip(usages, votes, strict=True)):
        name = [f"fer{number:07d}.png"] if names else []
        lines.append(",".join([usage, *name, *map(str, counts)]))
    return "\n".join(lines) + "\n"


@pytest.fixture
def tree(raw):
    return {"fer2013.csv": raw.fer_csv(), "fer2013new.csv": votes_csv(raw, agreeing(raw))}


PACKINGS = {
    "directory": lambda raw, at, tree: raw.directory(at, tree),
    "the csv": lambda raw, at, tree: raw.directory(at, tree) / "fer2013.csv",
    "zip": lambda raw, at, tree: raw.zip(at / "a.zip", tree, top="fer2013/"),
    "directory of zip": lambda raw, at, tree: raw.zip(at / "a.zip", tree).parent,
    "icml": lambda raw, at, tree: raw.directory(
        at, {"icml_face_data.csv": raw.icml_csv(), "fer2013new.csv": tree["fer2013new.csv"]}
    ),
    "packed votes": lambda raw, at, tree: raw.directory(
        at,
        {
            "fer2013.csv": tree["fer2013.csv"],
            "fer2013new.csv.gz": gzip.compress(tree["fer2013new.csv"].encode()),
        },
    ),
    "votes beside the zip": lambda raw, at, tree: (
        raw.directory(at, {"fer2013new.csv": tree["fer2013new.csv"]})
        and raw.zip(at / "a.zip", {"fer2013.csv": tree["fer2013.csv"]})
    ),
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_images_of_fer2013(packing, read, raw, tree, tmp_path):
    found = read("ferplus", PACKINGS[packing](raw, tmp_path, tree))
    assert found.raw.classes == CLASSES and found.rejected == []
    for sample, (number, label, usage) in zip(found.samples, raw.rows(), strict=True):
        assert np.array_equal(sample.load(), raw.face(number))
        assert (sample.label, sample.split) == (CLASSES[label], SPLITS[usage])
        assert sample.more[f"votes_{CLASSES[label]}"] == 8 and sample.more["votes_nf"] == 2
    assert found.says(r"28 of 28 labels .*\(100.0%\)")
    assert found.raw.distribution.endswith(".csv with the votes of FER+")


@pytest.mark.parametrize("packed", [False, True])
def test_the_file_of_votes_may_be_packed_and_have_any_name(packed, read, raw, tree, tmp_path):
    votes = tree.pop("fer2013new.csv").encode()
    path = tmp_path / ("votes.csv.gz" if packed else "votes.data")
    path.write_bytes(gzip.compress(votes) if packed else votes)
    found = read("ferplus", raw.directory(tmp_path / "d", tree), votes=path)
    assert len(found.samples) == 28


def test_votes_are_columns_in_canonical_order(read, raw, tree, tmp_path):
    votes = agreeing(raw)
    votes[0] = [3, 0, 1, 0, 6, 0, 0, 0, 0, 0]
    tree["fer2013new.csv"] = votes_csv(raw, votes)
    found = read("ferplus", raw.directory(tmp_path, tree))
    assert found.raw.columns == tuple(f"votes_{name}" for name in (*CLASSES, "unknown", "nf"))
    assert list(found.samples[0].more.values()) == [6, 0, 0, 0, 0, 1, 3, 0, 0, 0]
    assert {type(value) for value in found.samples[0].more.values()} == {int}


def test_the_majority_is_the_label_and_without_one_the_row_is_rejected(read, raw, tree, tmp_path):
    votes = agreeing(raw)
    votes[0] = votes_for("contempt", 6, "anger", 4)
    votes[1] = votes_for("happiness", 5, "neutral", 5)
    votes[2] = votes_for("unknown", 7, "fear", 3)
    votes[3] = votes_for("NF", 10)
    votes[4] = votes_for("sadness", 5, "anger", 4, "fear", 1)  # the one vote is left out
    tree["fer2013new.csv"] = votes_csv(raw, votes, names=False)
    found = read("ferplus", raw.directory(tmp_path, tree))
    assert found.reasons == {
        "fer2013.csv:3": "no majority",
        "fer2013.csv:4": "unknown expression",
        "fer2013.csv:5": "not a face",
    }
    assert [s.label for s in found.samples[:2]] == ["contempt", "sad"]
    # Contempt is no label of FER2013, so that it neither confirms nor denies one.
    assert found.says(r"24 of 24 labels .*\(100.0%\)")


def test_with_plurality_rows_without_majority_stay(read, raw, tree, tmp_path):
    votes = agreeing(raw)
    votes[0] = votes_for("neutral", 4, "sadness", 4, "anger", 2)
    votes[1] = votes_for("NF", 4, "fear", 3, "anger", 3)
    votes[2] = votes_for("unknown", 4, "fear", 3, "anger", 3)
    votes[3] = [1] * 10
    votes[4] = votes_for("unknown", 5, "contempt", 5)
    tree["fer2013new.csv"] = votes_csv(raw, votes)
    path = raw.directory(tmp_path, tree)
    found = read("ferplus", path, labels="plurality")
    assert found.reasons == {
        "fer2013.csv:3": "not a face",
        "fer2013.csv:4": "unknown expression",
        "fer2013.csv:5": "no expression with two votes",
    }
    assert [s.label for s in found.samples[:2]] == ["sad", "contempt"]
    assert list(found.samples[0].more.values()) == [2, 0, 0, 0, 4, 0, 4, 0, 0, 0]
    assert found.raw.expected == COUNTS["plurality"]
    plain = read("ferplus", path, labels="majority")
    assert plain.reasons == read("ferplus", path).reasons
    assert list(plain.reasons.values()) == ["no majority"] * 5
    assert plain.raw.expected == COUNTS["majority"]
    # Whether the two files belong together does not depend on the labels.
    assert found.notices == plain.notices
    assert found.says(r"23 of 23 labels .*\(100.0%\)")


@pytest.mark.parametrize("labels", ["mean", "", None, ["majority"]])
def test_other_labels_are_refused_at_the_call(labels, read, raw, tree, tmp_path):
    with pytest.raises(ValueError, match="labels: .*'majority', 'plurality'"):
        read("ferplus", raw.directory(tmp_path, tree), labels=labels)


def test_lines_without_end_are_junk_and_never_a_shift(read, raw, tree, tmp_path):
    long, whole = "1 " * 2**20, dict(tree)
    tree["fer2013.csv"] = raw.fer_csv(long)
    found = read("ferplus", raw.directory(tmp_path, tree))
    assert len(found.samples) == 28 and found.reasons == {"fer2013.csv:30": "line too long"}
    lines = raw.fer_csv().splitlines()
    tree["fer2013.csv"] = "\n".join([*lines[:5], long, *lines[5:]])
    with pytest.raises(ValueError, match="fer2013.csv:6 .*rows follow"):
        read("ferplus", raw.directory(tmp_path, tree))
    whole["fer2013new.csv"] += long
    with pytest.raises(ValueError, match="fer2013new.csv:30 .* got 'a line too long'"):
        read("ferplus", raw.directory(tmp_path, whole))


def test_junk_after_the_last_row_is_rejected_and_shifts_nothing(read, raw, tree, tmp_path):
    tree["fer2013.csv"] = raw.fer_csv("", "</html>", "3,1 2 3,Holdout")
    found = read("ferplus", raw.directory(tmp_path, tree))
    assert len(found.samples) == 28 and found.reasons == {
        "fer2013.csv:31": "wrong number of columns",
        "fer2013.csv:32": "unknown Usage",
    }


def test_junk_between_rows_is_an_error_that_names_the_line(read, raw, tree, tmp_path):
    lines = raw.fer_csv().splitlines()
    for junk in ("</html>", "3,1 2 3", "3,1 2 3,Holdout"):
        tree["fer2013.csv"] = "\n".join([*lines[:5], junk, *lines[5:]])
        with pytest.raises(ValueError, match="fer2013.csv:6 .*rows follow"):
            read("ferplus", raw.directory(tmp_path, tree))


def test_a_bad_row_in_its_place_is_rejected_and_shifts_nothing(read, raw, tree, tmp_path):
    lines = raw.fer_csv().splitlines()
    lines[3] = "9" + lines[3][1:]
    lines[4] = lines[4].replace(" ", " x", 1)
    tree["fer2013.csv"] = "\n\n".join(lines)  # blank lines are no rows
    found = read("ferplus", raw.directory(tmp_path, tree))
    assert found.reasons == {"fer2013.csv:7": "label out of range"}
    kept = [row for position, row in enumerate(raw.rows()) if position != 2]
    assert [s.label for s in found.samples] == [CLASSES[label] for _, label, _ in kept]
    with pytest.raises(Exception, match="invalid literal"):
        found.samples[2].load()


def test_both_files_must_be_complete(read, raw, tree, tmp_path):
    whole = tree["fer2013new.csv"].splitlines()
    tree["fer2013new.csv"] = "\n".join(whole[:-1])
    with pytest.raises(ValueError, match="fer2013.csv .*votes, 27, got 28 rows"):
        read("ferplus", raw.directory(tmp_path, tree))
    tree = {"fer2013new.csv": "\n".join(whole), "fer2013.csv": raw.fer_csv()[:-9]}
    with pytest.raises(ValueError, match="28, got 27 rows and 1 invalid lines"):
        read("ferplus", raw.directory(tmp_path, tree))


def test_each_row_must_be_of_the_same_part(read, raw, tree, tmp_path):
    usages = [usage for _, _, usage in raw.rows()]
    usages[13], usages[14] = usages[14], usages[13]
    tree["fer2013new.csv"] = votes_csv(raw, agreeing(raw), usages=usages)
    with pytest.raises(
        ValueError, match="Row 14 of fer2013.csv must be of PublicTest.* got Training"
    ):
        read("ferplus", raw.directory(tmp_path, tree))


def test_votes_in_another_order_are_an_error(read, raw, tree, tmp_path):
    votes = agreeing(raw)
    tree["fer2013new.csv"] = votes_csv(raw, votes[1:] + votes[:1])
    with pytest.raises(ValueError, match=r"0 of 28 labels .*\(0.0%\), expected at least 50%"):
        read("ferplus", raw.directory(tmp_path, tree))
    half = [votes[n] if n % 2 else votes[(n + 1) % 28] for n in range(28)]
    tree["fer2013new.csv"] = votes_csv(raw, half)
    found = read("ferplus", raw.directory(tmp_path, tree))
    assert found.says(r"14 of 28 labels .*\(50.0%\)")
    half[1] = votes[2]
    tree["fer2013new.csv"] = votes_csv(raw, half)
    with pytest.raises(ValueError, match=r"13 of 28 labels .*\(46.4%\)"):
        read("ferplus", raw.directory(tmp_path, tree))


@pytest.mark.parametrize(
    "line",
    [
        "Training,fer1.png,4,0,0,1,3,2,0,0,0",
        "Training,fer1.png,4,0,0,1,3,2,0,0,0,x",
        "Training,fer1.png,4,0,0,1,3,2,0,0,0,-1",
        "Training,fer1.png,4,0,0,1,3,2,0,0,0,1.0",
        "Holdout,fer1.png,4,0,0,1,3,2,0,0,0,0",
        "</html>",
    ],
)
def test_a_bad_line_among_the_votes_is_an_error(line, read, raw, tree, tmp_path):
    tree["fer2013new.csv"] = "\n".join([*tree["fer2013new.csv"].splitlines()[:-1], line])
    with pytest.raises(ValueError, match="fer2013new.csv:29 must be .*Training"):
        read("ferplus", raw.directory(tmp_path, tree))


def test_votes_may_lie_anywhere(read, raw, tree, tmp_path):
    images = raw.directory(tmp_path / "images", {"fer2013.csv": tree["fer2013.csv"]})
    votes = raw.directory(tmp_path / "votes", {"any.txt": tree["fer2013new.csv"]}) / "any.txt"
    packed = raw.zip(tmp_path / "v.zip", {"d/fer2013new.csv": tree["fer2013new.csv"]})
    for where in (votes, str(votes), packed):
        assert len(read("ferplus", images, votes=where).samples) == 28
    with pytest.raises(ValueError, match=r"No votes of FER\+ at .*images.*fer2013new.csv"):
        read("ferplus", images)
    with pytest.raises(FileNotFoundError, match=r"(?i)gone.csv.*give fer2013new.csv of FER\+"):
        read("ferplus", images, votes=tmp_path / "gone.csv")
    with pytest.raises(ValueError, match="fer2013.csv must have .*Missing: anger, disgust"):
        read("ferplus", images, votes=images / "fer2013.csv")


def test_what_is_chosen_of_several_is_told(read, raw, tree, tmp_path):
    tree["icml_face_data.csv"] = raw.icml_csv()
    tree["older/fer2013new.csv"] = tree["fer2013new.csv"]
    found = read("ferplus", raw.directory(tmp_path, tree))
    assert found.says(
        "copies .*reading fer2013.csv, ignoring icml_face_data.csv",
        "votes .*reading fer2013new.csv, ignoring older/fer2013new.csv",
        "28 of 28 labels",
    )


def test_folders_cannot_be_joined_and_say_why(read, raw, tree, tmp_path):
    folders = {**raw.folders(), "fer2013new.csv": tree["fer2013new.csv"]}
    with pytest.raises(ValueError, match="folders of image files.*order"):
        read("ferplus", raw.directory(tmp_path / "d", folders))
    with pytest.raises(ValueError, match="No FER2013 .*found train.csv"):
        read("ferplus", raw.directory(tmp_path / "e", {"train.csv": raw.train_csv()}))


def test_a_damaged_archive_is_an_error_and_not_a_shift(read, raw, tree, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:  # stored as it is
        for name, content in tree.items():
            archive.writestr(name, content)
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"6,", b"5,", 1))
    with pytest.raises(ValueError, match="fer2013.csv cannot be read to its end: Bad CRC-32"):
        read("ferplus", tmp_path / "a.zip")


def test_a_majority_is_more_than_half_of_what_single_votes_leave():
    rows = {
        (5, 5, 0, 0, 0, 0, 0, 0, 0, 0): -1,
        (6, 4, 0, 0, 0, 0, 0, 0, 0, 0): 0,
        (4, 1, 1, 1, 1, 1, 1, 0, 0, 0): 0,
        (2, 1, 1, 1, 1, 1, 1, 1, 1, 0): 0,
        (1, 1, 1, 1, 1, 1, 1, 1, 1, 1): -1,
        (0, 0, 0, 0, 0, 0, 0, 0, 4, 6): 9,
        (0, 0, 0, 0, 0, 0, 0, 4, 6, 0): 8,
        (3, 3, 2, 0, 0, 0, 0, 0, 1, 1): -1,
    }
    assert majority(np.array(list(rows))).tolist() == list(rows.values())
    assert majority(np.zeros((0, 10), int)).shape == (0,)


def test_a_plurality_is_the_most_of_what_single_votes_leave():
    rows = {
        (5, 5, 0, 0, 0, 0, 0, 0, 0, 0): 0,
        (1, 0, 0, 0, 2, 0, 0, 2, 2, 0): 4,
        (0, 0, 0, 0, 0, 0, 0, 2, 2, 2): 7,
        (1, 1, 1, 1, 1, 1, 1, 1, 2, 0): 8,
        (3, 3, 0, 0, 0, 0, 0, 0, 0, 4): 9,
        (1, 1, 1, 1, 1, 1, 1, 1, 1, 1): -1,
    }
    assert plurality(np.array(list(rows))).tolist() == list(rows.values())
    assert plurality(np.zeros((0, 10), int)).shape == (0,)
    kept = [row for row, place in rows.items() if 0 <= place < 8]
    assert np.allclose(soft_labels(np.array(kept)).sum(axis=1), 1)


def test_soft_labels_are_the_shares_of_the_expressions():
    votes = [
        (4, 0, 0, 0, 0, 0, 4, 0, 0, 2),
        (6, 1, 0, 0, 0, 0, 2, 0, 1, 0),
        (1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
        (0, 0, 0, 0, 0, 0, 0, 0, 5, 5),
    ]
    soft = soft_labels(np.array(votes))
    assert soft.tolist() == [
        [0.5, 0, 0, 0, 0, 0, 0.5, 0],
        [0.75, 0, 0, 0, 0, 0, 0.25, 0],
        [0] * 8,
        [0] * 8,
    ]
    assert soft_labels(np.zeros((0, 10), int)).shape == (0, 8)


@pytest.mark.parametrize(
    "votes", [np.zeros(10, int), np.zeros((3, 8), int), np.zeros((3, 10)), -np.ones((3, 10), int)]
)
def test_soft_labels_refuse_what_are_no_votes(votes):
    with pytest.raises(ValueError, match="votes must"):
        soft_labels(votes)


@pytest.mark.data
def test_the_published_votes_have_the_counts_we_state(data):
    """Against the authors' rules in plain Python, on all 35,887 rows."""
    path = data / "ferplus" / "fer2013new.csv"
    if not path.is_file():
        pytest.skip(f"no ferplus/fer2013new.csv in {data}: set FER_DATA to the folder that has it")
    expected, most = Counter(), Counter()
    with open(path, encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            left = {name: int(row[name]) for name in IN_FILE if int(row[name]) > 1}
            top = max(left, key=left.get, default="")
            found = left and left[top] / sum(left.values()) > 0.5
            expected[row["Usage"], OURS.get(top, top) if found else "none"] += 1
            order = {name: -place for place, name in enumerate((*FILE_NAME_OF.values(), "unknown"))}
            first = max(left, key=lambda name: (left[name], order.get(name, -9)), default="none")
            most[row["Usage"], OURS.get(first, first)] += 1
    votes = read_votes(DirectoryFiles(path.parent, [path.name]), path.name)
    chosen = [(*CHOICES, "none")[place] for place in majority(votes.counts)]
    assert Counter(zip(votes.usages, chosen, strict=True)) == expected
    largest = [(*CHOICES, "none")[place] for place in plurality(votes.counts)]
    assert Counter(zip(votes.usages, largest, strict=True)) == most
    assert len(chosen) == 35_887
    totals = {
        name: sum(sum(n.values()) for n in counts.values()) for name, counts in COUNTS.items()
    }
    assert totals == {"majority": 31_412, "plurality": 35_488}
    for usage, split in SPLITS.items():
        assert COUNTS["majority"][split] == {name: expected[usage, name] for name in CLASSES}
        assert COUNTS["plurality"][split] == {name: most[usage, name] for name in CLASSES}


def join_csv(raw, missing=()):
    """Which file of the folder distribution each image of the votes is."""
    files = {n: name for name in raw.folders() for n in [int(name.split("_")[1].split(".")[0])]}
    lines = [f"fer{n:07d}.png,{files[n]}" for n in files if n not in missing]
    return "\n".join(["ferplus_name,fer2013_file", *lines]) + "\n"


@pytest.fixture
def folders(raw, tmp_path):
    """The folder distribution with votes and join beside it; the path of the join."""
    raw.zip(tmp_path / "d" / "archive.zip", raw.folders())
    votes = agreeing(raw)
    votes[3] = votes_for("contempt", 8, "neutral", 2)
    tree = {"fer2013new.csv": votes_csv(raw, votes), "join.csv": join_csv(raw, missing=[5])}
    return raw.directory(tmp_path / "d", tree) / "join.csv"


def test_a_join_gives_folders_their_votes(read, raw, folders):
    found = read("ferplus", folders.parent, join=folders)
    by_number = {
        int(s.source.split("_")[1].split(".")[0]): (s.label, s.split, s.load().tobytes())
        for s in found.samples
    }
    assert by_number == {
        n: ("contempt" if n == 3 else CLASSES[label], SPLITS[usage], raw.face(n).tobytes())
        for n, label, usage in raw.rows()
        if n != 5
    }
    assert found.reasons == {
        "archive.zip/train/surprise/Training_5.png": "not in the table of join"
    }
    assert [s.more["votes_contempt"] for s in found.samples].count(8) == 1
    assert found.says("26 of 26 labels", "27 of 28 files")


def test_a_join_of_other_files_is_refused(read, raw, folders):
    place = folders.parent
    lines = folders.read_text().splitlines()
    turned = [
        line.split(",")[0] + "," + other.split(",")[1]
        for line, other in zip(lines[1:], lines[4:] + lines[1:4], strict=True)
    ]
    folders.write_text("\n".join([lines[0], *turned]))
    with pytest.raises(ValueError, match="labels of FER2013 are confirmed.*expected at least"):
        read("ferplus", place, join=folders)
    folders.write_text("\n".join([lines[0], "fer9999999.png,train/sad/Training_4.png"]))
    with pytest.raises(ValueError, match="join.csv:2 must join one image"):
        read("ferplus", place, join=folders)
    folders.write_text("\n".join([lines[0], "fer0000004.png,train/Sad/im_4.png"]))
    with pytest.raises(ValueError, match="No file at .* named in .*join.csv.*train/sad/im_4.png"):
        read("ferplus", place, join=folders)
    folders.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="columns ferplus_name and fer2013_file, got a, b"):
        read("ferplus", place, join=folders)
    with pytest.raises(FileNotFoundError, match="no file .*gone.csv; --join needs"):
        read("ferplus", place, join=place / "gone.csv")


@pytest.mark.data
def test_the_real_join_confirms_the_real_folders(data, read):
    if not (data / "ferplus" / "join.csv").is_file():
        pytest.skip(f"no ferplus/join.csv in {data}: set FER_DATA to the folder that has it")
    votes, join = data / "ferplus" / "fer2013new.csv", data / "ferplus" / "join.csv"
    found = read("ferplus", data / "fer2013" / "archive.zip", votes=votes, join=join)
    without = Counter(found.reasons.values())
    assert len(found.samples) + len(found.rejected) == 35_887
    assert without["not in the table of join"] == 35_887 - 35_659
