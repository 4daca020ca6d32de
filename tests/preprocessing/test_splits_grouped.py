"""No person, sequence or photograph is on two sides, and every part has its share of each class."""

from __future__ import annotations

import numpy as np
import pytest
from made_up import index, people, random_index
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from preprocessing import splits
from preprocessing.splits.groups import groups

PARTS = ["train", "validation", "test"]
GROUPED = [name for name in splits.names() if splits.get(name).grouped]


def held_together(dataset, split):
    """For each kind of group and each pair of parts, what is in both; plain sets of plain text."""
    for column in ("subject", "sequence", "source"):
        cells = dataset.column(column)
        sides = [set(cells[split[part]].tolist()) - {""} for part in PARTS]
        yield from (sides[a] & sides[b] for a, b in ((0, 1), (0, 2), (1, 2)))


def check_folds(dataset, found, count):
    """Each row is tested once, validates in the split before, and trains in all the others."""
    assert len(found) == count == len(list(found))
    for fold, split in enumerate(found):
        assert list(split) == PARTS and all(len(rows) for rows in split.values())
        assert np.array_equal(np.sort(np.concatenate([*split.values()])), np.arange(len(dataset)))
        assert np.array_equal(split["validation"], found[(fold + 1) % count]["test"])
        assert all(np.array_equal(rows, np.sort(rows)) for rows in split.values())
    tested = np.concatenate([split["test"] for split in found])
    assert np.array_equal(np.sort(tested), np.arange(len(dataset)))


@pytest.mark.parametrize("name", GROUPED)
def test_nothing_that_belongs_together_is_ever_divided(name):
    divided = 0
    for seed in range(80):
        dataset = random_index(seed, nested=seed % 2 == 1)
        try:
            found = splits.get(name)(dataset, seed)
        except splits.InapplicableError:
            assert seed % 2 == 0  # somebody unknown, or all joined by their photographs
            continue
        divided += 1
        for split in found:
            assert not any(held_together(dataset, split))
        if splits.get(name).folds:
            check_folds(dataset, found, len(found))
    assert divided >= (40 if name in ("loso", "subject-10fold") else 75)


def test_two_people_in_one_photograph_take_their_other_photographs_with_them():
    """A chain: photograph 0 shows a and b, sequence q joins b's photograph 2 to an unknown one."""
    subjects = ["a", "b", "b", "", "", "c", "d"]
    sources = ["0", "0", "2", "3", "3", "5", "6"]
    sequences = ["", "", "q", "q", "", "", ""]
    dataset = index([0] * 7, subjects=subjects, sources=sources, sequences=sequences)
    for seed in range(10):
        (split,) = splits.get("hold-out")(dataset, seed)
        assert sorted(map(len, split.values())) == [1, 1, 5]


def test_whoever_has_nothing_in_common_is_a_group_of_their_own():
    """In order of the subjects' names, then those who are not known."""
    dataset = index([0] * 6, subjects=["", "b", "a", "", "c", "b"], sources=list("123451"))
    assert groups(dataset).tolist() == [1, 1, 0, 3, 2, 1]
    dataset = index([0] * 4, subjects=["", "a", "b", ""])
    assert groups(dataset).tolist() == [2, 0, 1, 3]


def test_faces_of_one_photograph_stay_together_where_nobody_is_known():
    sources = [f"{n // 3}.jpg" for n in range(300)]
    dataset = index(np.arange(300) % 7, sources=sources)
    (split,) = splits.get("hold-out")(dataset, 0)
    photographs = [set(np.array(sources)[rows]) for rows in split.values()]
    assert sum(map(len, photographs)) == 100
    assert (
        np.abs([len(split[part]) - n for part, n in zip(PARTS, (180, 60, 60), strict=True)]).max()
        <= 3
    )


