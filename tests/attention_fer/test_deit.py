"""DeiT: two tokens, two classifiers, and their mean."""

import keras
import numpy as np
import pytest
import transformer_reference as reference
from layer_probes import randomised, to_numpy
from test_vit import IMAGES, TINY, parameters

from attention_fer.models import DeiT


def test_it_computes_what_the_paper_says():
    model = randomised(DeiT(**TINY), seed=1, scale=0.3)
    expected, _ = reference.deit(model, IMAGES, layers=2)
    np.testing.assert_allclose(to_numpy(model(IMAGES)), expected, atol=1e-5)


def test_it_has_the_published_parameter_count():
    assert parameters(DeiT, "base") == 87_338_192


@pytest.mark.slow
def test_the_other_sizes_have_the_parameter_counts_of_timm():
    assert parameters(DeiT, "tiny") == 5_910_800
    assert parameters(DeiT, "small") == 22_436_432


def test_the_output_is_the_mean_of_two_classifiers_that_a_trainer_can_take():
    model = randomised(DeiT(**TINY), seed=1, scale=0.3)
    names = ("predictions", "distillation_predictions", "average")
    parts = keras.Model(model.input, [model.get_layer(name).output for name in names])
    by_class, by_distillation, mean = map(to_numpy, parts(IMAGES))
    np.testing.assert_allclose(by_distillation.sum(axis=-1), 1, rtol=1e-5)
    assert abs(by_class - by_distillation).max() > 0.01
    np.testing.assert_allclose(mean, (by_class + by_distillation) / 2, rtol=1e-6)


def test_without_an_activation_the_mean_is_that_of_the_logits():
    model = randomised(DeiT(**TINY, classifier_activation=None), seed=1, scale=0.3)
    logits = to_numpy(model(IMAGES))
    assert abs(logits.sum(axis=-1) - 1).min() > 0.01


def test_a_head_is_the_class_tokens_alone():
    model = DeiT(**TINY, head="five-dense")
    dense = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)]
    assert len([layer for layer in dense if layer.name.startswith("head_")]) == 4
    assert model.get_layer("predictions").kernel.shape[0] != TINY["hidden_dim"]
    assert model.get_layer("distillation_predictions").kernel.shape == (TINY["hidden_dim"], 3)
