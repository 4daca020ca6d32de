"""`attention_scores` against NumPy, and on models that are loaded or hold the network inside."""

import keras
import numpy as np
import pytest
import transformer_reference as reference
from layer_probes import randomised
from test_vit import IMAGES, SQUARE, TINY

from attention_fer.explain.maps.rollout import attention_scores
from attention_fer.models import ConViT, DeiT, ViT


def check(found, expected, special, grid):
    assert [scores.special for scores in found] == special
    assert {scores.grid for scores in found} == {grid}
    for scores, truth in zip(found, expected, strict=True):
        assert scores.weights.dtype == np.float32
        np.testing.assert_allclose(scores.weights, truth, atol=1e-5)
        np.testing.assert_allclose(scores.weights.sum(axis=-1), 1, rtol=1e-5)


def test_of_vit_and_deit():
    vit = randomised(ViT(**TINY), seed=1, scale=0.5)
    check(attention_scores(vit, IMAGES), reference.vit(vit, IMAGES, 2)[1], [1, 1], (2, 3))
    deit = randomised(DeiT(**TINY), seed=1, scale=0.5)
    check(attention_scores(deit, IMAGES), reference.deit(deit, IMAGES, 2)[1], [2, 2], (2, 3))


def test_of_convit_whose_gated_layers_have_no_class_token():
    model = randomised(ConViT(**SQUARE), seed=1, scale=0.5)
    images = np.random.default_rng(0).normal(size=(2, 12, 12, 1)).astype("float32")
    expected = reference.convit(model, images, layers=3, heads=4)[1]
    found = attention_scores(model, images)
    check(found, expected, [0, 1, 1], (3, 3))
    assert [scores.layer for scores in found][:2] == [
        "transformer_block_1_gpsa",
        "transformer_block_2_mhsa",
    ]


def test_of_a_loaded_network_inside_another_model(tmp_path):
    network = randomised(ViT(**TINY), seed=1, scale=0.5)
    expected = attention_scores(network, IMAGES)
    pixels = keras.Input((8, 12, 2))
    outer = keras.Model(pixels, network(keras.layers.Rescaling(0.5)(pixels)))
    outer.save(tmp_path / "outer.keras")
    loaded = keras.saving.load_model(tmp_path / "outer.keras")
    found = attention_scores(loaded, 2 * IMAGES)
    check(found, [scores.weights for scores in expected], [1, 1], (2, 3))


def test_the_model_is_as_it_was(tmp_path):
    model = ViT(**TINY)
    before = {id(layer): set(vars(layer)) for layer in model.layers}
    attention_scores(model, IMAGES)
    assert before == {id(layer): set(vars(layer)) for layer in model.layers}


def test_models_without_one_transformer_are_refused():
    pixels = keras.Input((8, 12, 2))
    plain = keras.Model(pixels, keras.layers.Flatten()(pixels))
    with pytest.raises(ValueError, match="no self-attention"):
        attention_scores(plain, IMAGES)
    both = [ViT(**TINY, name=name)(pixels) for name in ("one", "two")]
    with pytest.raises(ValueError, match=r"one transformer.* 2 layers"):
        attention_scores(keras.Model(pixels, keras.layers.Average()(both)), IMAGES)
