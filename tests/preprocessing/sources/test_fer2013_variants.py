"""FER2013 as many copies have it: other names for folders, columns and parts, other packings."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import tarfile
from collections import Counter

import numpy as np
import pytest

from preprocessing.dataset import Dataset
from preprocessing.raw_files.files import UnreadableError
from preprocessing.run import main
from preprocessing.sources import Doubt, get
from preprocessing.sources.fer2013_folders import _numbering
from preprocessing.splits.base import stored_names

CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
SPLITS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
ALIASES = ("angry", "Disgusted", "fearful", "happiness", "sadness", "surprised", "neutral")


def wanted(raw, splits=SPLITS):
    return {(raw.face(n).tobytes(), CLASSES[label], splits[u]) for n, label, u in raw.rows()}


def content(found):
    return {(s.load().tobytes(), s.label, s.split) for s in found.samples}


JOINT = {"Training": "train", "PublicTest": "test", "PrivateTest": "test"}


def tree(raw, classes, parts, name="im{}.png"):
    """Files <part>/<class>/im1.png, the part and the name by usage; no part for ""."""
    return {
        "/".join(filter(None, (parts[usage], classes[label], name.format(n, usage)))): raw.encode(
            raw.face(n)
        )
        for n, label, usage in raw.rows()
    }


@pytest.mark.parametrize("classes", [ALIASES, CLASSES, tuple("0123456")])
def test_folders_without_telling_file_names_have_one_test_part(classes, read, raw, tmp_path):
    found = read("fer2013", raw.directory(tmp_path, tree(raw, classes, JOINT)))
    assert content(found) == wanted(raw, JOINT) and found.rejected == []
    assert re.search("2 parts validation, test apart.*the test part", found.notices[-1])
    assert found.raw.expected["test"]["happy"] == 895 + 879
    assert set(found.raw.expected) == {"train", "test"}
    if classes != CLASSES:
        words = "disgusted as disgust" if classes == ALIASES else "0 angry, 1 disgust.*6 neutral"
        assert found.says(words, "apart")


def test_a_validation_part_may_be_all_there_is_to_test_on(read, raw, tmp_path):
    parts = {"Training": "train", "PublicTest": "validation", "PrivateTest": "validation"}
    path = raw.zip(tmp_path / "a.zip", tree(raw, ALIASES, parts), top="images/images/")
    found = read("fer2013", path)
    assert content(found) == wanted(raw, parts)
    assert found.raw.expected["validation"]["disgust"] == 111


def test_three_parts_of_folders_are_three_parts(read, raw, tmp_path):
    parts = {"Training": "Training", "PublicTest": "val", "PrivateTest": "test"}
    found = read("fer2013", raw.directory(tmp_path, tree(raw, CLASSES, parts)))
    assert content(found) == wanted(raw) and found.notices == []


@pytest.mark.parametrize("classes", [CLASSES, tuple("0123456")])
def test_without_parts_the_file_names_tell_them(classes, read, raw, tmp_path):
    files = tree(raw, classes, dict.fromkeys(SPLITS, ""), "{1}_{0}.png")
    found = read("fer2013", raw.directory(tmp_path, {f"fer/{n}": d for n, d in files.items()}))
    assert content(found) == wanted(raw) and found.rejected == []


@pytest.mark.parametrize("classes", [ALIASES, tuple("0123456")])
def test_seven_folders_without_any_parts_have_none(classes, read, raw, tmp_path):
    files = tree(raw, classes, dict.fromkeys(SPLITS, ""))
    found = read("fer2013", raw.directory(tmp_path, {f"fer/{n}": d for n, d in files.items()}))
    assert content(found) == wanted(raw, dict.fromkeys(SPLITS, "")) and found.rejected == []
    assert found.says("Folders are read", "3 parts train, validation, test apart.*no part")
    assert {part: sum(counts.values()) for part, counts in found.raw.expected.items()} == {
        "": 35_887
    }


COPIES = {
    "0_angry": [f"{n}_{name}" for n, name in enumerate(CLASSES)],
    "0-Anger": [f"{n}-{name.title()}" for n, name in enumerate(ALIASES)],
    "00_ANGRY": [f"{n:02}_{name.upper()}" for n, name in enumerate(CLASSES)],
    "0 angry": [f"{n} {name}" for n, name in enumerate(CLASSES)],
}


@pytest.mark.parametrize("style", COPIES)
@pytest.mark.parametrize("parts", [SPLITS, dict.fromkeys(SPLITS, "")])
def test_folders_may_have_numbers_before_their_names(style, parts, read, raw, tmp_path):
    found = read("fer2013", raw.directory(tmp_path, tree(raw, COPIES[style], parts)))
    assert content(found) == wanted(raw, parts) and found.rejected == []
    assert f"{COPIES[style][0].lower()} as angry" in found.notices[0]
    assert not any("differ from" in text for text in found.notices)


def test_the_names_of_numbered_folders_count_and_other_numbers_are_told(read, raw, tmp_path):
    order = sorted(CLASSES)
    classes = [f"{order.index(name)}_{name}" for name in CLASSES]
    found = read("fer2013", raw.directory(tmp_path, tree(raw, classes, SPLITS)))
    assert content(found) == wanted(raw)
    # Angry to happy have the same numbers in both orders.
    assert found.says("Folders are read", "not their numbers.*: 4_neutral, 5_sad, 6_surprise.$")


def test_folders_with_numbers_and_unknown_names_are_counted(read, raw, tmp_path):
    files = {**raw.folders(), "train/7_contempt/1.png": raw.encode(raw.face(0))}
    found = read("fer2013", raw.directory(tmp_path, files))
    assert content(found) == wanted(raw)
    assert found.reasons == {"train/7_contempt/1.png": "unknown class folder"}


@pytest.mark.parametrize("ending", ["bmp", "tiff", "jfif", "JPE", "webp", "gif"])
def test_any_image_file_is_an_image(ending, read, raw, tmp_path):
    kinds = {"jfif": "JPEG", "JPE": "JPEG"}
    flat = raw.encode(np.full((48, 48), 90, np.uint8), kinds.get(ending, ending.upper()))
    found = read("fer2013", raw.directory(tmp_path, {f"train/happy/1.{ending}": flat}))
    (sample,) = found.samples
    assert np.abs(sample.load().astype(int) - 90).max() <= 2


def test_a_published_test_image_is_never_in_the_training_part(read, raw, tmp_path):
    png = raw.encode(raw.face(0))
    names = ["train/angry/PrivateTest_1.png", "validation/angry/PrivateTest_2.png"]
    names += ["validation/angry/Training_3.png", "test/angry/Training_4.png", "train/angry/5.png"]
    found = read("fer2013", raw.directory(tmp_path, dict.fromkeys(names, png)))
    assert {s.source: s.split for s in found.samples} == {
        names[1]: "test",
        names[2]: "validation",
        names[4]: "train",
    }
    assert found.reasons == {
        names[0]: "test file in the train folder",
        names[3]: "training file in the test folder",
    }


def test_numbered_folders_follow_the_order_that_fits_their_counts():
    ours = (4953, 547, 5121, 8989, 6077, 4002, 6198)
    by_name = dict(zip(CLASSES, ours, strict=True))
    csv_order = Counter({str(n): count for n, count in enumerate(ours)})
    sorted_order = Counter({str(n): by_name[c] for n, c in enumerate(sorted(CLASSES))})
    assert _numbering(csv_order) == CLASSES
    assert _numbering(sorted_order) == tuple(sorted(CLASSES))
    assert _numbering(Counter("0123456")) == CLASSES


NAMES = {"Training": "Train", "PublicTest": "Validation", "PrivateTest": "Test"}


def lines(raw, row, header="emotion,pixels,Usage"):
    body = [row(label, raw.pixels(n), usage) for n, label, usage in raw.rows()]
    return "\n".join([*([header] if header else []), *body]) + "\n"


VARIANTS = {
    "semicolons": lambda raw: lines(raw, "{};{};{}".format, "emotion;pixels;Usage"),
    "tabs": lambda raw: lines(raw, "{}\t{}\t{}".format, "emotion\tpixels\tUsage"),
    "no header": lambda raw: lines(raw, "{},{},{}".format, ""),
    "no header, semicolons": lambda raw: lines(raw, lambda e, p, u: f"{e};{u};{p}", ""),
    "other parts": lambda raw: lines(raw, lambda e, p, u: f"{e},{p},{NAMES[u]}"),
    "lower parts": lambda raw: lines(raw, lambda e, p, u: f"{e},{p},{u.lower()}"),
    "floats": lambda raw: lines(raw, lambda e, p, u: f"{e}.0,{p.replace(' ', '.0 ')}.0,{u}"),
    "names": lambda raw: lines(raw, lambda e, p, u: f"{ALIASES[e]},{p},{u}", "label,pixels,set"),
    "lists": lambda raw: lines(raw, lambda e, p, u: f'{e},"[{p.replace(" ", ", ")}]",{u}'),
    "blanks": lambda raw: lines(raw, lambda e, p, u: f'{e}, "{p}", "{u}"'),
    "crlf": lambda raw: raw.fer_csv().replace("\n", "\r\n"),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_tables_in_use_give_the_same_samples(variant, raw, tmp_path):
    path = raw.directory(tmp_path, {"data.csv": VARIANTS[variant](raw)})
    notices: list[str] = []
    found = list(get("fer2013").open(path, notice=notices.append).items)
    assert {(s.load().tobytes(), s.label, s.split) for s in found} == wanted(raw)
    assert len(notices) == ("no header" in variant)


@pytest.mark.parametrize(
    ("files", "parts"),
    [
        ({"train.csv": "Training", "val.csv": "PublicTest", "test.csv": "PrivateTest"}, SPLITS),
        ({"train.csv": "Training", "test.csv": "PublicTest PrivateTest"}, JOINT),
    ],
)
def test_tables_named_like_parts_are_parts(files, parts, raw, tmp_path):
    tables = {
        name: "\n".join(
            ["emotion,pixels", *(f"{b},{raw.pixels(n)}" for n, b, u in raw.rows() if u in usages)]
        )
        for name, usages in files.items()
    }
    found = get("fer2013").open(raw.directory(tmp_path, tables), notice=pytest.fail)
    assert {(s.load().tobytes(), s.label, s.split) for s in found.items} == wanted(raw, parts)
    sizes = {part: sum(counts.values()) for part, counts in found.expected.items()}
    assert sizes["train"] == 28_709 and sum(sizes.values()) == 35_887
    assert set(sizes) == set(parts.values())


def test_folders_named_like_the_values_of_usage_are_parts(read, raw, tmp_path):
    png = raw.encode(raw.face(1))
    names = [f"{part}/{label}/1.png" for part in NAMES for label in CLASSES]
    found = read("fer2013", raw.directory(tmp_path, dict.fromkeys(names, png)))
    assert Counter(s.split for s in found.samples) == dict.fromkeys(SPLITS.values(), 7)
    assert found.notices == [] and found.rejected == []


def without_parts(raw):
    return "\n".join(["emotion,pixels", *(f"{b},{raw.pixels(n)}" for n, b, _ in raw.rows())])


def test_a_table_that_tells_no_parts_has_none_and_says_so(raw, tmp_path):
    path = raw.directory(tmp_path, {"fer2013.csv": without_parts(raw)})
    notices = []
    found = get("fer2013").open(path, notice=notices.append)
    none = dict.fromkeys(SPLITS, "")
    assert {(s.load().tobytes(), s.label, s.split) for s in found.items} == wanted(raw, none)
    (notice,) = notices
    assert isinstance(notice, Doubt) and "fer2013.csv does not say" in notice
    assert "no official parts" in notice
    assert {part: sum(counts.values()) for part, counts in found.expected.items()} == {"": 35_887}


def test_folders_that_tell_no_parts_are_as_doubtful(raw, tmp_path):
    files = tree(raw, CLASSES, dict.fromkeys(SPLITS, ""))
    notices = []
    path = raw.directory(tmp_path, {f"fer/{name}": data for name, data in files.items()})
    list(get("fer2013").open(path, notice=notices.append).items)
    assert [isinstance(text, Doubt) for text in notices] == [True]


def test_missing_parts_are_told_again_by_a_check_and_an_error_with_strict(raw, tmp_path, capsys):
    path = raw.directory(tmp_path / "raw", {"fer2013.csv": without_parts(raw)})
    out = str(tmp_path / "out")
    given = ["--dataset", "fer2013", "--source", str(path), "--out", out]
    assert main(given) == 0
    assert "warning: fer2013.csv does not say" in " ".join(capsys.readouterr().err.split())
    assert main(["--check", out]) == 0
    assert "fer2013.csv does not say" in " ".join(capsys.readouterr().out.split())
    assert main(["--check", out, "--strict"]) == 1
    assert main([*given, "--overwrite", "--strict"]) == 1
    dataset = Dataset.open(out)
    assert set(dataset.splits) == {""} and len(dataset) == 28
    assert sum("does not say" in text for text in dataset.manifest["warnings"]) == 1
    assert "official" not in stored_names(dataset.path)
    assert "hold-out" in stored_names(dataset.path)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_tables_in_other_encodings(encoding, raw, tmp_path):
    path = raw.directory(tmp_path, {"fer2013.csv": raw.fer_csv().encode(encoding)})
    found = list(get("fer2013").open(path, notice=pytest.fail).items)
    assert {(s.load().tobytes(), s.label, s.split) for s in found} == wanted(raw)
    assert [s.source for s in found[:2]] == ["fer2013.csv:2", "fer2013.csv:3"]


def test_numbers_that_are_not_whole_are_no_pixels(raw, tmp_path):
    text = f"emotion,pixels,Usage\n3,{raw.pixels(0).replace(' ', '.5 ')},Training\n"
    (sample,) = get("fer2013").open(raw.directory(tmp_path, {"a.csv": text})).items
    with pytest.raises(UnreadableError) as caught:
        sample.load()
    assert caught.value.reason == "pixels not integers in 0..255"


def packed_tar(files, mode):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{mode}") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def zipped(raw, tmp_path, files):
    return raw.zip(tmp_path / "packing" / "x.zip", files).read_bytes()


PACKINGS = {
    "fer2013.tar.gz": lambda raw, at, csv: packed_tar({"fer2013/fer2013.csv": csv}, "gz"),
    "fer2013.tgz": lambda raw, at, csv: packed_tar(raw.folders(), "gz"),
    "fer2013.tar": lambda raw, at, csv: packed_tar(raw.folders(), ""),
    "fer2013.tar.bz2": lambda raw, at, csv: packed_tar(raw.folders(), "bz2"),
    "fer2013.csv.gz": lambda raw, at, csv: gzip.compress(csv),
    "fer2013.csv.bz2": lambda raw, at, csv: bz2.compress(csv),
    "fer2013.csv.xz": lambda raw, at, csv: lzma.compress(csv),
    "twice.zip": lambda raw, at, csv: zipped(raw, at, {"in.zip": zipped(raw, at, raw.folders())}),
    "both.zip": lambda raw, at, csv: zipped(
        raw, at, {"readme.md": b"x", "fer2013.tar.gz": packed_tar({"fer2013.csv": csv}, "gz")}
    ),
    "fer2013": lambda raw, at, csv: zipped(raw, at, raw.folders()),
    "a/fer2013": lambda raw, at, csv: csv,
}


@pytest.mark.parametrize("packing", PACKINGS)
def test_every_packing_gives_the_same_samples(packing, read, raw, tmp_path):
    data = PACKINGS[packing](raw, tmp_path, raw.fer_csv().encode())
    path = raw.directory(tmp_path / "d", {packing: data}) / packing
    for place in (path, path.parent):
        raw_data = get("fer2013").open(place, notice=pytest.fail)
        items = list(raw_data.items)
        assert {(s.load().tobytes(), s.label, s.split) for s in items} == wanted(raw)
        again = get("fer2013").open(place, notice=pytest.fail)
        assert again.identity == raw_data.identity


@pytest.mark.parametrize("mark", [b"Rar!\x1a\x07\x00", b"7z\xbc\xaf\x27\x1c"])
def test_archives_that_nothing_reads_are_to_be_unpacked(mark, read, raw, tmp_path):
    (tmp_path / "fer2013.rar").write_bytes(mark + bytes(600))
    with pytest.raises(ValueError, match=r"fer2013.rar is a .* archive.*unpack it"):
        read("fer2013", tmp_path / "fer2013.rar")


@pytest.mark.parametrize("cut", [200, 400])
def test_a_damaged_tar_is_an_error_that_says_so(cut, read, raw, tmp_path):
    whole = packed_tar(raw.folders(), "gz")
    (tmp_path / "a.tar.gz").write_bytes(whole[: len(whole) - cut])
    with pytest.raises(ValueError, match=r"a.tar.gz must be a complete .*Download it again"):
        read("fer2013", tmp_path / "a.tar.gz")


def test_members_of_a_tar_that_are_no_files_are_counted(read, raw, tmp_path):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, data in raw.folders().items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for name, kind in (("train/sad/link.png", tarfile.SYMTYPE), ("../out.png", None)):
            info = tarfile.TarInfo(name)
            info.type = kind or tarfile.REGTYPE
            info.linkname = "/etc/passwd"
            archive.addfile(info)
    (tmp_path / "a.tar").write_bytes(stream.getvalue())
    found = read("fer2013", tmp_path / "a.tar")
    assert content(found) == wanted(raw)
    assert found.reasons == {
        "a.tar/../out.png": "unsafe path of a member",
        "a.tar/train/sad/link.png": "not a regular file",
    }


def ckextended(raw, counts=(45, 59, 25, 69, 28, 83, 593, 18)):
    pixels = " ".join(["7"] * 48 * 48)
    labels = [label for label, n in enumerate(counts) for _ in range(n)]
    parts = ["Training"] * 8 + ["PublicTest", "PrivateTest"]
    rows = [f"{label},{pixels},{parts[n % 10]}" for n, label in enumerate(labels)]
    return "\n".join(["emotion,pixels,Usage", *rows]) + "\n"


def test_labels_to_7_are_ckextended_and_not_fer2013(read, raw, tmp_path):
    path = raw.directory(tmp_path, {"data.csv": ckextended(raw)})
    with pytest.raises(ValueError, match="data.csv has labels 0 to 7.*the dataset ckextended"):
        read("fer2013", path)
    found = read("ckextended", path)
    assert found.says("people.*unknown") and found.rejected == []
    assert Counter(s.label for s in found.samples) == {
        **dict(zip(CLASSES, (45, 59, 25, 69, 28, 83, 593), strict=True)),
        "contempt": 18,
    }
    assert Counter(s.split for s in found.samples) == {"train": 736, "validation": 92, "test": 92}
    assert np.array_equal(found.samples[0].load(), np.full((48, 48), 7))


def test_labels_from_1_to_7_are_not_the_classes_after_them(read, raw, tmp_path):
    path = raw.directory(tmp_path, {"data.csv": ckextended(raw, (0, *[9] * 7))})
    with pytest.raises(ValueError, match="data.csv has labels 1 to 7, but FER2013's are 0 to 6"):
        read("fer2013", path)
    with pytest.raises(ValueError, match="No ckextended"):
        read("ckextended", path)


@pytest.mark.parametrize("parts", [("train/", "test/"), ("",)])
def test_folders_with_contempt_are_not_fer2013(parts, read, raw, tmp_path):
    png = raw.encode(raw.face(1))
    names = [f"{part}{label}/{n}.png" for part in parts for label in CLASSES for n in range(3)]
    path = raw.directory(tmp_path, dict.fromkeys(names, png))
    assert read("fer2013", path).samples
    more = [f"{part}Contempt/{n}.png" for part in parts for n in range(3)]
    raw.directory(tmp_path, dict.fromkeys(more, png))
    with pytest.raises(ValueError, match="has a folder for contempt.*the dataset folder"):
        read("fer2013", path)


def test_a_partial_ckextended_is_doubtful(read, raw, tmp_path):
    path = raw.directory(tmp_path, {"ck.csv": ckextended(raw, (45, 59, 25, 69, 28, 83, 10, 18))})
    assert read("ckextended", path).says("337 images.*920: neutral 10 of 593", "people")
    raw.directory(tmp_path, {"ck.csv": raw.fer_csv()})
    with pytest.raises(ValueError, match="No ckextended.csv"):
        read("ckextended", path)
