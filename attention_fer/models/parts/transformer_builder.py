"""The family of vision transformers: from the blocks to the whole network."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import keras

from attention_fer.common.checks import one_of, positive_int
from attention_fer.models.parts import heads as all_heads
from attention_fer.models.parts.assembly import POOLINGS, image_input
from attention_fer.models.parts.common import classifier, scaled
from attention_fer.models.parts.transformer_block import TransformerLayers, TransformerSize
from attention_fer.models.pretrained.transformers import load_pretrained


@dataclass(frozen=True)
class TransformerArchitecture:
    """What distinguishes one transformer from another.

    Attributes:
        title: name of the network, for error messages.
        encode: from the patches `(batch, rows * columns, channels)` to all tokens, normalised.
        sizes: the values that `size` may have.
        presets: for each size, the preset that "imagenet" stands for; empty if KerasHub does not
            have this network.
        distilled: whether a distillation token follows the class token and has its own classifier.
    """

    title: str
    encode: Callable[[Any, TransformerLayers], Any]
    sizes: Mapping[str, TransformerSize]
    presets: Mapping[str, str] = field(default_factory=dict)
    distilled: bool = False


def transformer(
    architecture: TransformerArchitecture,
    include_top: bool = True,
    weights: Any = None,
    input_tensor: Any = None,
    input_shape: tuple[int | None, ...] | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
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
    head: str | all_heads.Head | None = None,
    weights_sha256: str | None = None,
    seed: int | None = None,
) -> keras.Model:
    """A vision transformer.

    Args:
        include_top: whether to include the classifier.
        weights: None, the path of a file or, where KerasHub has this network, "imagenet", the name
            of a preset or its folder; see `models.load_pretrained`.
        input_tensor: a Keras tensor to use as the image, in place of `input_shape`.
        input_shape: `(height, width, channels)` or as the image data format says; None for
            224 x 224 x 3. Any number of channels; the patches must divide height and width.
        pooling: pooling of the patches' tokens if `include_top` is False: None, "avg" or "max".
        classes: number of classes.
        classifier_activation: activation of the classifier; None for logits.
        name: name of the network.
        attention: must be None: transformers take no attention module.
        size: "tiny", "small" or "base"; ViT also has "large".
        patch_size: pixels per side of a patch.
        hidden_dim, layers, heads, mlp_dim: channels of a token, number of blocks, number of heads,
            and units of the first dense layer of a block; None for those of `size`.
        width: multiplier for `hidden_dim`, to the nearest multiple of `heads`, and `mlp_dim`.
        drop_path: rate of stochastic depth in the last block; it grows evenly from 0 in the first.
        dropout: rate after the positions, the attention and each dense layer of a block.
        head: classifier of the class token: None for one dense layer, a name in `models.HEADS`, or
            a `models.Head`.
        weights_sha256: SHA-256 that the file of weights must have.
        seed: makes the initial weights depend on the seed and layer names alone.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)`; without the top, to all tokens `(batch, tokens, hidden_dim)` or the
        pooled patches `(batch, hidden_dim)`.

    Raises:
        ImportError: a preset without KerasHub.
        FileNotFoundError: no weights at the path.
        ValueError: an option value that is not allowed, patches that do not divide the image, or
            weights that cannot be read or of which nothing matched.
        RuntimeError: a preset that cannot be fetched, or weights with another hash.
    """
    _refuse_attention(attention, architecture.title)
    one_of("pooling", pooling or "avg", POOLINGS)
    chosen = architecture.sizes[one_of("size", size, architecture.sizes)]
    chosen = _changed(chosen, width, hidden_dim, layers, heads, mlp_dim)
    net = TransformerLayers(chosen, drop_path, dropout, seed)
    head = all_heads.chosen(head, include_top)
    # A transformer needs a known size, also without the top.
    inputs, image = image_input(input_tensor, input_shape, include_top=True)
    tokens = architecture.encode(net.patches(image, patch_size), net)
    if not include_top:
        outputs = _pooled(tokens, pooling, 1 + architecture.distilled)
    else:
        top = classes, classifier_activation, seed
        outputs = all_heads.apply(tokens[:, 0], head, *top)
        if architecture.distilled:
            both = outputs, classifier(tokens[:, 1], *top, "distillation_predictions")
            # Mixed precision would average in half precision.
            outputs = keras.layers.Average(name="average", dtype="float32")(both)
    model = keras.Model(inputs, outputs, name=name or architecture.title.lower())
    if weights is not None:
        load_pretrained(model, weights, weights_sha256, architecture.presets.get(size))
    return model


def _pooled(tokens: Any, pooling: str | None, special: int) -> Any:
    """Pool the tokens of the patches, or return all tokens for None."""
    if pooling is None:
        return tokens
    average = pooling == "avg"
    kind = keras.layers.GlobalAveragePooling1D if average else keras.layers.GlobalMaxPooling1D
    # Tokens are channels last whatever the format of images.
    return kind(data_format="channels_last", name=f"{pooling}_pool")(tokens[:, special:])


def _changed(size: TransformerSize, width: float, *given: int | None) -> TransformerSize:
    """Return the size with the given numbers, where not None, and multiplied by the width."""
    names = [one.name for one in fields(TransformerSize)]
    changes = {
        name: positive_int(name, value)
        for name, value in zip(names, given, strict=True)
        if value is not None
    }
    size = replace(size, **changes)
    if size.hidden_dim % size.heads:
        raise ValueError(
            f"heads must divide hidden_dim, got {size.heads} heads for hidden_dim "
            f"{size.hidden_dim}."
        )
    hidden_dim = scaled(size.hidden_dim // size.heads, width) * size.heads
    return replace(size, hidden_dim=hidden_dim, mlp_dim=scaled(size.mlp_dim, width))


def _refuse_attention(attention: Any, network: str) -> None:
    # Tables and `models.build` pass `attention` to every network, also where it is None; with an
    # argument of that name a module meets this reason instead of a TypeError.
    if attention is not None:
        raise ValueError(
            f"attention must be None for {network}, got {attention!r}. The modules gate maps of "
            "rows, columns and channels; a transformer has tokens, which already attend to one "
            "another. Use a convolutional network such as resnet50 or vgg16."
        )
