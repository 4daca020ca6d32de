"""The builder of the transformers, which differ in their sizes and in what is between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import keras

from attention_fer.common.checks import one_of, positive_int
from attention_fer.models.parts.common import _float32_if_mixed, image_input, scaled, seeded
from attention_fer.models.parts.heads import Head
from attention_fer.models.parts.heads import apply as apply_head
from attention_fer.models.parts.transformer_block import Parts, Size
from attention_fer.models.pretrained.transformers import load_pretrained
from attention_fer.models.registry import Builder, register

_PRESETS = '"imagenet", the name or the folder of a KerasHub preset, or a path'
_DOC = """{summary}

    Args:
        input_shape: `(height, width, channels)`, or as the image data format says; 224 x 224 x 3
            by default. Any number of channels; the patches must divide height and width.
        classes, classifier_activation, name: as in `keras.applications`.
        weights: None, {weights}; see
            `models.load_pretrained`.
        attention: None; anything else is an error.
        size: {sizes}.
        patch_size: pixels of a patch's side.
        hidden_dim, layers, heads, mlp_dim: channels of a token, blocks, heads, and units of a
            block's first dense layer, where they are to differ from the size's.
        width: multiplies `hidden_dim`, to the nearest multiple of `heads`, and `mlp_dim`.
        drop_path: rate of stochastic depth in the last block; it grows evenly from 0 in the
            first.
        dropout: rate after the positions, the attention and each dense layer of a block.
        head: what classifies the class token: None for one dense layer, a name in
            `models.HEADS`, or a `models.Head`.
        weights_sha256: SHA-256 that the file of the weights must have.
        seed: makes the initial weights a function of seed and layer name alone.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`.

    Raises:
        ImportError: a preset without KerasHub.
        FileNotFoundError: no weights at the path.
        ValueError: an option value that is not allowed; patches that do not divide the image;
            weights that cannot be read, or of which nothing matched.
        RuntimeError: a preset that cannot be fetched, or weights with another hash.
    """


@dataclass(frozen=True)
class End:
    """What the options say about the end of the network."""

    head: str | Head | None
    classes: int
    activation: Any
    seed: int | None

    def classify(self, x: Any, index: int = 0) -> Any:
        """From the token of that index, by the head that was asked for."""
        return apply_head(x[:, index], self.head, self.classes, self.activation, self.seed)

    def linear(self, x: Any, index: int, name: str) -> Any:
        """From the token of that index, by one dense layer."""
        kernel = seeded("glorot_uniform", self.seed, name)
        dtype = _float32_if_mixed()
        return keras.layers.Dense(
            self.classes, self.activation, kernel_initializer=kernel, name=name, dtype=dtype
        )(x[:, index])


Network = Callable[[Any, Parts, End], Any]


def builder(
    title: str,
    summary: str,
    sizes: Mapping[str, Size],
    network: Network,
    imagenet: Mapping[str, str] | None = None,
) -> Builder:
    """A builder of a transformer, registered under its title in small letters.

    Args:
        title: the network's name.
        summary: first part of the builder's docstring.
        sizes: what `size` may be.
        network: from the patches `(batch, rows * columns, channels)` to the output.
        imagenet: for each size the preset that "imagenet" stands for; None where KerasHub has
            no such network.
    """
    default_name = title.lower()

    def build(
        input_shape: tuple[int | None, ...] | None = None,
        classes: int = 1000,
        weights: Any = None,
        classifier_activation: Any = "softmax",
        name: str = default_name,
        *,
        attention: None = None,
        size: str = "base",
        patch_size: int = 16,
        hidden_dim: int | None = None,
        layers: int | None = None,
        heads: int | None = None,
        mlp_dim: int | None = None,
        width: float = 1.0,
        drop_path: float = 0.0,
        dropout: float = 0.0,
        head: str | Head | None = None,
        weights_sha256: str | None = None,
        seed: int | None = None,
    ) -> keras.Model:
        _no_attention(attention, title)
        chosen = sizes[one_of("size", size, sizes)]
        chosen = _changed(chosen, width, hidden_dim, layers, heads, mlp_dim)
        net = Parts(chosen, drop_path, dropout, seed)
        image, x = image_input(None, input_shape, True)
        end = End(head, classes, classifier_activation, seed)
        model = keras.Model(image, network(net.patches(x, patch_size), net, end), name=name)
        if weights is not None:
            load_pretrained(model, weights, weights_sha256, (imagenet or {}).get(size))
        return model

    build.__name__ = build.__qualname__ = title
    build.__doc__ = _DOC.format(
        summary=summary,
        weights=_PRESETS if imagenet else "or the path of a file",
        sizes=" or ".join(f'"{key}"' for key in sizes),
    )
    return register(default_name, build)


def _changed(size: Size, width: float, *given: int | None) -> Size:
    """The size with the given numbers, where not None, in its place, times the width."""
    names = [field.name for field in fields(Size)]
    changes = {
        name: positive_int(name, value)
        for name, value in zip(names, given, strict=True)
        if value is not None
    }
    size = replace(size, **changes)
    if size.hidden_dim % size.heads:
        raise ValueError(
            f"heads must divide hidden_dim, given: {size.heads} heads for hidden_dim "
            f"{size.hidden_dim}."
        )
    hidden_dim = scaled(size.hidden_dim // size.heads, width) * size.heads
    return replace(size, hidden_dim=hidden_dim, mlp_dim=scaled(size.mlp_dim, width))


def _no_attention(attention: Any, network: str) -> None:
    """Raises ValueError unless `attention` is None."""
    if attention is not None:
        raise ValueError(
            f"{network} takes no attention module, given: attention={attention!r}. The modules "
            "gate maps of channels and rows and columns, and a transformer has tokens, which "
            "attend to one another already. The convolutional networks take one, for example "
            "resnet50 or vgg16."
        )
