"""Small networks for the tests of attaching, with random weights."""

import keras
import numpy as np
from keras import layers as kl
from layer_probes import features, randomised, to_numpy

SIDE = 12
IMAGES = features(3, SIDE, SIDE, 3)


def conv(x, filters, name, size=3, strides=1, **options):
    return kl.Conv2D(filters, size, strides, padding="same", name=name, **options)(x)


def norm(x, name):
    return kl.BatchNormalization(name=name)(x)


def relu(x, name):
    return kl.ReLU(name=name)(x)


def bottleneck(x, filters, name, strides=1, after=lambda x, name: x):
    """A residual block as that of ResNet; `after` is applied to the end of the branch."""
    shortcut = x
    if strides > 1 or x.shape[-1] != filters:
        shortcut = norm(conv(x, filters, f"{name}_0_conv", 1, strides), f"{name}_0_bn")
    x = relu(norm(conv(x, filters // 2, f"{name}_1_conv", 1, strides), f"{name}_1_bn"), f"{name}_1")
    x = norm(conv(x, filters, f"{name}_2_conv"), f"{name}_2_bn")
    x = after(x, f"{name}_2_bn")
    return relu(kl.Add(name=f"{name}_add")([shortcut, x]), f"{name}_out")


def resnet(after=lambda x, name: x, top=True):
    """A network of three blocks; `after(x, name)` is applied to the end of each branch."""
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x = kl.Rescaling(0.5, name="scaling")(image)
    x = relu(norm(conv(x, 16, "stem"), "stem_bn"), "stem_relu")
    for name, filters, strides in (("a", 16, 1), ("b", 32, 2), ("c", 32, 1)):
        x = bottleneck(x, filters, name, strides, after)
    if top:
        x = kl.GlobalAveragePooling2D(name="pool")(x)
        x = kl.Dense(5, name="top")(x)
    return randomised(keras.Model(image, x, name="resnet"), scale=0.2)


def settled(model, images):
    """Gives a deep network numbers as training does; returns it.

    The statistics of its normalisations become those of the images. With random ones, the signal
    would vanish or overflow on its way through, and the outputs would not depend on the images.
    """
    rng = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("gamma"):  # Of normalisations and of layer scales.
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.path.endswith(("beta", "bias")):
            weight.assign(0.1 * rng.normal(size=weight.shape))
    norms = [one for one in model.layers if isinstance(one, kl.BatchNormalization)]
    momenta = [one.momentum for one in norms]
    for one in norms:
        one.momentum = 0.0
    model(images, training=True)
    for one, momentum in zip(norms, momenta, strict=True):
        one.momentum = momentum
    return model


def outputs(model, *inputs):
    given = inputs[0] if len(inputs) == 1 else [*inputs]
    return [to_numpy(y) for y in keras.tree.flatten(model(given))]


def difference(model, other, *inputs):
    """The largest difference of the outputs; they must depend on the inputs."""
    pairs = zip(outputs(model, *inputs), outputs(other, *inputs), strict=True)
    found = []
    for ours, theirs in pairs:
        assert theirs.std(axis=0).max() > 1e-3 and np.isfinite(theirs).all()
        found.append(np.abs(ours - theirs).max())
    return max(found)
