"""What the tests of every further family of networks ask of it."""

import math

import keras
import numpy as np
from layer_probes import BACKEND, channels_first, features, to_numpy, without_values

from attention_fer import models
from attention_fer.layers import AttentionModule


def randomised_network(model, seed=1):
    """Gives every weight a random value; kernels keep the signal's size. Returns `model`.

    Variances are small, so that the epsilon that is added to them can be told.
    """
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        name, shape = weight.path.rpartition("/")[2], tuple(weight.shape)
        if name == "moving_variance":
            weight.assign(rng.uniform(0.01, 0.04, shape))
        elif name == "gamma":
            weight.assign(rng.uniform(0.1, 0.2, shape))
        elif len(shape) > 1:
            weight.assign(rng.normal(size=shape) * math.sqrt(2 / math.prod(shape[:-1])))
        elif weight.dtype == "float32":
            weight.assign(0.1 * rng.normal(size=shape))
    return model


def plan(name, **options):
    """A network whose variables have shapes but no values."""
    with without_values():
        return models.build(name, **options)


def trainable(model):
    return sum(math.prod(v.shape) for v in model.trainable_weights)


def attentions(model):
    return [layer.name for layer in model.layers if isinstance(layer, AttentionModule)]


def graph(model):
    """Layer name to the names of the layers that feed it, read from the configuration."""
    return {x["name"]: list(_sources(x["inbound_nodes"])) for x in model.get_config()["layers"]}


def _sources(arguments):
    if isinstance(arguments, dict):
        if arguments.get("class_name") == "__keras_tensor__":
            yield arguments["config"]["keras_history"][0]
        else:
            yield from _sources(list(arguments.values()))
    elif isinstance(arguments, (list, tuple)):
        for argument in arguments:
            yield from _sources(argument)


def around(model, name):
    """What feeds a layer, and the layers it feeds."""
    edges = graph(model)
    return edges[name], {layer for layer, feeders in edges.items() if name in feeders}


def starts_equal(name, **options):
    """Networks of one seed that differ in attention have equal weights elsewhere."""
    plain = models.build(name, seed=1, **options)
    other = models.build(name, seed=1, attention="eca", **options)
    weights = {v.path: to_numpy(v) for v in other.trainable_weights}
    for variable in plain.trainable_weights:
        np.testing.assert_array_equal(to_numpy(variable), weights.pop(variable.path))
    assert weights and all("_attention/" in path for path in weights)


def trains_saves_and_loads(model, folder, idle=()):
    """One step changes every trainable weight; the saved network answers as this one.

    Weights whose path ends as one of `idle` have no gradient.
    """
    before = [to_numpy(v) for v in model.trainable_weights]
    shape, classes = model.input_shape[1:], model.output_shape[-1]
    x, y = features(8, *shape), np.arange(8) % classes
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", run_eagerly=True)
    model.train_on_batch(x, y)
    same = [
        v.path
        for v, old in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(to_numpy(v), old) and not v.path.endswith(tuple(idle))
    ]
    assert not same, same
    model.save(folder / "network.keras")
    again = keras.saving.load_model(folder / "network.keras", compile=False)
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(model(x)))


def computes_the_same_channels_first(last, name, **options):
    """`last` is the network channels last."""
    height, width, channels = last.input_shape[1:]
    x = features(2, height, width, channels)
    keras.config.set_image_data_format("channels_first")
    try:
        model = models.build(name, **{**options, "input_shape": (channels, height, width)})
        model.set_weights(last.get_weights())
        if BACKEND != "tensorflow":  # which does not convolve channels first on a CPU
            y, expected = to_numpy(model(channels_first(x))), to_numpy(last(x))
            np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5 * expected.std())
    finally:
        keras.config.set_image_data_format("channels_last")


def ends_in_float32_under_mixed_precision(name, **options):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.build(name, **options)
    finally:
        keras.config.set_dtype_policy(before)
    compute = {x.name: x.compute_dtype for x in model.layers if x.weights}
    assert compute.pop("predictions") == "float32" and set(compute.values()) == {"bfloat16"}
    y = model(features(2, *model.input_shape[1:]))
    assert keras.backend.standardize_dtype(y.dtype) == "float32"
    np.testing.assert_allclose(to_numpy(y).sum(-1), 1, atol=1e-6)
