"""Weights of keras.applications give ours the same outputs; an identity start keeps them."""

import itertools

import keras
import numpy as np
import pytest
from layer_probes import IDENTITY, features, to_numpy, with_options, without_values

from attention_fer import layers, models

pytestmark = pytest.mark.slow

slow = pytest.mark.slow
TITLES = [
    "VGG16",
    "VGG19",
    "ResNet50",
    "ResNet50V2",
    pytest.param("ResNet101", marks=slow),
    pytest.param("ResNet152", marks=slow),
    pytest.param("ResNet101V2", marks=slow),
    pytest.param("ResNet152V2", marks=slow),
]
SMALL = {"input_shape": (32, 32, 3), "classes": 5, "width": 0.25, "seed": 3}
# Modules that return their input at the start, also as published.
PUBLISHED_AS_IDENTITY = ("gc", "gct")
# What this one adds is quadratic in the input, and the features of a fresh network are small.
LEAST_CHANGE = {"van_attention": 1e-4}
RESNET_POSITIONS = ("pre-add", "post-add", "pre", "identity", "after-3x3")


def random_statistics(model):
    """Random biases and normalisations whose variances are small enough to show the epsilon."""
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = tuple(layer.gamma.shape)
            variance = rng.uniform(1e-5, 3e-5, shape)
            layer.moving_variance.assign(variance)
            layer.gamma.assign(rng.uniform(0.5, 1.5, shape) * np.sqrt(variance))
            layer.beta.assign(0.1 * rng.normal(size=shape))
            layer.moving_mean.assign(0.1 * rng.normal(size=shape))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(0.1 * rng.normal(size=tuple(layer.bias.shape)))
    return model


def with_weights(model):
    return [layer.name for layer in model.layers if layer.weights]


@pytest.mark.slow
@pytest.mark.parametrize("title", TITLES)
def test_the_weights_of_keras_applications_give_the_same_outputs(title):
    size = 32 if title.startswith("VGG") else 64
    options = {"input_shape": (size, size, 3), "classes": 10, "classifier_activation": None}
    theirs = random_statistics(getattr(keras.applications, title)(weights=None, **options))
    ours = getattr(models, title)(**options)
    x = features(2, size, size, 3)
    expected = to_numpy(theirs(x))
    unit = np.abs(expected).max()
    assert np.abs(to_numpy(ours(x)) - expected).max() > 0.01 * unit
    report = models.load_into(ours, theirs)
    assert (report.new, report.missed, report.adapted) == ([], {}, [])
    assert with_weights(ours) == with_weights(theirs) == report.loaded
    np.testing.assert_allclose(to_numpy(ours(x)) / unit, expected / unit, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("title", ("VGG16", "ResNet50", "ResNet50V2"))
def test_every_layer_name_of_keras_applications_is_kept_in_its_order(title):
    options = {"input_shape": (32, 32, 3), "include_top": False, "pooling": "avg"}
    with without_values():
        theirs = getattr(keras.applications, title)(weights=None, **options)
        ours = getattr(models, title)(attention="se", **options)
    expected = with_weights(theirs)
    names = [name for name in with_weights(ours) if not name.endswith("_attention")]
    assert sorted(names) == sorted(expected) and len(ours.layers) > len(theirs.layers)
    # A layer on the branch delays the branch, so that only the shortcut may change its place.
    main = [[name for name in found if "_0_" not in name] for found in (names, expected)]
    assert main[0] == main[1]
    kinds = {layer.name: type(layer).__name__ for layer in ours.layers}
    named = ("block", "conv", "pool1", "post")
    stable = [layer for layer in theirs.layers if layer.name.startswith(named)]
    assert len(stable) > 15
    for layer in stable:
        assert kinds[layer.name] == type(layer).__name__


def every_module():
    """A callable that gives one module after the other, all with the identity start."""
    turns = itertools.cycle(IDENTITY)
    return lambda name: layers.get(with_options(next(turns), start="identity"), name=name)


def places():
    for position in RESNET_POSITIONS:
        marks = [] if position == "pre-add" else [pytest.mark.slow]
        yield pytest.param("resnet50", position, marks=marks)
        yield pytest.param("resnet50v2", position, marks=marks)
    yield from (("vgg16", position) for position in ("last", "every", (1, 4, 13)))


@pytest.mark.parametrize(("name", "position"), list(places()))
def test_the_identity_start_keeps_the_plain_logits_exactly(name, position):
    options = {**SMALL, "classifier_activation": None}
    plain = random_statistics(models.build(name, **options))
    model = models.build(name, attention=every_module(), attention_position=position, **options)
    report = models.load_into(model, plain)
    assert report.missed == {} and report.loaded == with_weights(plain)
    assert {new.split("/")[0] for new in report.new} == {
        layer.name for layer in model.layers if isinstance(layer, layers.AttentionModule)
    }
    x = features(2, 32, 32, 3)
    np.testing.assert_array_equal(to_numpy(model(x)), to_numpy(plain(x)))


@pytest.mark.parametrize("spec", IDENTITY, ids=str)
def test_each_module_alone_keeps_them_too_and_the_paper_start_does_not(spec):
    options = {**SMALL, "classifier_activation": None}
    plain = models.build("vgg16", **options)
    kept = models.build("vgg16", attention=with_options(spec, start="identity"), **options)
    published = models.build("vgg16", attention=spec, **options)
    x = 10 * features(2, 32, 32, 3)
    expected = to_numpy(plain(x))
    np.testing.assert_array_equal(to_numpy(kept(x)), expected)
    change = np.abs(to_numpy(published(x)) - expected).max() / np.abs(expected).max()
    assert (
        change == 0
        if spec[0] in PUBLISHED_AS_IDENTITY
        else change > LEAST_CHANGE.get(spec[0], 1e-2)
    )
