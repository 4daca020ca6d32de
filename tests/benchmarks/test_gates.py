"""Gates over images and their replacement, against the same computed by hand."""

import csv
import json

import keras
import numpy as np
import pytest
from keras import layers as kl

from attention_fer.common.console import plain_console
from attention_fer.layers import CBAM, SE, AttentionModule
from benchmarks.gates import __main__ as command
from benchmarks.gates.comparison import (
    ALL,
    Answers,
    Study,
    changed_answers,
    changes,
    losses,
    merged,
    predicted,
)
from benchmarks.gates.files import caption, losses_table, short_names
from benchmarks.gates.measure import measure
from benchmarks.gates.replace import replaced
from benchmarks.report.formats.columns import p_value
from preprocessing.dataset.folder import Dataset
from preprocessing.prepare import prepare

IMAGES = np.random.default_rng(0).random((7, 12, 12, 1)).astype("float32")
MEAN, ONE = "mean over images", "one number"


@keras.saving.register_keras_serializable("tests")
class Mixed(AttentionModule):
    """Gates that are averaged, and a term."""

    def gates(self, inputs, training=None):
        total = keras.ops.mean(inputs, axis=self.spatial_axes, keepdims=True)
        return {"channel": keras.ops.sigmoid(total), "spatial": keras.ops.tanh(inputs[..., :1])}

    def gate_range(self, name):
        return (0.0, 1.0) if name == "channel" else (None, None)

    def combine(self, inputs, gates):
        return inputs * (gates["channel"] + gates["spatial"]) / 2

    def terms(self, inputs, training=None):
        return {"shift": keras.ops.max(inputs, axis=self.spatial_axes, keepdims=True)}


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def network(module):
    """A convolution, a module and a head with weights that make every part matter."""
    rng = np.random.default_rng(1)
    x = keras.Input((12, 12, 1))
    y = module(kl.Conv2D(8, 3, 2, "same", name="conv")(x))
    y = kl.Dense(3, activation="softmax", name="head")(kl.GlobalAveragePooling2D()(y))
    model = keras.Model(x, y)
    for weight in model.weights:
        if "moving" not in weight.path:
            weight.assign(2 * rng.normal(size=weight.shape))
    return model


def inside(model):
    """What feeds the module, and the module."""
    return numpy(model.get_layer("conv")(IMAGES)), model.layers[2]


@pytest.fixture(scope="module")
def cbam():
    return network(CBAM(reduction_ratio=2, name="gate"))


@pytest.fixture(scope="module")
def mixed():
    return network(Mixed(name="mixed"))


def by_name(statistics):
    return {one.name: one for one in statistics}


