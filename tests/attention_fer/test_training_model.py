"""What a recipe makes of a network: its optimizer, and how it is compiled."""

import keras
import pytest

from attention_fer import models
from attention_fer.recipes import OPTIMIZERS, Recipe
from attention_fer.training.model import training_model
from attention_fer.training.optimizers import BUILDERS, optimizer

# Keras's JAX variables answer NumPy 2 with this warning.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
SMALL = {"input_shape": (32, 32, 1), "classes": 7, "width": 0.0625}


@pytest.mark.parametrize(
    ("backbone", "kind", "rate"),
    [("vgg16", keras.optimizers.Adam, 5e-4), ("resnet50v2", keras.optimizers.SGD, 0.05)],
)
def test_by_norm_takes_sgd_with_normalisation_and_adam_without(backbone, kind, rate):
    settings = Recipe(optimizer="by-norm", learning_rate=0.05)
    made = optimizer(settings, models.build(backbone, **SMALL))
    assert type(made) is kind
    assert float(made.learning_rate) == pytest.approx(rate)


def test_the_published_recipe_has_its_optimizer():
    made = optimizer(Recipe(), models.build("vgg16", **SMALL))
    assert type(made) is keras.optimizers.Adam
    assert float(made.learning_rate) == pytest.approx(1e-4)


def test_sgd_has_nesterov_momentum():
    made = optimizer(Recipe(optimizer="sgd"), models.build("vgg16", **SMALL))
    assert (made.momentum, made.nesterov) == (0.9, True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("adam", keras.optimizers.Adam),
        ("rmsprop", keras.optimizers.RMSprop),
        ("adagrad", keras.optimizers.Adagrad),
    ],
)
def test_the_others_have_the_defaults_of_keras_but_for_the_rate(name, kind):
    made = optimizer(Recipe(optimizer=name, learning_rate=0.02), models.build("vgg16", **SMALL))
    expected = kind(0.02).get_config()
    assert type(made) is kind
    assert {**made.get_config(), "name": ""} == {**expected, "name": ""}


def test_every_optimizer_of_the_recipes_can_be_made():
    assert {*BUILDERS, "by-norm"} == set(OPTIMIZERS)


def test_options_of_compile_reach_the_model():
    inner = models.build("vgg16", **SMALL)
    made = training_model(inner, Recipe())
    made.compile(jit_compile=False, steps_per_execution=4)
    model = made.model
    assert (model.jit_compile, model.steps_per_execution) == (False, 4)


@pytest.mark.skipif(keras.backend.backend() == "tensorflow", reason="cannot compile a zoom")
def test_a_zoom_does_not_keep_a_model_from_being_compiled():
    made = training_model(models.build("vgg16", **SMALL), Recipe(zoom=0.3))
    made.compile()
    assert made.model.jit_compile
