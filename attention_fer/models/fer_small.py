"""A complete recogniser of facial expressions: grey pixels to calibrated probabilities.

It is `SmallResNet` with squeeze-and-excitation, after the image processing of the recipe
`fer-small` and before the layers that calibrate its outputs.
"""

from __future__ import annotations

import keras
from keras import ops

from attention_fer import pretrained, recipes
from attention_fer.models.registry import register_recogniser
from attention_fer.models.small_resnet import SmallResNet
from attention_fer.training.inputs import FlipAverage, preprocess

NAME = "fer-small"
CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
INPUT_SHAPE = (48, 48, 1)
# Cuts and normalises images; the same as that of "fer-small-long".
RECIPE = recipes.get("fer-small")
_SIDE = RECIPE.crop_size or INPUT_SHAPE[0]
_MARGIN = (INPUT_SHAPE[0] - _SIDE) // 2
BOX = (_MARGIN, _MARGIN, _SIDE, _SIDE)
"""The part of an image that the network within sees: left, top, width and height in pixels."""
_LEAST = 1e-12  # a probability of 0 has no logarithm


@register_recogniser(NAME)
def FERSmall(  # noqa: N802
    weights: str | None = None,
    input_shape: tuple[int, ...] | None = None,
    classes: int = len(CLASSES),
    *,
    seed: int | None = None,
) -> keras.Model:
    """A small ResNet with SE that takes 48x48 grey pixels from 0 to 255.

    Scaling, cutting to 44 pixels, the mean over the image and its mirror image, and the temperature
    that calibrates the probabilities (Guo et al. 2017, https://arxiv.org/abs/1706.04599) are layers
    of the network.

    Args:
        weights: None for random initial weights, or "fer2013" for the weights in the package. Their
            file is checked against its SHA-256. Nothing is downloaded.
        input_shape: None or (48, 48, 1).
        classes: number of classes. The weights have seven, in the order of
            `attention_fer.pretrained.find("fer-small", weights).classes`.
        seed: seed of the initial weights, see `SmallResNet`.

    Returns:
        A functional `keras.Model` from pixels (batch, 48, 48, 1), of any number type, to
        probabilities (batch, classes).

    Raises:
        ValueError: an unsupported input shape, unknown weights or weights for other classes, or a
            damaged file.
        FileNotFoundError: the file of the weights is missing.
    """
    if input_shape is not None and tuple(input_shape) != INPUT_SHAPE:
        raise ValueError(
            f"input_shape of {NAME} must be {INPUT_SHAPE}, got {tuple(input_shape)!r}. Resize the "
            "images; for networks of other sizes use SmallResNet."
        )
    if weights is None:
        return recogniser(network(classes, seed))
    shipped = pretrained.find(NAME, weights)
    if classes != len(shipped.classes):
        raise ValueError(
            f"classes must be {len(shipped.classes)} with weights={weights!r} "
            f"({', '.join(shipped.classes)}), got {classes!r}. For other classes build {NAME} "
            "without weights, then use load_into."
        )
    return keras.saving.load_model(shipped.file("keras"), compile=False)


def network(classes: int = len(CLASSES), seed: int | None = None) -> keras.Model:
    """Return the inner network: it maps normalised images (batch, 44, 44, 1) to probabilities."""
    return SmallResNet(input_shape=(_SIDE, _SIDE, 1), classes=classes, attention="se", seed=seed)


def recogniser(
    network: keras.Model, temperature: float = 1.0, *, class_maps: bool = False
) -> keras.Model:
    """Wrap the inner network: preprocessing before it, mirror average and temperature after it.

    Args:
        network: as `network` returns it.
        temperature: divides the logarithms of the mean probabilities; 1 leaves them as they are.
        class_maps: whether to output a second tensor, (batch, height, width, classes): what each
            place of the last map adds to the logit of each class, for the image alone. The logit is
            the mean over all places plus a bias, and the positive part is Grad-CAM (Selvaraju et
            al. 2017, https://arxiv.org/abs/1610.02391, section 3.1).

    Raises:
        ValueError: a temperature that is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature!r}.")
    pixels = keras.Input(INPUT_SHAPE, dtype="float32", name="pixels")
    scaled = keras.layers.Rescaling(1 / 255, dtype="float32", name="scale")(pixels)
    images = preprocess(scaled, network, RECIPE)
    found = _with_class_maps(network)(images) if class_maps else [network(images)]
    views = [found[0], network(ops.flip(images, axis=2))]
    mean = FlipAverage(name="flip_average", dtype="float32")(views)
    logs = ops.log(ops.maximum(mean, _LEAST))
    logs = keras.layers.Rescaling(1 / temperature, dtype="float32", name="temperature")(logs)
    outputs = keras.layers.Softmax(dtype="float32", name="probabilities")(logs)
    name = NAME.replace("-", "_")
    return keras.Model(pixels, [outputs, *found[1:]] if class_maps else outputs, name=name)


def _with_class_maps(network: keras.Model) -> keras.Model:
    """The network with a second output, see `recogniser`."""
    classifier = network.get_layer("predictions")
    places = keras.layers.Dense(classifier.units, use_bias=False, name="class_maps")
    maps = places(network.get_layer("avg_pool").input)
    places.kernel.assign(classifier.kernel)
    return keras.Model(network.input, [network.output, maps], name="with_class_maps")
