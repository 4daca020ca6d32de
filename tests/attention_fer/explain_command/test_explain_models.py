"""Which models the command explains, and what it learns from the files beside them."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest
from explained import network
from keras import layers as kl

from attention_fer import models
from attention_fer.explain import __main__ as run
from attention_fer.explain.command import model_file
from attention_fer.explain.command.explainer import Explainer
from attention_fer.explain.command.methods import METHODS
from attention_fer.explain.command.model_input import infer_input
from attention_fer.explain.command.pictures import find_pictures
from attention_fer.explain.maps.class_scores import ClassScores
from attention_fer.recipes import Recipe
from attention_fer.training.model import training_model

pytestmark = pytest.mark.slow  # builds networks


def test_a_model_that_averages_over_mirror_images_is_explained_for_the_picture(
    faces, tmp_path, capsys
):
    network = models.SmallResNet(input_shape=(16, 16, 1), classes=2, width=0.25, attention="eca")
    recipe = Recipe(crop_size=16, flip_average=True)
    training_model(network, recipe, image_shape=(20, 20, 1)).predictor.save(tmp_path / "m.keras")
    for method, said in (("grad-cam", "small_resnet/stage3_block2_out"), ("gates", "6 pictures")):
        out = str(tmp_path / f"{method}.png")
        given = [str(tmp_path / "m.keras"), str(faces), "--out", out, "--method", method]
        assert run.main(given) == 0
        shown = capsys.readouterr()
        assert said in shown.out and "20 x 20" in shown.out and "mirror image" in shown.err
    loaded = model_file.load_model(tmp_path / "m.keras")
    one = model_file.without_mirror_images(loaded)
    assert model_file.without_mirror_images(one) is one
    pixels = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 1), "uint8")
    views = [np.asarray(keras.ops.convert_to_numpy(one(x))) for x in (pixels, pixels[:, :, ::-1])]
    whole = keras.ops.convert_to_numpy(loaded(pixels))
    np.testing.assert_allclose(whole, np.mean(views, 0), atol=1e-6)


def test_a_file_with_the_models_own_name_tells_its_classes(tmp_path):
    for name, classes in (("mine", ["a", "b"]), ("model", ["c", "d"])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"classes": classes}))
    for name, classes, told in (("mine", ["a", "b"], "mine"), ("other", ["c", "d"], "model")):
        content, beside = model_file.read_metadata(tmp_path / f"{name}.keras")
        assert content["classes"] == classes and beside == tmp_path / f"{told}.json"


OWN = """
import keras
from attention_fer import layers


@layers.register("quarters")
class Quarters(layers.AttentionModule):
    def gates(self, inputs, training=None):
        mean = keras.ops.mean(inputs, axis=self.spatial_axes, keepdims=True)
        return {"channel": keras.ops.ones_like(mean) / 4}
