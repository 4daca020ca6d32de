"""Which images a cell sees, and in which order."""

import csv
import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from benchmarks.plan.datasets import default_protocol, digest, digests, find, split
from benchmarks.plan.settings import Settings
from benchmarks.train import data
from benchmarks.train.callbacks import TrainingSequence, predict
from benchmarks.train.data import DataPart, epoch_order
from preprocessing.dataset import Dataset

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = ["train", "validation", "test"]


def parts(dataset, protocol, settings, fold=0):
    rows = split(dataset, protocol, fold)
    return {name: data.load_part(dataset, rows, name, settings) for name in rows}


def one_hot_part(n):
    return DataPart(np.eye(n, dtype="uint8"), np.zeros(n, "int64"), np.arange(n))


def test_an_order_is_a_permutation_that_its_arguments_decide():
    orders = [epoch_order(50, seed, epoch) for seed in (0, 1, 2) for epoch in (0, 1, 2)]
    for one in orders:
        np.testing.assert_array_equal(np.sort(one), np.arange(50))
    assert len({tuple(one) for one in orders}) == len(orders)
    np.random.seed(7)
    keras.utils.set_random_seed(7)
    np.testing.assert_array_equal(epoch_order(50, 1, 2), orders[5])


def test_uncut_parts_are_the_whole_split_with_its_images_and_labels(dataset):
    found = parts(dataset, "official", Settings())
    assert list(found) == NAMES
    for name, part in found.items():
        np.testing.assert_array_equal(part.sample, np.flatnonzero(dataset.splits == name))
        np.testing.assert_array_equal(part.images, dataset.images[part.sample])
        np.testing.assert_array_equal(part.labels, dataset.labels[part.sample])


def test_parts_are_cut_to_their_sizes_at_random_but_always_alike(dataset):
    settings = Settings(train_samples=20, eval_samples=9)
    found, again = (parts(dataset, "official", settings) for _ in range(2))
    assert [len(found[name]) for name in NAMES] == [20, 9, 9]
    for name, part in found.items():
        rows = np.flatnonzero(dataset.splits == name)
        assert set(part.sample) < set(rows)
        assert len(set(part.sample)) == len(part)
        # The images lie subject by subject: the first of them would be a single person.
        assert not np.array_equal(part.sample, rows[: len(part)])
        np.testing.assert_array_equal(part.sample, again[name].sample)
        np.testing.assert_array_equal(part.images, dataset.images[part.sample])
        np.testing.assert_array_equal(part.labels, dataset.labels[part.sample])