@pytest.mark.parametrize("seed", range(3))
def test_of_single_images_each_part_gets_its_share_of_each_class_to_the_image(seed):
    numbers = (5000, 500, 55, 10, 7)
    dataset = index(np.repeat(np.arange(5), numbers))
    (split,) = splits.get("hold-out")(dataset, seed)
    for share, rows in zip((0.6, 0.2, 0.2), split.values(), strict=True):
        counts = np.bincount(dataset.labels[rows], minlength=5)
        assert (np.abs(counts - share * np.array(numbers)) <= 1).all()
    found = splits.get("5-fold")(dataset, seed)
    for split in found:
        counts = np.bincount(dataset.labels[split["test"]], minlength=5)
        assert (np.abs(counts - 0.2 * np.array(numbers)) < 1).all()
    assert max(len(s["test"]) for s in found) - min(len(s["test"]) for s in found) <= 1


@pytest.mark.parametrize("seed", range(5))
def test_hold_out_of_people_keeps_the_shares_of_the_classes(seed):
    rng = np.random.default_rng(seed)
    dataset = people(rng.integers(5, 60, 120), seed=seed)
    (split,) = splits.get("hold-out")(dataset, seed)
    whole = np.bincount(dataset.labels) / len(dataset)
    for share, rows in zip((0.6, 0.2, 0.2), split.values(), strict=True):
        assert abs(len(rows) / len(dataset) - share) < 0.02
        assert np.abs(np.bincount(dataset.labels[rows]) / len(rows) - whole).max() < 0.02


@pytest.mark.parametrize("seed", range(5))
def test_a_rare_class_counts_as_much_as_a_common_one(seed):
    """Ten of sixty people show it, two times each: two of them in every fold."""
    sizes = np.random.default_rng(seed).integers(20, 60, 60)
    dataset = people(sizes, classes=1)
    dataset.labels[np.repeat(np.cumsum(sizes)[::6] - 1, 2) - [0, 1] * 10] = 1
    for split in splits.get("5-fold")(dataset, seed):
        assert (dataset.labels[split["test"]] == 1).sum() == 4
        assert abs(len(split["test"]) / len(dataset) - 0.2) < 0.03


def test_of_classes_of_one_image_each_every_part_gets_some():
    (split,) = splits.get("hold-out")(index(np.arange(10)), 0)
    assert [len(rows) for rows in split.values()] == [6, 2, 2]


def imbalance(labels, tests):
    """How far the folds' shares of each class are from equal, at most."""
    table = np.array([np.bincount(labels[rows], minlength=labels.max() + 1) for rows in tests])
    return np.abs(table / table.sum(axis=0) - 1 / len(tests)).max()


@pytest.mark.filterwarnings("ignore:The least populated class:UserWarning")
def test_five_folds_are_as_balanced_as_those_of_scikit_learn():
    ours, theirs = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        dataset = people(rng.geometric(0.05, 60), classes=5, seed=seed)
        ours.append(imbalance(dataset.labels, [s["test"] for s in splits.get("5-fold")(dataset)]))
        folds = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        parts = folds.split(dataset.labels, dataset.labels, dataset.subjects)
        theirs.append(imbalance(dataset.labels, [rows for _, rows in parts]))
    assert np.mean(ours) < 1.1 * np.mean(theirs)


