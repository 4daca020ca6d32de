"""Attention rollout against matrices multiplied by hand, token by token."""

import keras
import numpy as np
import pytest

from attention_fer import models
from attention_fer.explain import rollout
from attention_fer.explain.maps.rollout import AttentionScores, attention_scores, roll_out

pytestmark = pytest.mark.slow  # builds networks


def scores(*heads, special, grid):
    """One image; each head a matrix."""
    return AttentionScores("layer", np.array([heads], "float32"), special, grid)


def test_two_layers_by_hand():
    # Class token and two patches. Halved and with half the identity added:
    # first  [.75 .25 0; 0 1 0; 0 .5 .5], second [.5 0 .5; .25 .75 0; 0 0 1].
    first = scores(
        [[0.5, 0.5, 0], [0, 1, 0], [0, 1, 0]],
        [[0.5, 0.5, 0], [0, 1, 0], [0, 1, 0]],
        special=1,
        grid=(1, 2),
    )
    second = scores(
        [[0, 0, 1], [0, 1, 0], [0, 0, 1]],
        [[0, 0, 1], [1, 0, 0], [0, 0, 1]],
        special=1,
        grid=(1, 2),
    )
    # Class row of second @ first: .5 * [.75 .25 0] + .5 * [0 .5 .5].
    np.testing.assert_allclose(roll_out([first, second]), [[[0.375, 0.25]]])
    # The other way round: .75 * [.5 0 .5] + .25 * [.25 .75 0].
    np.testing.assert_allclose(roll_out([second, first]), [[[0.1875, 0.375]]])


def random(seed, images, heads, special, grid):
    raw = np.random.default_rng(seed).random((images, heads, *[special + grid[0] * grid[1]] * 2))
    return AttentionScores(
        str(seed), (raw / raw.sum(-1, keepdims=True)).astype("float32"), special, grid
    )


def flow(layers, token, special):
    """What a token is made of, followed from the last layer down, one token at a time."""
    tokens = special + layers[0].grid[0] * layers[0].grid[1]
    share = np.zeros((len(layers[0].weights), tokens))
    share[:, token] = 1
    for layer in reversed(layers):
        absent = special - layer.special
        below = np.zeros_like(share)
        for image, head in enumerate(layer.weights.mean(axis=1)):
            for i in range(tokens):
                below[image, i] += 0.5 * share[image, i]
                if i < absent:
                    below[image, i] += 0.5 * share[image, i]
                    continue
                for j in range(absent, tokens):
                    below[image, j] += 0.5 * share[image, i] * head[i - absent, j - absent]
        share = below
    return share[:, special:].reshape(-1, *layers[0].grid)


def test_a_class_token_that_joins_late_and_a_grid_that_is_not_square():
    layers = [
        random(0, 2, 3, 0, (2, 3)),
        random(1, 2, 3, 0, (2, 3)),
        random(2, 2, 3, 1, (2, 3)),
        random(3, 2, 3, 1, (2, 3)),
    ]
    found = roll_out(layers)
    assert found.shape == (2, 2, 3)
    np.testing.assert_allclose(found, flow(layers, 0, 1), rtol=1e-6)


def test_class_and_distillation_token_and_their_mean():
    layers = [random(seed, 2, 2, 2, (2, 2)) for seed in range(3)]
    one, two = flow(layers, 0, 2), flow(layers, 1, 2)
    assert np.abs(one - two).max() > 0.01
    np.testing.assert_allclose(roll_out(layers, token=0), one, rtol=1e-6)
    np.testing.assert_allclose(roll_out(layers, token=1), two, rtol=1e-6)
    np.testing.assert_allclose(roll_out(layers), (one + two) / 2, rtol=1e-6)


def test_without_a_special_token_it_is_the_mean_of_all_patches():
    layers = [random(seed, 1, 2, 0, (2, 2)) for seed in range(2)]
    expected = np.mean([flow(layers, token, 0) for token in range(4)], axis=0)
    np.testing.assert_allclose(roll_out(layers), expected, rtol=1e-6)


def test_what_does_not_fit_is_refused():
    layers = [random(0, 1, 1, 1, (2, 2)), random(1, 1, 1, 1, (1, 4))]
    with pytest.raises(ValueError, match="one grid of patches"):
        roll_out(layers)
    with pytest.raises(ValueError, match="one grid of patches"):
        roll_out([])
    with pytest.raises(ValueError, match="token.*below 1.*got 1"):
        roll_out(layers[:1], token=1)


def planted():
    """A ViT whose tokens all look at the brightest patch, on a grid of 2 x 3."""
    sizes = {"hidden_dim": 4, "layers": 2, "heads": 1, "mlp_dim": 4, "patch_size": 4}
    model = models.ViT(input_shape=(8, 12, 1), classes=2, **sizes)
    for weight in model.weights:
        ones = weight.path.endswith("gamma")
        weight.assign(np.ones(weight.shape) if ones else np.zeros(weight.shape))
        if "patch_embedding/kernel" in weight.path:
            weight.assign(np.eye(1, 4) * np.ones((4, 4, 1, 1)) / 16)
        if "query/bias" in weight.path:
            weight.assign(np.eye(1, 4))
        if "key/kernel" in weight.path:
            weight.assign(20 * np.eye(4, 1)[:, :, None] * np.eye(1, 4)[None])
    return model


def test_a_vit_that_looks_at_the_brightest_patch():
    places = [(0, 0), (0, 2), (1, 1)]
    images = np.zeros((3, 8, 12, 1), "float32")
    for image, (row, column) in zip(images, places, strict=True):
        image[4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = 1
    found = rollout(planted(), images, batch_size=2)
    assert found.shape == images.shape[:3] and found.dtype == np.float32
    for one, (row, column) in zip(found, places, strict=True):
        # Of the token's 1 a half goes there in each layer; the other patches get next to nothing.
        highest = divmod(int(one.argmax()), 12)
        assert (highest[0] // 4, highest[1] // 4) == (row, column)
        others = {(r, c) for r in range(2) for c in range(3)} - {(row, column)}
        edges = [one[7 * r, (0, 5, 11)[c]] for r, c in others if abs(c - column) > 1]
        assert np.max(edges, initial=0) < 1e-4


@pytest.mark.parametrize(("name", "special"), [("deit", 2), ("convit", 1)])
def test_the_other_transformers_and_a_model_around_one(name, special):
    sizes = {"hidden_dim": 8, "layers": 3, "heads": 4, "mlp_dim": 8, "patch_size": 4, "seed": 1}
    inner = models.build(name, input_shape=(8, 8, 1), classes=2, **sizes)
    pixels = keras.Input((8, 8, 1), dtype="uint8")
    model = keras.Model(pixels, inner(keras.layers.Rescaling(1 / 25)(pixels)))
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), "uint8")
    layers = attention_scores(model, images)
    expected = np.mean([flow(layers, token, special) for token in range(special)], axis=0)
    found = rollout(model, images)
    corners = found[:, [0, 0, 7, 7], [0, 7, 0, 7]]
    expected = expected.reshape(3, 4)
    # The corners of a map of 2 x 2 keep its values.
    np.testing.assert_allclose(corners, expected / expected.max(axis=1, keepdims=True), rtol=1e-5)


def test_a_network_without_attention_is_refused():
    plain = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match="no self-attention"):
        rollout(plain, np.zeros((1, 8, 8, 1), "float32"))
