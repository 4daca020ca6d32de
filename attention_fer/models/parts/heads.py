"""Heads for transfer learning: dense layers between the features of a network and its classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from keras import layers as kl

from attention_fer.common.checks import one_of, positive_int
from attention_fer.models.parts.common import classifier, draw_seed, seeded


@dataclass(frozen=True)
class Head:
    """Hidden dense layers, each followed by normalisation, activation and dropout, in this order.

    Attributes:
        units: numbers of units of the hidden layers; empty for the classifier alone.
        dropout: rate after each hidden layer, at least 0 and below 1.
        batch_norm: whether to normalise each before its activation.
        activation: name of the Keras activation of the hidden layers.
        kernel_initializer: name of the Keras initializer of their kernels.

    Raises:
        ValueError: `units` or `dropout` is out of range.
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
            raise ValueError(f"dropout must be at least 0 and below 1, got {self.dropout!r}.")


# The reports state neither the units nor, for the five layers, a rate: those are our choice.
HEADS: dict[str, Head] = {
    "linear": Head(),
    # Normalisation, dropout 0.5 and He's uniform kernels on a ResNet-50 whose first 165 layers are
    # frozen. With these units, about as many parameters train as reported: four million.
    "transfer-resnet50": Head((128, 64), dropout=0.5, batch_norm=True),
    # Dropout 0.3 on a frozen VGG-16, with the units of VGG's own dense layers.
    "transfer-vgg16": Head((4096, 4096), dropout=0.3),
    # Five dense layers with dropout on a vision transformer; the fifth is the classifier.
    "five-dense": Head((512, 256, 128, 64), dropout=0.3),
}


def chosen(head: str | Head | None, include_top: bool = True) -> Head | None:
    """Return the head of that name, or a `Head` or None unchanged.

    Raises:
        ValueError: an unknown name, or a head for a network without the top.
    """
    if head is not None and not include_top:
        raise ValueError(
            f"head must be None with include_top=False, got {head!r}. Use include_top=True."
        )
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
    """Apply `head` to the vectors `x` and return the output of its last layer, `predictions`.

    Args:
        x: Keras tensor of shape `(batch, features)`.
        head: a name in `HEADS`, a `Head`, or None for the classifier alone.
        classes, classifier_activation: of the classifier.
        seed: makes initial weights and dropouts depend on the seed and layer names alone.

    Raises:
        ValueError: an unknown name.
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