@pytest.mark.parametrize("name", ["hold-out", "5-fold"])
def test_a_seed_decides_who_goes_where(name):
    dataset = people([6] * 30)
    first, again, other = (splits.get(name)(dataset, seed)[0]["test"] for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_hold_out_gives_the_rows_it_always_gave():
    """Another version of NumPy or scikit-learn must not move people to another side."""
    subjects = list("abbbbcccdddddeeeeeeeeeffgggggghhhhhiii")
    dataset = index([n % 3 for n in range(len(subjects))], subjects=subjects)
    (split,) = splits.get("hold-out")(dataset, 0)
    found = {part: "".join(sorted(set(dataset.subjects[rows]))) for part, rows in split.items()}
    assert found == {"train": "bdei", "validation": "afg", "test": "ch"}


def test_ten_folds_of_subjects_are_those_of_group_k_fold():
    dataset = people(np.random.default_rng(1).integers(1, 30, 123))
    found = splits.get("subject-10fold")(dataset, 0)
    check_folds(dataset, found, 10)
    expected = GroupKFold(10).split(dataset.labels, groups=dataset.subjects)
    for split, (_, rows) in zip(found, expected, strict=True):
        assert np.array_equal(split["test"], rows)


def test_ten_folds_keep_two_people_in_one_photograph_together():
    subjects = [f"s{n // 2:02d}" for n in range(26)]
    for first, second in ((0, 25), (3, 8), (11, 20)):
        sources = [f"{n}.png" for n in range(26)]
        sources[first] = sources[second]
        dataset = index([0] * 26, subjects=subjects, sources=sources, sequences=[""] * 26)
        for split in splits.get("subject-10fold")(dataset, 0):
            assert not any(held_together(dataset, split))


def test_leave_one_subject_out_has_a_fold_for_each_subject():
    dataset = people([23, 20, 22, 20, 21, 21, 20, 21, 23, 22])
    found = splits.get("loso")(dataset, 0)
    check_folds(dataset, found, 10)
    for number, split in enumerate(found):
        assert set(dataset.subjects[split["test"]]) == {f"s{number:03d}"}
        assert set(dataset.subjects[split["validation"]]) == {f"s{(number + 1) % 10:03d}"}
        assert len(set(dataset.subjects[split["train"]])) == 8


def test_folds_are_a_sequence():
    found = splits.get("loso")(people([2, 3, 4, 5]), 0)
    assert found[-1]["test"].tolist() == found[3]["test"].tolist() == [9, 10, 11, 12, 13]
    assert [split["test"].tolist() for split in found[:2]] == [[0, 1], [2, 3, 4]]
    with pytest.raises(IndexError):
        found[4]


def some_unknown():
    dataset = people([5] * 12)
    dataset.subjects[7:9] = ""
    return dataset


def shared_photograph():
    return index([0] * 9, subjects=list("aaabbbccc"), sources=list("012345586"))


REFUSED = {
    "nobody known": ("loso", index([0] * 9), "loso needs the subject.*lacks it for 9 of 9"),
    "some unknown": ("subject-10fold", some_unknown(), "2 of 60 images.*hold-out"),
    "nine people": (
        "subject-10fold",
        people([5] * 9),
        "at least 10 subjects; made up at .*x has 9",
    ),
    "two people": ("loso", people([5] * 2), "at least 3 subjects; made up at .*x has 2"),
    "a pair": ("loso", shared_photograph(), "has 3, and 2 groups that share no photograph"),
    "four people": ("5-fold", people([5] * 4), "at least 5 groups.*has 4"),
    "a couple": ("hold-out", people([5] * 2), "at least 3 groups.*has 2"),
    "an encounter": (
        "loso",
        index([0] * 9, subjects=list("aabbccdde"), sources=list("012334567")),
        "the subjects b and c share a photograph.*subject-10fold",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_dataset_that_cannot_be_divided_so_is_refused_with_the_reason(case):
    name, dataset, message = REFUSED[case]
    with pytest.raises(splits.InapplicableError, match=message):
        splits.get(name)(dataset, 0)


def test_as_many_groups_as_parts_fill_every_part():
    for seed in range(20):
        rng = np.random.default_rng(seed)
        for name, count in (("hold-out", 3), ("5-fold", 5), ("loso", 3), ("subject-10fold", 10)):
            dataset = people(rng.integers(1, 40, count), classes=4, seed=seed)
            for split in splits.get(name)(dataset, seed):
                assert all(len(rows) for rows in split.values())


def test_the_largest_group_is_for_training():
    (split,) = splits.get("hold-out")(people([100, 5, 5, 5, 5, 5, 5]), 0)
    assert 0 in split["train"]