"""


def test_a_users_module_is_loaded_from_its_file(faces, tmp_path):
    (tmp_path / "own_quarters.py").write_text(OWN)
    make = "import keras, own_quarters\nx = keras.Input((8, 8, 1))\n"
    make += "y = own_quarters.Quarters()(x)\ny = keras.layers.Conv2D(2, 3)(y)\n"
    make += "y = keras.layers.GlobalAveragePooling2D()(y)\n"
    make += "keras.Model(x, keras.layers.Softmax()(y)).save('own.keras')"
    subprocess.run([sys.executable, "-c", make], cwd=tmp_path, check=True)
    arguments = [str(tmp_path / "own.keras"), str(faces), "--out", str(tmp_path / "page.png")]
    assert run.main(arguments) == 2
    assert run.main([*arguments, "--import", str(tmp_path / "own_quarters.py")]) == 0
    assert (tmp_path / "page.png").is_file()


def test_a_model_that_would_run_code_is_not_read(tmp_path):
    x = keras.Input((8, 8, 1))
    keras.Model(x, kl.Lambda(lambda y: y + 1)(x)).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="could not be read as a Keras model"):
        model_file.load_model(tmp_path / "model.keras")


def test_classes_come_from_the_file_beside_the_model_or_from_any_other(tmp_path):
    model = tmp_path / "model.keras"
    assert model_file.read_metadata(model) == ({}, None)
    (tmp_path / "manifest.json").write_text('{"classes": ["a", "b"], "n": 1}', encoding="utf-8")
    assert model_file.read_metadata(model)[0]["classes"] == ["a", "b"]
    (tmp_path / "classes.json").write_text('["c", "d"]', encoding="utf-8")
    assert model_file.read_metadata(model) == ({"classes": ["c", "d"]}, tmp_path / "classes.json")
    names = tmp_path / "names.txt"
    names.write_text("e\n\nf g\n", encoding="utf-8")
    assert model_file.class_names([str(names)]) == ["e", "f g"]
    assert model_file.class_names([str(tmp_path / "manifest.json")]) == ["a", "b"]
    assert model_file.class_names(["x", "y"]) == ["x", "y"]
    for text in ('{"classes": [1, 2]}', '["a", "a"]', "[]"):
        (tmp_path / "classes.json").write_text(text, encoding="utf-8")
        with pytest.raises(ValueError, match="list of different names"):
            model_file.class_names([str(tmp_path / "classes.json")])
    (tmp_path / "model.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="JSON"):
        model_file.read_metadata(model)


def float_model(*first, shape=(8, 8, 1)):
    x = keras.Input(shape)
    y = x
    for layer in first:
        y = layer(y)
    return keras.Model(x, kl.Conv2D(1, 1)(y))


def test_the_size_and_the_channels_are_the_models():
    assert infer_input(float_model(shape=(6, 8, 3))).size == (6, 8)
    assert infer_input(float_model(shape=(None, None, 3)), size=7).size == (7, 7)
    with pytest.raises(ValueError, match="--size N"):
        infer_input(float_model(shape=(None, None, 3)))
    with pytest.raises(ValueError, match="1 or 3 channels"):
        infer_input(float_model(shape=(8, 8, 5)))
    two = [keras.Input((8, 8, 1)), keras.Input((8, 8, 1))]
    with pytest.raises(ValueError, match="one input"):
        infer_input(keras.Model(two, kl.Add()(two)))
    first = keras.Model(x := keras.Input((3, 6, 8)), kl.Permute((2, 3, 1))(x))
    first.layers[-1].data_format = "channels_first"
    taken = infer_input(first)
    assert taken.size == (6, 8) and taken.batch(np.zeros((2, 6, 8, 3), "uint8")).shape[1] == 3


@pytest.mark.slow
def test_a_transformer_is_explained_by_its_rollout(faces, tmp_path, capsys):
    sizes = {"hidden_dim": 8, "layers": 3, "heads": 4, "mlp_dim": 8, "patch_size": 4}
    models.ConViT(input_shape=(8, 8, 3), classes=2, **sizes).save(tmp_path / "convit.keras")
    given = [str(tmp_path / "convit.keras"), str(faces), "--out", str(tmp_path / "page.png")]
    assert run.main(given) == 2
    assert "--method rollout" in capsys.readouterr().err
    assert run.main([*given, "--method", "rollout"]) == 0
    assert "RGB, pixels 0-1 (assumed: nothing before 'patch_embedding'" in capsys.readouterr().out


def sigmoid_model(activation="sigmoid", classes=1):
    """`network` with one output, or with the same decision as a softmax over two."""
    base = network()
    head = kl.Dense(classes, activation=activation, name="one")
    model = keras.Model(base.input, head(base.get_layer("out").input))
    weight, bias = np.array([[1.5], [1.0]]), np.array([-4.0])
    if classes == 2:
        weight, bias = np.hstack([-weight / 2, weight / 2]), np.hstack([-bias / 2, bias / 2])
    head.set_weights([weight, bias])
    return model


@pytest.mark.parametrize("activation", ("sigmoid", None))
def test_one_number_is_explained_as_two_classes(faces, activation):
    said = []
    for model in (sigmoid_model(activation), sigmoid_model("softmax", classes=2)):
        told = []
        names = ["sad", "happy"]
        work = Explainer(model, METHODS["grad-cam"], infer_input(model), names, told.append)
        cards = work.cards(find_pictures(faces, told.append))
        said.append((cards, work.answers, told))
    (cards, answers, told), (expected, others, _) = said
    assert {one.predicted for one in answers} == {"sad", "happy"}
    for one, other in zip(answers, others, strict=True):
        assert one.predicted == other.predicted
        shares = [list(answer.probabilities.values()) for answer in (one, other)]
        np.testing.assert_allclose(*shares, rtol=1e-5)
    for card, other in zip(cards, expected, strict=True):
        assert card.text == other.text
        np.testing.assert_allclose(card.tiles[0].heat, other.tiles[0].heat, atol=1e-6)
    assert any("one output, which is taken as the score of 'happy'" in text for text in told)


@pytest.mark.parametrize("activation", ("sigmoid", "softmax"))
def test_a_subclassed_model_is_explained_by_the_command(faces, tmp_path, activation, capsys):
    outputs = 1 if activation == "sigmoid" else 2
    (tmp_path / f"own_{activation}.py").write_text(
        SUBCLASSED.format(activation=activation, outputs=outputs), encoding="utf-8"
    )
    make = f"import own_{activation} as own, numpy as np\nmodel = own.Own()\n"
    make += "model(np.zeros((1, 8, 8, 1)))\nmodel.save('own.keras')"
    subprocess.run([sys.executable, "-c", make], cwd=tmp_path, check=True)
    given = [str(tmp_path / "own.keras"), str(faces), "--out", str(tmp_path / "page.png")]
    assert run.main([*given, "--import", str(tmp_path / f"own_{activation}.py")]) == 0
    said = capsys.readouterr()
    assert "8 x 8, grey, pixels 0-255 (probed" in said.out and "layer conv" in said.out
    assert "does not end in a softmax" not in said.err and "their softmax" not in said.err


SUBCLASSED = """
import keras


