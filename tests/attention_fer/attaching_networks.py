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


def outputs(model, *inputs):
    return [
        to_numpy(y) for y in keras.tree.flatten(model(inputs[0] if len(inputs) == 1 else [*inputs]))
    ]


def difference(model, other, *inputs):
    """The largest difference of the outputs; they must depend on the inputs."""
    pairs = zip(outputs(model, *inputs), outputs(other, *inputs), strict=True)
    found = []
    for ours, theirs in pairs:
        assert theirs.std(axis=0).max() > 1e-3 and np.isfinite(theirs).all()
        found.append(np.abs(ours - theirs).max())
    return max(found)
