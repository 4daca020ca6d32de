"""ConViT against NumPy, and its gated layer against the convolution that it begins as."""

import keras
import numpy as np
import pytest
import transformer_reference as reference
from layer_probes import randomised, to_numpy, without_values
from test_vit import SQUARE, parameters

from attention_fer.models import ConViT
from attention_fer.models.parts.self_attention import (
    GatedPositionalSelfAttention,
    SelfAttention,
)

pytestmark = pytest.mark.slow  # builds networks

IMAGES = np.random.default_rng(0).normal(size=(2, 12, 12, 1)).astype("float32")


def test_it_computes_what_the_paper_says():
    model = randomised(ConViT(**SQUARE), seed=1, scale=0.3)
    expected, _ = reference.convit(model, IMAGES, layers=3, heads=4)
    np.testing.assert_allclose(to_numpy(model(IMAGES)), expected, atol=1e-5)


def test_it_has_the_published_parameter_count():
    assert parameters(ConViT, "base") == 86_540_040


@pytest.mark.slow
def test_the_other_sizes_have_the_parameter_counts_of_timm():
    assert parameters(ConViT, "tiny") == 5_710_512
    assert parameters(ConViT, "small") == 27_777_322


def test_all_blocks_but_the_last_two_are_gated():
    with without_values():
        model = ConViT()
    names = [layer.name for layer in model.layers if isinstance(layer, SelfAttention)]
    gated = [f"transformer_block_{number}_gpsa" for number in range(1, 11)]
    assert names == [*gated, "transformer_block_11_mhsa", "transformer_block_12_mhsa"]


def test_a_sharp_closed_layer_is_a_convolution():
    """Nine heads, each with its ninth of the channels at one place of a 3 x 3 window."""
    layer = GatedPositionalSelfAttention(9, locality_strength=50.0)
    tokens = np.random.default_rng(0).normal(size=(2, 25, 18)).astype("float32")
    layer(tokens)
    layer.gate.assign(np.full(9, 50.0))
    kernel = np.zeros((3, 3, 18, 18), "float32")
    projection = to_numpy(layer.projection.kernel)
    for head in range(9):
        channels = slice(2 * head, 2 * head + 2)
        # The head's place: columns first, as in the authors' code.
        kernel[head % 3, head // 3, channels] = projection[channels]
    image = tokens.reshape(2, 5, 5, 18)
    expected = keras.ops.conv(image, kernel, padding="valid", data_format="channels_last")
    found = to_numpy(layer(tokens)).reshape(2, 5, 5, 18)[:, 1:-1, 1:-1]
    np.testing.assert_allclose(found, to_numpy(expected), atol=1e-4)


def test_an_even_window_lies_around_the_patch():
    """Four heads: half a patch to each side, so that two patches share a head's attention."""
    layer = GatedPositionalSelfAttention(4)
    layer.build((None, 16, 8))
    np.testing.assert_allclose(
        to_numpy(layer.position_kernel), [[-1, -1, 1, 1], [-1, 1, -1, 1], [-1, -1, -1, -1]]
    )
    shares = to_numpy(layer.position_scores())[0, 5].reshape(4, 4)
    np.testing.assert_allclose(shares[0, 0], shares[1, 1], rtol=1e-5)
    assert shares[1, 1] > shares[2, 2]


def test_an_open_layer_is_self_attention():
    """A gate far below zero leaves the content alone."""
    gated, plain = GatedPositionalSelfAttention(4), SelfAttention(4)
    tokens = np.random.default_rng(0).normal(size=(2, 9, 8)).astype("float32")
    gated(tokens), plain(tokens)
    gated.gate.assign(np.full(4, -50.0))
    for name in ("query", "key", "value", "projection"):
        getattr(plain, name).set_weights(getattr(gated, name).get_weights())
    np.testing.assert_allclose(to_numpy(gated(tokens)), to_numpy(plain(tokens)), atol=1e-6)


def test_the_layers_keep_their_configuration():
    layer = GatedPositionalSelfAttention(9, locality_strength=2.0, kernel_initializer="he_normal")
    copy = GatedPositionalSelfAttention.from_config(layer.get_config())
    assert (copy.heads, copy.locality_strength) == (9, 2.0)
    assert isinstance(copy.kernel_initializer, keras.initializers.HeNormal)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"input_shape": (8, 12, 1)}, "patches.*square number.*6"),
        ({"heads": 2}, r"heads.*square number.*2.*1 and 4"),
        ({"layers": 2}, "layers.*at least 3.*2"),
        ({"weights": "imagenet"}, "weights.*no ImageNet"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ConViT(**{**SQUARE, **options})
