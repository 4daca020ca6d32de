"""What several test files do with a layer, on every backend."""

import contextlib

import keras
import numpy as np
import reference
from keras import ops

from attention_fer import layers

BACKEND = keras.backend.backend()
CHANNELS = 32
# What modules need so that they take CHANNELS channels, where their defaults do not.
OPTIONS = {"ema": {"groups": 8}, "sge": {"groups": 8}, "shuffle": {"groups": 4}}
COMBINATORS = [
    ("sequence", {"modules": ["eca", "cbam_spatial"]}),
    ("sequence", {"modules": ["cbam", ("se", {"reduction_ratio": 4}), "cbam"]}),
    ("parallel", {"modules": ["se", "cbam_spatial"]}),
    ("parallel", {"modules": ["eca", "cbam"], "combination": "product"}),
    ("parallel", {"modules": ["cbam", "se"], "combination": "max"}),
]
SPECS = [*((name, OPTIONS.get(name, {})) for name in layers.names()), *COMBINATORS]


def readable(value):
    """A name of a parameter for pytest; the text of a function would have its address."""
    return getattr(value, "__name__", str(value))


def with_options(spec, **options):
    return spec[0], {**spec[1], **options}


def kind_of(spec):
    return type(layers.get(spec))


def takes(spec, rank):
    """Whether a module takes that many spatial axes."""
    return rank in kind_of(spec).ranks


IDENTITY = [spec for spec in SPECS if not kind_of(spec).no_identity]
REFUSING = [spec for spec in SPECS if kind_of(spec).no_identity]


@contextlib.contextmanager
def without_values():
    """Networks built in here have variables of the right shapes, but nothing is computed."""
    with keras.StatelessScope(initialize_variables=False):
        yield
    # Else the next symbolic call would give all these variables their values after all.
    keras.backend.clear_session()


def to_numpy(x):
    return ops.convert_to_numpy(ops.cast(x, "float32"))


def features(*shape, seed=0, scale=1.0):
    """A random map whose channels differ in mean and spread."""
    rng = np.random.default_rng(seed)
    drift = np.linspace(-1, 1, shape[-1]) ** 3
    return (scale * (rng.normal(size=shape) + drift)).astype("float32")


def randomised(layer, seed=1, scale=0.5):
    """Gives every weight a random value, also those that start at zero or one; returns `layer`."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if weight.path.endswith(("gamma", "moving_variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign(scale * rng.normal(size=weight.shape))
    return layer


def built(spec, shape, seed=1, scale=0.5):
    layer = layers.get(spec)
    layer.build(shape)
    return randomised(layer, seed, scale)


def channels_first(x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1))


def weights_of(*sublayers):
    return [np.asarray(array, "float64") for sub in sublayers for array in sub.get_weights()]


def reference_gates(layer, x):
    """The gates that NumPy computes with the layer's weights; `x` channels last."""
    x, start = x.astype("float64"), layer.start
    if isinstance(layer, layers.SE):
        w = weights_of(layer.squeeze, layer.excite)
        if not layer.use_bias:
            w = [w[0], 0.0, w[1], 0.0]
        return reference.se(x, *w, start=start)
    if isinstance(layer, layers.ECA):
        return reference.eca(x, weights_of(layer.conv)[0].ravel(), start=start)
    if isinstance(layer, layers.ChannelAttention):
        return reference.cbam_channel(x, *weights_of(layer.mlp1, layer.mlp2), start=start)
    if isinstance(layer, layers.SpatialAttention):
        return reference.cbam_spatial(x, *weights_of(layer.conv, layer.bn), start=start)
    channel = weights_of(layer.channel.mlp1, layer.channel.mlp2)
    return reference.cbam(x, channel, weights_of(layer.spatial.conv, layer.spatial.bn), start=start)


def recombined(layer, x):
    """The output, from the gates and terms that the layer shows."""
    y = layer.combine(ops.convert_to_tensor(x), layer.attention_maps(x))
    for term in layer.attention_terms(x).values():
        y = y + term
    return to_numpy(y)


def product(x, gates):
    for gate in gates.values():
        x = x * gate
    return x


def gradients(layer, x):
    """Gradient of a weighted sum of the output with respect to each trainable weight."""
    weights = np.random.default_rng(5).normal(size=x.shape).astype("float32")
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss = ops.sum(layer(x, training=True) * weights)
        found = tape.gradient(loss, [v.value for v in layer.trainable_variables])
    elif BACKEND == "jax":
        import jax

        def loss_of(trainable):
            state = [v.value for v in layer.non_trainable_variables]
            y, _ = layer.stateless_call(trainable, state, x, training=True)
            return ops.sum(y * weights)

        found = jax.grad(loss_of)([v.value for v in layer.trainable_variables])
    else:
        loss = ops.sum(layer(x, training=True) * ops.convert_to_tensor(weights))
        loss.backward()
        found = [v.value.grad for v in layer.trainable_variables]
    return [to_numpy(g) for g in found]