def test_a_digest_stands_for_the_rows_of_each_side(dataset, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(dataset.path, copy)
    same = digest(split(Dataset.open(copy), "official"))
    assert same == digest(split(dataset, "official")) != digest(split(dataset, "hold-out"))
    lines = (copy / "splits.csv").read_text().splitlines()
    place = lines[0].split(",").index("official")
    swap = {"test": "validation", "validation": "test", "train": "train"}
    rows = [line.split(",") for line in lines[1:]]
    for cells in rows:
        cells[place] = swap[cells[place]]
    (copy / "splits.csv").write_text("\n".join([lines[0], *map(",".join, rows)]) + "\n")
    assert digest(split(Dataset.open(copy), "official")) != same


def test_folders_that_a_system_hides_are_no_datasets(dataset, tmp_path):
    for name in ("seen", ".seen.old"):
        shutil.copytree(dataset.path, tmp_path / name)
    assert find(tmp_path) == [tmp_path / "seen"]


def test_a_size_above_what_is_there_takes_all(dataset):
    found = parts(dataset, "official", Settings(train_samples=10**6, eval_samples=10**6))
    assert sum(len(part) for part in found.values()) == len(dataset)


def test_copies_are_dropped_from_the_training_part_alone(dataset):
    images = np.array(dataset.images)
    whole = split(dataset, "official")
    train, validation, test = (whole[name] for name in NAMES)
    images[train[0]] = images[test[3]]
    images[train[5]] = images[validation[2]]
    images[train[9]] = images[train[8]]
    images[test[1]] = images[validation[1]]  # no training image
    copied = replace(dataset, images=images)
    found = parts(copied, "official", Settings(drop_copies=True))
    np.testing.assert_array_equal(found["train"].sample, np.delete(train, [0, 5, 9]))
    np.testing.assert_array_equal(found["train"].images, images[found["train"].sample])
    for name in ("validation", "test"):
        np.testing.assert_array_equal(found[name].sample, whole[name])
    cut = parts(copied, "official", Settings(drop_copies=True, train_samples=30))["train"]
    assert len(cut) == 30 and not set(cut.sample) & {train[0], train[5], train[9]}
    assert len(parts(copied, "official", Settings())["train"]) == len(train)


@pytest.mark.parametrize("settings", [Settings(), Settings(train_samples=30, eval_samples=10)])
def test_no_person_is_in_two_parts(dataset, settings):
    found = parts(dataset, "official", settings).values()
    people = [set(dataset.subjects[part.sample]) for part in found]
    assert all(people)
    assert len(set.union(*people)) == sum(map(len, people))


def test_a_fit_sees_each_image_at_most_once_an_epoch_in_the_order_of_the_epoch():
    """Halving the learning rate each step makes an image's own weight say when it was seen."""
    n, size, epochs = 22, 4, 2
    steps = n // size
    model = keras.Sequential(
        [keras.Input((n,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    rate = keras.optimizers.schedules.ExponentialDecay(float(size), 1, 0.5)
    model.compile(keras.optimizers.SGD(rate), loss=lambda _, output: output)
    batches = TrainingSequence(one_hot_part(n), size, 3)
    starter = [batches.epoch_starter()]
    model.fit(batches, epochs=epochs, shuffle=False, verbose=0, callbacks=starter)
    expected = np.zeros(n)
    for epoch in range(epochs):
        # Epochs count from 1, as in a cell's history.
        seen = epoch_order(n, 3, epoch + 1)[: steps * size]
        assert len(set(seen)) == steps * size
        expected[seen] -= 0.5 ** (epoch * steps + np.repeat(np.arange(steps), size))
    found = model.get_weights()[0][:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_batches_pair_images_with_their_labels_and_depend_on_the_seed():
    part = DataPart(np.arange(10), 100 + np.arange(10), np.arange(10))
    batches, same, other = (TrainingSequence(part, 3, seed) for seed in (1, 1, 2))
    for index in range(3):
        images, labels = batches[index]
        np.testing.assert_array_equal(labels, 100 + images)
        np.testing.assert_array_equal(images, same[index][0])
    assert any((batches[i][0] != other[i][0]).any() for i in range(3))


def test_a_part_smaller_than_a_batch_is_one_batch():
    batches = TrainingSequence(one_hot_part(5), 16, 0)
    assert len(batches) == 1
    assert batches[0][0].sum(axis=0).tolist() == [1] * 5


@pytest.mark.parametrize("n", [1, 3, 4, 5, 8, 11])
def test_predictions_stand_in_the_order_of_the_images_whatever_the_batch(n):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(0.5)])
    images = np.random.default_rng(0).integers(0, 9, (n, 2)).astype("uint8")
    np.testing.assert_array_equal(predict(model, images, 4), images / 2)


def test_datasets_are_found_by_name_and_other_folders_are_not(dataset, tmp_path):
    root = dataset.path.parent
    assert find(root) == [dataset.path]
    assert find(tmp_path / "nowhere") == []


def test_another_protocol_gives_other_parts(dataset):
    official, published = (parts(dataset, name, Settings()) for name in ("official", "published"))
    assert len(published["test"]) > len(official["test"])
    with pytest.raises(ValueError, match="Did you mean 'official'"):
        parts(dataset, "oficial", Settings())


def test_the_split_that_was_stored_is_the_one_that_counts(dataset, tmp_path):
    copy = shutil.copytree(dataset.path, tmp_path / "schematic")
    swap = {"validation": "test", "test": "validation"}
    with open(copy / "splits.csv", newline="") as stream:
        header, *lines = csv.reader(stream)
    swapped = [[swap.get(cell, cell) for cell in line] for line in lines]
    with open(copy / "splits.csv", "w", newline="") as stream:
        csv.writer(stream).writerows([header, *swapped])
    before, after = (split(one, "official") for one in (dataset, Dataset.open(copy)))
    np.testing.assert_array_equal(after["train"], before["train"])
    np.testing.assert_array_equal(after["test"], before["validation"])
    np.testing.assert_array_equal(after["validation"], before["test"])


def test_folds_test_every_image_once_and_have_a_digest_each(dataset):
    tested = [parts(dataset, "loso", Settings(), fold)["test"].sample for fold in range(10)]
    np.testing.assert_array_equal(np.sort(np.concatenate(tested)), np.arange(len(dataset)))
    found = digests(dataset, "loso")
    assert len(set(found)) == 10
    assert found[4] == digest(split(dataset, "loso", 4))


@pytest.mark.parametrize("fold", [-1, 10])
def test_a_fold_that_is_not_there_is_refused(dataset, fold):
    with pytest.raises(ValueError, match=f"from 0 to 9.*10 folds, got {fold}"):
        split(dataset, "loso", fold)


def test_a_dataset_has_its_usual_protocol(dataset, tmp_path):
    named = {**dataset.manifest}
    assert default_protocol(dataset) == "official"
    for name, protocol in {"ckplus": "subject-10fold", "jaffe": "loso"}.items():
        assert default_protocol(replace(dataset, manifest={**named, "dataset": name})) == protocol
    copy = shutil.copytree(dataset.path, tmp_path / "copy")
    lines = (copy / "splits.csv").read_text().splitlines()
    (copy / "splits.csv").write_text(
        "\n".join([lines[0].replace("official", "theirs"), *lines[1:]])
    )
    assert default_protocol(Dataset.open(copy)) == "hold-out"
    (copy / "splits.csv").write_text("\n".join(["theirs", *["train"] * len(dataset)]))
    with pytest.raises(ValueError, match="official, hold-out.* theirs.*--protocol"):
        default_protocol(Dataset.open(copy))
    (copy / "splits.csv").write_text("\n" * (1 + len(dataset)))
    with pytest.raises(ValueError, match="too small to be split") as caught:
        default_protocol(Dataset.open(copy))
    assert "--protocol" not in str(caught.value)


def test_a_copy_is_one_of_an_image_seen_before_or_of_an_earlier_test_image():
    images = np.random.default_rng(0).integers(0, 255, (6, 4, 4, 1)).astype("uint8")
    train, validation = images[:2], images[2:4]
    test = images[[4, 1, 5, 4, 3, 5]].copy()
    test[5, 0, 0, 0] += 1  # a pixel differs
    whole = [
        DataPart(x, np.zeros(len(x), int), np.arange(len(x))) for x in (test, train, validation)
    ]
    assert data.duplicates(*whole).tolist() == [False, True, False, True, True, False]
    assert data.duplicates(whole[0]).tolist() == [False, False, False, True, False, False]