@pytest.mark.parametrize("batch_size", (2, 7, 32))
def test_statistics_are_those_of_all_images(cbam, batch_size):
    x, layer = inside(cbam)
    found = by_name(measure(cbam, IMAGES, batch_size))
    expected = {name: numpy(gate) for name, gate in layer.attention_maps(x).items()}
    assert list(found) == ["channel", "spatial"]
    for name, gate in expected.items():
        one = found[name]
        assert (one.kind, one.module, one.n, one.bounds) == ("gate", "gate", 7, (0.0, 1.0))
        np.testing.assert_allclose(one.mean, gate.mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(one.deviation, gate.std(axis=0), rtol=1e-4, atol=1e-6)
        assert one.level == pytest.approx(gate.mean(), rel=1e-5)
        assert one.across_images == pytest.approx(np.sqrt(gate.var(axis=0).mean()), rel=1e-4)
        assert one.across_places == pytest.approx(gate.mean(axis=0).std(), rel=1e-4)
        assert one.saturated == pytest.approx(((gate < 0.05) | (gate > 0.95)).mean())
    mean, deviation = found["channel"].channels()
    np.testing.assert_allclose(mean, expected["channel"].mean(axis=(0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(deviation, expected["channel"].std(axis=0)[0, 0], rtol=1e-4)
    np.testing.assert_allclose(found["spatial"].maps()[0], expected["spatial"].mean((0, 3)), 1e-5)
    assert found["channel"].maps() is None and found["spatial"].channels() is None


def test_terms_and_gates_without_bounds_are_measured_too(mixed):
    x, _ = inside(mixed)
    found = by_name(measure(mixed, IMAGES, 3))
    assert [(one.name, one.kind) for one in found.values()] == [
        ("channel", "gate"),
        ("spatial", "gate"),
        ("shift", "term"),
    ]
    assert found["spatial"].saturated is None and found["shift"].saturated is None
    np.testing.assert_allclose(found["shift"].mean, x.max(axis=(1, 2)).mean(0)[None, None], 1e-5)


def head(model, features):
    kernel, bias = model.get_layer("head").get_weights()
    return features.mean(axis=(1, 2)) @ kernel + bias


def test_the_means_take_the_place_of_gates_and_terms(mixed):
    x, layer = inside(mixed)
    before = numpy(mixed(IMAGES))
    gates = {name: numpy(gate) for name, gate in layer.attention_maps(x).items()}
    shift = x.max(axis=(1, 2), keepdims=True)
    statistics = measure(mixed, IMAGES, 3)
    for way, by in ((MEAN, lambda v: v.mean(0)), (ONE, lambda v: v.mean())):
        expected = x * (by(gates["channel"]) + by(gates["spatial"])) / 2 + by(shift)
        with replaced(mixed, statistics, way):
            got = np.log(numpy(mixed(IMAGES)))
        logits = head(mixed, expected)
        logits -= np.log(np.exp(logits).sum(axis=1, keepdims=True))
        np.testing.assert_allclose(got, logits, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(numpy(mixed(IMAGES)), before)


def test_a_gate_that_no_image_changes_can_be_replaced_without_loss():
    model = network(SE(reduction_ratio=2, name="gate"))
    kernel, *others = model.get_layer("gate").excite.get_weights()
    model.get_layer("gate").excite.set_weights([0 * kernel, *others])
    statistics, before = measure(model, IMAGES), numpy(model(IMAGES))
    assert statistics[0].across_images < 1e-6 < statistics[0].across_places
    with replaced(model, statistics, MEAN):
        np.testing.assert_allclose(numpy(model(IMAGES)), before, rtol=1e-5)
    with replaced(model, statistics, ONE):
        assert np.abs(numpy(model(IMAGES)) - before).max() > 1e-3


def test_each_module_is_changed_alone_and_all_together(cbam):
    x = keras.Input((12, 12, 1))
    y = CBAM(reduction_ratio=2, name="first_attention")(kl.Conv2D(4, 3, name="conv")(x))
    y = SE(reduction_ratio=2, name="second_attention")(y)
    model = keras.Model(x, kl.Dense(3)(kl.GlobalAveragePooling2D()(y)))
    statistics = measure(model, IMAGES)
    assert changes(statistics) == [
        (MEAN, ALL),
        (ONE, ALL),
        (MEAN, "first_attention"),
        (MEAN, "second_attention"),
    ]
    assert changes(measure(cbam, IMAGES)) == [(MEAN, ALL), (ONE, ALL)]
    with replaced(model, statistics, ONE, "second_attention"):
        alone = changed_answers(model, IMAGES, statistics, (MEAN, "first_attention"))
        together = predicted(model, IMAGES)
    assert alone.shape == together.shape == (7,)
    with (
        pytest.raises(ValueError, match="attention module: 'third'.*'first_attention'"),
        replaced(model, statistics, MEAN, "third"),
    ):
        pass


def test_losses_are_paired_image_by_image_and_seed_by_seed():
    intact = np.array([[0, 1, 1, 0, 2], [0, 1, 0, 0, 2]])
    after = np.array([[0, 1, 0, 0, 2], [1, 1, 0, 0, 1]])
    true = np.array([0, 1, 1, 0, -1])
    (loss,) = losses(Answers(intact, {(MEAN, ALL): after}), true)
    assert loss.same == pytest.approx(70.0) and loss.n == 4
    assert (loss.before, loss.accuracy) == (pytest.approx(87.5), pytest.approx(62.5))
    assert loss.difference.mean == pytest.approx(-25.0)
    (unknown,) = losses(Answers(intact, {(MEAN, ALL): after}), np.full(5, -1))
    assert unknown.same == loss.same and unknown.difference is None and unknown.accuracy is None


@pytest.mark.parametrize("networks", (1, 2))
def test_p_values_are_adjusted_for_all_losses(networks):
    rng = np.random.default_rng(2)
    true = rng.integers(0, 3, 200)
    intact = np.tile(true, (networks, 1))
    shares = {(MEAN, ALL): 0.08, (ONE, ALL): 0.05, (MEAN, "a"): 0.03, (MEAN, "b"): 0.0}
    changed = {
        key: np.where(rng.random(intact.shape) < share, (true + 1) % 3, true)
        for key, share in shares.items()
    }
    found = losses(Answers(intact, changed), true)
    raw = [one.difference.p if networks > 1 else one.p_mcnemar for one in found]
    # Holm's steps, written out: the smallest of four times 4, the next times 3.
    steps = [min(1.0, factor * p) for factor, p in zip((4, 3, 2, 1), sorted(raw), strict=True)]
    expected = dict(zip(sorted(raw), np.maximum.accumulate(steps), strict=True))
    assert [one.p_holm for one in found] == pytest.approx([expected[p] for p in raw])
    assert min(raw) < 0.05 and raw != [one.p_holm for one in found]
    assert "adjusted for all 4 comparisons (Holm)" in caption(found, networks, 200)
    assert "over the 200 pictures of known class; with the gates as they are it is 100.00 %" in (
        caption(found, networks, 200)
    )
    console = plain_console(width=120)
    with console.capture() as shown:
        console.print(losses_table(found, networks))
    assert all(p_value(one.p_holm) in shown.get() for one in found)


def study_of(pictures, subjects=None, true=0, modules=(ALL,)):
    answers, count = np.zeros(len(pictures), int), len(pictures)
    people = np.array(subjects or [""] * count, object)
    changed = {(MEAN, module): answers for module in modules}
    return Study([], answers, changed, list(pictures), np.full(count, true), people)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (
            study_of("ab", modules=(ALL, "a")),
            r"same modules, got \['all modules'\] and \['all mod.*a",
        ),
        (study_of("acd"), "same pictures in the same order, got 2 and 3, of which 1 "),
        (study_of("ab", true=1), "same classes in the same order, got a as class 0 .* class 1"),
    ],
)
def test_networks_with_other_modules_pictures_or_classes_are_refused(other, message):
    first = study_of("ab")
    answers, true, clusters = merged([first, first])
    assert answers.intact.shape == (2, 2) and list(true) == [0, 0] and clusters is None
    with pytest.raises(ValueError, match=message):
        merged([first, other])


def test_a_picture_of_an_unknown_person_is_a_group_of_its_own():
    *_, clusters = merged([study_of("abcdef", ["x", "x", "y", "", "y", ""])])
    assert clusters[0] == clusters[1] != clusters[2] == clusters[4]
    assert len({*clusters}) == 4


def test_short_names_leave_out_what_all_share():
    assert short_names(["m/a_attention", "m/b_attention"]) == {
        "m/a_attention": "a",
        "m/b_attention": "b",
    }
    assert short_names(["m/a", "n/a"]) == {"m/a": "m/a", "n/a": "n/a"}
    assert short_names(["a", "a_attention"]) == {"a": "a", "a_attention": "a_attention"}


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """Two networks with their classes, and a prepared dataset of drawn faces."""
    folder = tmp_path_factory.mktemp("gates")
    prepare("schematic", None, folder / "data", subjects=6, per_subject=7)
    classes = json.loads((folder / "data" / "manifest.json").read_text())["classes"]
    for seed in (0, 1):
        keras.utils.set_random_seed(seed)
        x = keras.Input((48, 48, 1))
        y = kl.Conv2D(6, 5, 4, name="conv")(kl.Rescaling(1 / 255)(x))
        y = CBAM(reduction_ratio=2, name="first_attention")(y)
        y = kl.GlobalAveragePooling2D()(SE(reduction_ratio=2, name="second_attention")(y))
        model = keras.Model(x, kl.Dense(len(classes), activation="softmax")(y))
        (folder / f"s{seed}").mkdir()
        model.save(folder / f"s{seed}" / "model.keras")
        (folder / f"s{seed}" / "model.json").write_text(json.dumps({"classes": classes}))
    return folder


def test_the_command_writes_tables_and_a_picture(stored, tmp_path, capsys):
    given = [str(stored / "s0"), str(stored / "s1"), str(stored / "data")]
    assert command.main([*given, "--out", str(tmp_path / "out")]) == 0
    shown = capsys.readouterr().out
    assert "first " in shown and "2 networks" in shown and "cover other trainings" in shown
    gates = rows_of(tmp_path / "out" / "gates.csv")
    assert [(one["module"], one["name"]) for one in gates[:3]] == [
        ("first_attention", "channel"),
        ("first_attention", "spatial"),
        ("second_attention", "channel"),
    ]
    assert len(gates) == 6 and len({one["model"] for one in gates}) == 2
    channels = rows_of(tmp_path / "out" / "channels.csv")
    assert len(channels) == 2 * 2 * 6
    replaced_rows = rows_of(tmp_path / "out" / "replaced.csv")
    assert [(one["way"], one["module"], one["networks"]) for one in replaced_rows] == [
        (MEAN, ALL, "2"),
        (ONE, ALL, "2"),
        (MEAN, "first_attention", "2"),
        (MEAN, "second_attention", "2"),
    ]
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert pictures == ["gates-1-of-2.png", "gates-2-of-2.png"]
    assert "replaced.csv, gates-1-of-2.png, gates-2-of-2.png" in shown
    # The first gate and accuracy, by hand.
    data = Dataset.open(stored / "data")
    rows = np.flatnonzero(data.splits == "test") if (data.splits == "test").any() else slice(None)
    images, labels = np.asarray(data.images[rows], "float32"), data.labels[rows]
    models = [keras.saving.load_model(stored / f"s{seed}" / "model.keras") for seed in (0, 1)]
    conv = keras.Model(models[0].input, models[0].get_layer("conv").output)
    maps = models[0].get_layer("first_attention").attention_maps(conv(images))
    assert float(gates[0]["mean"]) == pytest.approx(numpy(maps["channel"]).mean(), rel=1e-5)
    right = [numpy(model(images)).argmax(axis=1) == labels for model in models]
    assert float(replaced_rows[0]["before"]) == pytest.approx(100 * np.mean(right))


@pytest.mark.parametrize(
    ("model", "message"),
    [("plain", "at least one attention module"), ("missing", "No model at")],
)
def test_a_model_without_gates_is_an_error(stored, tmp_path, capsys, model, message):
    x = keras.Input((48, 48, 1))
    plain = keras.Model(x, kl.Dense(7)(kl.GlobalAveragePooling2D()(kl.Conv2D(4, 3)(x))))
    plain.save(tmp_path / "plain.keras")
    given = [str(tmp_path / f"{model}.keras"), str(stored / "data"), "--out", str(tmp_path / "o")]
    assert command.main(given) == 2
    assert message in capsys.readouterr().err