@keras.saving.register_keras_serializable("own")
class Own(keras.Model):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.conv = keras.layers.Conv2D(4, 3, name="conv")
        self.out = keras.layers.Dense({outputs}, activation="{activation}")

    def call(self, x):
        return self.out(keras.ops.mean(self.conv(x / 255.0), axis=(1, 2)))
"""


def test_the_kind_of_the_outputs_is_read_beside_the_model(faces, tmp_path):
    x = keras.Input((8, 8, 1))
    y = kl.GlobalAveragePooling2D()(kl.Conv2D(1, 1, kernel_initializer="ones")(x))
    model = keras.Model(x, kl.Dense(1, kernel_initializer="zeros")(y))
    model.save(tmp_path / "net.keras")
    given = [str(tmp_path / "net.keras"), str(faces), "--out", str(tmp_path / "page.png")]
    given += ["--answers", str(tmp_path / "a.json"), "--pixels", "0-1"]
    for kind, share in (("logits", 0.5), ("probabilities", 0.0)):
        note = {"classes": ["dark", "bright"], "output": {"kind": kind}}
        (tmp_path / "net.json").write_text(json.dumps(note))
        assert run.main(given) == 0
        answers = json.loads((tmp_path / "a.json").read_text())
        assert {one["probabilities"]["bright"] for one in answers} == {share}


def test_outputs_of_one_name_are_told_apart_by_number():
    x = keras.Input((4,))
    inner = keras.Model(x, [keras.layers.Dense(n, activation="softmax")(x) for n in (2, 5)])
    y = keras.Input((4,))
    outer = keras.Model(y, inner(y))
    with pytest.raises(ValueError, match="Several outputs are called"):
        ClassScores(outer, inner.name)
    assert ClassScores(outer, 1).probabilities(np.zeros((2, 4), "float32")).shape == (2, 5)
