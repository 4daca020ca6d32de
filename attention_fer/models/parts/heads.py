"""Heads for transfer learning: the dense layers between a network's features and its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import layers as kl

from attention_fer.common.checks import one_of, positive_int
from attention_fer.models.parts.common import classifier, draw_seed, seeded


@dataclass(frozen=True)
class Head:
    """Hidden dense layers, each with its normalisation, activation and dropout in this order.

    Attributes:
        units: of each hidden layer; none leaves the classifier alone.
        dropout: rate after each hidden layer, from 0 to below 1.
        batch_norm: whether each is normalised before its activation.
        activation: of the hidden layers, by its Keras name.
        kernel_initializer: of the hidden layers, by its Keras name.

    Raises:
        ValueError: units or a rate out of range.
    """

    units: tuple[int, ...] = ()
    dropout: float = 0.0
    batch_norm: bool = False
    activation: str = "relu"
    kernel_initializer: str = "he_uniform"

    def __post_init__(self) -> None:
        for units in self.units:
            positive_int("units", units)
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be from 0 to below 1, given: {self.dropout!r}.")


# The reports print neither units nor, for the five layers, a rate: those are ours.
HEADS: dict[str, Head] = {
    "linear": Head(),
    # Normalisation, dropout 0.5 and He's uniform kernels on a ResNet-50 whose first 165 layers are
    # frozen. With these units about as many parameters train as reported: four million.
    "transfer-resnet50": Head((128, 64), dropout=0.5, batch_norm=True),
    # Dropout 0.3 on a frozen VGG-16, with the units of VGG's own dense layers.
    "transfer-vgg16": Head((4096, 4096), dropout=0.3),
    # Five dense layers with dropout, the fifth the classifier, on a vision transformer.
    "five-dense": Head((512, 256, 128, 64), dropout=0.3),
}


def chosen(head: str | Head | None, include_top: bool = True) -> Head | None:
    """The head of that name, a head as it is, None for None.

    Raises:
        ValueError: an unknown name, with the known ones, or a head for a network without a top.
    """
    if head is not None and not include_top:
        raise ValueError(f"head={head!r} is part of the top: use it with include_top=True.")
    if head is None or isinstance(head, Head):
        return head
    return HEADS[one_of("head", head, HEADS)]


def apply(
    x: Any,
    head: str | Head | None,
    classes: int,
    classifier_activation: Any,
    seed: int | None,
) -> Any:
    """The output of `predictions`, the last layer of `head` on the vectors `x`.

    Args:
        x: Keras tensor of shape `(batch, features)`.
        head: a name in `HEADS`, a `Head`, or None for the classifier alone.
        classes, classifier_activation: of the classifier.
        seed: makes initial weights and dropouts a function of seed and layer name alone.

    Raises:
        ValueError: an unknown name, with the known ones.
    """
    head = chosen(head) or HEADS["linear"]
    for i, units in enumerate(head.units, 1):
        x = _hidden(x, units, f"head_fc{i}", head, seed)
    return classifier(x, classes, classifier_activation, seed)


def _hidden(x: Any, units: int, name: str, head: Head, seed: int | None) -> Any:
    kernel = seeded(head.kernel_initializer, seed, name)
    x = kl.Dense(units, kernel_initializer=kernel, name=name)(x)
    if head.batch_norm:
        x = kl.BatchNormalization(name=f"{name}_bn")(x)
    x = kl.Activation(head.activation, name=f"{name}_relu")(x)
    if head.dropout:
        drop = f"{name}_dropout"
        x = kl.Dropout(head.dropout, seed=draw_seed(seed, drop), name=drop)(x)
    return x
