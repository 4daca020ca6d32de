"""The command on real files: what it reads, assumes, says, writes and refuses."""

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers as kl

Image = pytest.importorskip("PIL.Image")

from attention_fer import models  # noqa: E402
from attention_fer.common.imports import import_file  # noqa: E402
from attention_fer.explain import __main__ as run  # noqa: E402
from attention_fer.explain.command import model_file, preparation  # noqa: E402
from attention_fer.explain.command.explainer import Explainer  # noqa: E402
from attention_fer.explain.command.methods import METHODS, _gate_tile, percent  # noqa: E402
from attention_fer.explain.command.model_input import infer_input  # noqa: E402
from attention_fer.explain.command.pictures import (  # noqa: E402
    find_pictures,
    prepared_pictures,
    read_picture,
    spread,
)
from attention_fer.explain.drawing.overlay import apply_colormap  # noqa: E402
from attention_fer.explain.maps.class_scores import ClassScores  # noqa: E402
from attention_fer.layers import SE  # noqa: E402
from attention_fer.recipes import Recipe  # noqa: E402
from attention_fer.training.model import training_model  # noqa: E402
from benchmarks.results.saved_model import save  # noqa: E402
from preprocessing import detectors  # noqa: E402
from preprocessing.dataset.folder import Dataset  # noqa: E402
from preprocessing.faces.cropper import FaceCropper  # noqa: E402
from preprocessing.prepare import prepare  # noqa: E402
from preprocessing.raw_files.files import UnreadableError  # noqa: E402
from preprocessing.sources import get  # noqa: E402

PORTRAIT = Path(__file__).parents[1] / "fixtures" / "astronaut.jpg"

pytestmark = pytest.mark.slow  # builds networks


def network():
    """Bright pictures are almost surely class 1, dark ones class 0; the gates are constant."""
    x = keras.Input((8, 8, 1), dtype="uint8", name="pixels")
    y = kl.Rescaling(1 / 255)(x)
    y = kl.Conv2D(2, 3, padding="same", kernel_initializer="ones", name="conv")(y)
    gate = SE(reduction_ratio=1, use_bias=True, name="se")
    y = gate(y)
    *rest, bias = gate.get_weights()
    gate.set_weights([*(0 * weight for weight in rest), bias + [0.3, -0.2]])
    y = kl.GlobalAveragePooling2D()(y)
    model = keras.Model(x, kl.Dense(2, activation="softmax", name="out")(y))
    model.get_layer("out").set_weights([np.array([[-1.5, 1.5]] * 2), np.array([5, -5.0])])
    return model


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cell")
    network().save(folder / "model.keras")
    card = {"classes": ["dark", "bright"], "input": "uint8 pixels"}
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")
    return folder


@pytest.fixture
def faces(tmp_path):
    rng = np.random.default_rng(0)
    for name, low in (("bright", 200), ("dark", 0)):
        (tmp_path / "faces" / name).mkdir(parents=True)
        for number in range(3):
            pixels = rng.integers(low, low + 40, (8, 8), "uint8")
            Image.fromarray(pixels).save(tmp_path / "faces" / name / f"{number}.png")
    return tmp_path / "faces"


def test_a_folder_of_classes_becomes_a_page(stored, faces, tmp_path, capsys):
    assert run.main([str(stored), str(faces), "--out", str(tmp_path / "page.png")]) == 0
    said = capsys.readouterr().out
    assert "classes: dark, bright" in said and "model.json" in said
    assert "pictures: 6 of 6; each picture whole, without looking for a face" in said
    assert "pixels 0-255 (as recorded beside the model)" in said
    assert "6 pictures, grad-cam of layer se" in said
    with Image.open(tmp_path / "page.png") as page:
        assert page.width > 500


def made(stored, names=("dark", "bright"), method="grad-cam"):
    told = []
    model = model_file.load_model(stored / "model.keras")
    names = list(names) if names else None
    return Explainer(model, METHODS[method], infer_input(model), names, told.append), told


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


def test_cards_say_what_is_true_and_predicted_and_why_one_is_missing(stored, faces):
    shutil.copy(faces / "bright" / "0.png", faces / "dark" / "wrong.png")
    (faces / "dark" / "broken.png").write_bytes(b"no picture")
    (faces / "other").mkdir()
    shutil.copy(faces / "dark" / "0.png", faces / "other" / "new.png")
    shutil.copy(faces / "dark" / "0.png", faces / "loose.png")
    work, told = made(stored)
    found = {card.name: card for card in work.cards(find_pictures(faces, told.append))}
    assert len(found) == 10
    texts = {name: card.text for name, card in found.items()}
    assert texts["dark/0.png"] == "true: dark\npredicted: dark > 99 %"
    assert texts["bright/0.png"] == "true: bright\npredicted: bright > 99 %"
    assert texts["dark/wrong.png"] == "true: dark\npredicted: bright > 99 %"
    assert texts["other/new.png"] == "in folder: other\npredicted: dark > 99 %"
    assert texts["loose.png"] == "\npredicted: dark > 99 %"
    assert "could not be read" in texts["dark/broken.png"]
    assert [len(found[name].tiles) for name in ("dark/0.png", "dark/wrong.png")] == [1, 2]
    assert len(told) == 2 and told[0].startswith("dark/broken.png could not be read")
    assert told[1] == "the folder 'other' is none of the classes: dark, bright"
    expected = np.asarray(Image.open(faces / "dark" / "1.png"))[..., None]
    np.testing.assert_array_equal(found["dark/1.png"].image, expected)
    # Brightness speaks for "bright" alone: for "dark" there is no map, and the tile says so.
    wrong, missed = found["dark/wrong.png"].tiles
    assert wrong.heat.max() == 1 and not missed.heat.any()
    assert missed.title == "for the true class:\ndark < 1 %: 0 everywhere"


def test_gates_show_the_modules_of_the_model(stored, faces):
    work, told = made(stored, names=None, method="gates")
    card = work.cards(find_pictures(faces, told.append))[0]
    (tile,) = card.tiles
    gates = work.model.get_layer("se").attention_maps
    expected = gates(work.model.get_layer("conv")(card.image[None] / np.float32(255)))["channel"]
    np.testing.assert_allclose(tile.bars, np.ravel(keras.ops.convert_to_numpy(expected)), 1e-4)
    assert card.text == "in folder: bright\npredicted: class 1 > 99 %"
    assert work.target == "se (1 of 1 modules)"


def test_a_damaged_file_ends_nothing_and_shows_in_the_status(stored, faces, tmp_path, capsys):
    (faces / "dark" / "broken.png").write_bytes(b"\x89PNG no picture")
    out = tmp_path / "page.png"
    assert run.main([str(stored), str(faces), "--out", str(out)]) == 1
    assert "1 of 7 files could not be read" in capsys.readouterr().err
    assert out.exists()
    for path in faces.rglob("*.png"):
        path.write_bytes(b"")
    assert run.main([str(stored), str(faces), "--out", str(tmp_path / "none.png")]) == 2
    assert "none of the files" in capsys.readouterr().err


def test_many_pictures_go_on_several_pages_and_a_limit_spreads(
    stored, faces, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(run, "PER_PAGE", 2)
    arguments = [str(stored), str(faces), "--out", str(tmp_path / "page.png"), "--limit", "3"]
    assert run.main(arguments) == 0
    pages = sorted(path.name for path in tmp_path.glob("*.png"))
    assert pages == ["page-1-of-2.png", "page-2-of-2.png"]
    assert "pictures: 3 of 6" in capsys.readouterr().out
    found = find_pictures(faces, pytest.fail)
    assert [one.name for one in spread(found, 2)] == ["bright/1.png", "dark/1.png"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{model}", "nowhere"], "No file or directory at nowhere"),
        (["nowhere.keras", "{faces}"], "No model at 'nowhere.keras'"),
        (["{model}/model.json", "{faces}"], ".keras file"),
        (["{model}", "{model}"], "No picture in"),
        (["{model}", "{faces}", "--layer", "konv"], "Did you mean 'conv'"),
        (["{model}", "{faces}", "--classes", "a", "b", "c"], "2 classes, got 3"),
        (["{model}", "{faces}", "--method", "grad-cm"], "Did you mean 'grad-cam'"),
        (["{model}", "{faces}", "--method", "rollout"], "no self-attention"),
        (["{model}", "{faces}", "--method", "rollout", "--layer", "a"], "no effect"),
        (["{model}", "{faces}", "--pixels", "255"], "Allowed: '0-255', '0-1'"),
        (["{model}", "{faces}", "--size", "9"], "8 x 8"),
        (["{model}", "{faces}", "--limit", "0"], "--limit"),
        (["{model}", "{faces}", "--out", "page.jpg"], ".png file"),
        (["{model}", "{faces}", "--import", "no_such_module"], "no_such_module"),
        (["{broken}", "{faces}"], "could not be read as a Keras model"),
    ],
)
def test_what_does_not_fit_ends_with_a_sentence(
    stored, faces, tmp_path, capsys, monkeypatch, arguments, words
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.keras").write_bytes(b"PK no archive")
    places = {"model": stored, "faces": faces, "broken": tmp_path / "broken.keras"}
    assert run.main([text.format(**places) for text in arguments]) == 2
    said = capsys.readouterr().err
    assert words in said.partition("error: ")[2]
    assert not list(tmp_path.glob("*.png"))


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


def test_pictures_of_every_kind_are_those_of_the_preparation(tmp_path):
    """Pixel by pixel what a dataset prepared from the same files holds."""
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (30, 40, 3), "uint8")
    grey, alpha = colour[..., 0], np.where(np.arange(40) < 20, 255, 80) * np.ones((30, 1), int)
    clear = np.dstack([colour, alpha]).astype("uint8")
    deep = (np.arange(1200).reshape(30, 40) * 54).astype("uint16")
    cmyk = Image.fromarray(colour).convert("CMYK")
    palette = Image.fromarray(colour).quantize(32)
    exif = Image.Exif()
    exif[274] = 6  # turn by a quarter, clockwise
    (tmp_path / "raw" / "happy").mkdir(parents=True)
    for name, picture, options in (
        ("grey.png", Image.fromarray(grey), {}),
        ("rgb.png", Image.fromarray(colour), {}),
        ("rgba.png", Image.fromarray(clear), {}),
        ("palette.png", palette, {"transparency": 3}),
        ("deep.png", Image.fromarray(deep), {}),
        ("turned.jpg", Image.fromarray(colour), {"exif": exif}),
        ("cmyk.jpeg", cmyk, {}),
        ("other.jfif", Image.fromarray(colour), {"format": "JPEG"}),
    ):
        picture.save(tmp_path / "raw" / "happy" / name, **options)
    found = {one.name: one for one in find_pictures(tmp_path / "raw", pytest.fail)}
    samples = list(get("folder").open(tmp_path / "raw", notice=[].append).items)
    assert len(samples) == len(found) == 8
    for colour_mode, channels, side in (("rgb", 3, 20), ("grey", 1, 20), ("grey", 1, 60)):
        for (row,) in FaceCropper(size=side, colour=colour_mode)(samples):
            pixels = read_picture(found[row.source], (side, side), channels)
            np.testing.assert_array_equal(pixels, row.image.reshape(pixels.shape), row.source)


def test_a_picture_is_read_as_it_looks(tmp_path):
    """The values by hand, so that both routes cannot be wrong together."""
    deep = np.linspace(0, 65535, 48).reshape(6, 8).astype("uint16")
    Image.fromarray(deep).save(tmp_path / "deep.png")
    colour = np.random.default_rng(0).integers(0, 256, (6, 8, 3), "uint8")
    Image.fromarray(colour).save(tmp_path / "colour.png")
    Image.fromarray(np.ones((6, 8), "float32")).save(tmp_path / "float.tiff")
    one, two, three = find_pictures(tmp_path, pytest.fail)
    found = read_picture(two, (6, 8), 1)[..., 0]
    np.testing.assert_array_equal(found, np.round(deep / 257))
    np.testing.assert_array_equal(read_picture(one, (6, 8), 3), colour)
    grey = read_picture(one, (6, 8), 1)[..., 0]
    np.testing.assert_allclose(grey, colour @ [0.299, 0.587, 0.114], atol=1)
    small = read_picture(one, (3, 4), 3)
    means = colour.reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(small, means, atol=0.51)
    with pytest.raises(UnreadableError) as caught:
        read_picture(three, (6, 8), 1)
    assert caught.value.reason == "floating-point image"


def test_pictures_of_a_folder_are_sorted_and_others_are_counted(tmp_path):
    for name in ("b/2.PNG", "b/deep/1.jpg", "a/notes.txt", ".hidden/x.png", "a/.x.png", "top.gif"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    told = []
    found = find_pictures(tmp_path, told.append)
    assert [one.name for one in found] == ["b/2.PNG", "b/deep/1.jpg", "top.gif"]
    assert [one.folder for one in found] == ["b", "b", ""]
    assert len(told) == 1 and told[0].startswith("1 file") and "a/notes.txt" in told[0]
    assert find_pictures(tmp_path / "top.gif", pytest.fail)[0].name == "top.gif"
    assert find_pictures(tmp_path / "a" / "notes.txt", pytest.fail)[0].name == "notes.txt"


def test_pictures_are_read_from_a_zip(tmp_path, faces):
    shutil.make_archive(str(tmp_path / "faces"), "zip", faces)
    packed = find_pictures(tmp_path / "faces.zip", pytest.fail)
    plain = find_pictures(faces, pytest.fail)
    assert [(one.name, one.folder) for one in packed] == [(one.name, one.folder) for one in plain]
    for one, other in zip(packed, plain, strict=True):
        pixels = read_picture(one, (8, 8), 1)
        np.testing.assert_array_equal(pixels, read_picture(other, (8, 8), 1))


def test_scores_are_shown_as_their_softmax_and_that_is_told(stored, faces):
    whole = model_file.load_model(stored / "model.keras")
    bare = kl.Dense(2, name="bare")
    logits = keras.Model(whole.input, bare(whole.get_layer("out").input))
    bare.set_weights([np.array([[0, 1], [0, 0.0]]), np.array([0, 0.0])])
    told = []
    work = Explainer(logits, METHODS["grad-cam"], infer_input(logits), ["a", "b"], told.append)
    card = work.cards(find_pictures(faces / "bright", told.append))[0]
    score = float(keras.ops.convert_to_numpy(logits(card.image[None]))[0, 1])
    assert score > 1
    assert card.text.endswith(f"b {percent(1 / (1 + np.exp(-score)))}")
    assert len(told) == 1 and "softmax" in told[0]


def test_percentages_are_certain_only_where_it_is_certain():
    shown = [percent(share) for share in (0, 0.001, 0.5, 0.999, 1)]
    assert shown == ["0 %", "< 1 %", "50 %", "> 99 %", "100 %"]


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
    assert any("one number, which counts as that of 'happy'" in text for text in told)


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


def test_folders_mean_classes_whatever_their_spelling(stored, faces, tmp_path):
    (faces / "bright").rename(faces / "Happiness ")
    (faces / "dark").rename(faces / "ANGER")
    work, told = made(stored, names=("angry", "happy"))
    work.cards(find_pictures(faces, told.append))
    assert [(one.picture.split("/")[0], one.true) for one in work.answers[::3]] == [
        ("ANGER", "angry"),
        ("Happiness ", "happy"),
    ]
    assert told == [
        "the folder 'ANGER' is the class 'angry'",
        "the folder 'Happiness ' is the class 'happy'",
    ]


def test_answers_are_written_as_csv_and_as_json(stored, faces, tmp_path):
    (faces / "dark" / "broken.png").write_bytes(b"no picture")
    given = [str(stored), str(faces), "--out", str(tmp_path / "page.png"), "--answers"]
    for name in ("a.csv", "a.json"):
        assert run.main([*given, str(tmp_path / name)]) == 1
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as file:
        rows = {row["picture"]: row for row in csv.DictReader(file)}
    listed = {row["picture"]: row for row in json.loads((tmp_path / "a.json").read_text())}
    assert len(rows) == len(listed) == 7
    model = model_file.load_model(stored / "model.keras")
    pixels = np.asarray(Image.open(faces / "dark" / "1.png"))[None, ..., None]
    expected = keras.ops.convert_to_numpy(model(pixels))[0]
    row, other = rows["dark/1.png"], listed["dark/1.png"]
    found = [float(row["p_dark"]), float(row["p_bright"])]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    np.testing.assert_allclose(list(other["probabilities"].values()), expected, rtol=1e-5)
    assert (row["true"], row["predicted"], row["problem"]) == ("dark", "dark", "")
    assert rows["dark/broken.png"]["predicted"] == ""
    assert "could not be read" in rows["dark/broken.png"]["problem"]
    assert "could not be read" in listed["dark/broken.png"]["problem"]


def test_a_prepared_dataset_is_read_from_its_images(stored, tmp_path, capsys):
    prepare("schematic", None, tmp_path / "data", subjects=6, per_subject=7, sheets=True)
    data = Dataset.open(tmp_path / "data")
    model = keras.Sequential(
        [
            keras.Input(data.images.shape[1:], dtype="uint8"),
            kl.Rescaling(1 / 255),
            kl.Conv2D(2, 3),
            kl.GlobalAveragePooling2D(),
            kl.Dense(len(data.classes), activation="softmax"),
        ]
    )
    model.save(tmp_path / "m.keras")
    given = [str(tmp_path / "m.keras"), str(tmp_path / "data"), "--limit", "4"]
    given += ["--classes", *data.classes, "--answers", str(tmp_path / "a.json")]
    assert run.main([*given, "--out", str(tmp_path / "page.png")]) == 0
    said = capsys.readouterr()
    test = int((data.splits == "test").sum())
    assert f"pictures: 4 of {test}; as prepared" in said.out
    assert f"test part, {test} of {len(data)} images" in said.err
    names = list(data.sources)
    answers = json.loads((tmp_path / "a.json").read_text())
    assert len(answers) == 4
    for answer in answers:
        row = names.index(answer["picture"])
        assert answer["true"] == data.classes[data.labels[row]]
        expected = keras.ops.convert_to_numpy(model(data.images[row][None]))[0]
        np.testing.assert_allclose(list(answer["probabilities"].values()), expected, rtol=1e-4)


@pytest.fixture
def photographs(tmp_path):
    """A portrait twice, a smaller one, and a picture without a face."""
    folder = tmp_path / "photographs" / "happy"
    folder.mkdir(parents=True)
    with Image.open(PORTRAIT) as picture:
        picture.save(folder / "a.png")
        picture.resize((256, 256)).save(folder / "b.png")
    Image.fromarray(np.zeros((200, 200), "uint8")).save(folder / "none.png")
    return tmp_path / "photographs"


def test_photographs_are_cropped_as_the_data_of_the_network_were(photographs, tmp_path, capsys):
    cropper = FaceCropper(detectors.make("cascade", neighbours=3), margin=0.25, square=True)
    prepare("folder", photographs, tmp_path / "data", faces=cropper, notice=[].append)
    data = Dataset.open(tmp_path / "data")
    assert len(data) == 2
    x = keras.Input((48, 48, 1), dtype="uint8")
    y = kl.GlobalAveragePooling2D()(kl.Conv2D(2, 3)(kl.Rescaling(1 / 255)(x)))
    model = keras.Model(x, kl.Softmax()(y))
    save(model, tmp_path, ["angry", "happy"], data.manifest["parameters"]["faces"])
    answers = tmp_path / "a.json"
    given = [str(tmp_path), str(photographs), "--answers", str(answers)]
    given += ["--out", str(tmp_path / "page.png")]
    assert run.main(given) == 1
    said = capsys.readouterr()
    assert "the largest face of each picture, found by cascade (margin 0.25, square)" in said.out
    found = {one["picture"]: one for one in json.loads(answers.read_text())}
    assert "no face found" in found["happy/none.png"]["problem"]
    for row, name in enumerate(data.sources):
        expected = keras.ops.convert_to_numpy(model(data.images[row][None]))[0]
        shares = list(found[name]["probabilities"].values())
        np.testing.assert_allclose(shares, expected, rtol=1e-5)
    assert run.main([*given, "--whole"]) == 0
    assert "each picture whole, without looking for a face" in capsys.readouterr().out
    whole = {one["picture"]: one for one in json.loads(answers.read_text())}
    assert whole["happy/a.png"]["probabilities"] != found["happy/a.png"]["probabilities"]


def test_another_detector_than_the_recorded_one_is_told():
    recorded = FaceCropper(detectors.make("cascade"), select="all").describe()
    told = []
    made = preparation.cropper(recorded, told.append)
    assert made.select == "largest" and told == []
    assert {**made.describe(), "select": "all"} == recorded
    recorded["detector"]["sha256"] = "0" * 64
    preparation.cropper(recorded, told.append)
    assert "cascade has other weights" in told[0]
    whole = FaceCropper(size=20).describe()
    assert preparation.cropper(whole, pytest.fail).detector is None
    assert "whole, as the network's data" in preparation.describe(whole)


def test_of_a_divided_dataset_the_test_part_is_shown(tmp_path):
    prepare("schematic", None, tmp_path / "data", subjects=6, per_subject=7)
    data = Dataset.open(tmp_path / "data")
    rows = np.flatnonzero(data.splits == "test")
    found = prepared_pictures(tmp_path / "data", [].append)
    assert [one.name for one in found] == list(data.sources[rows])
    np.testing.assert_array_equal(found[0].load(), data.images[rows[0]][..., 0])
    undivided = replace(data, splits=np.full(len(data), "", object))
    told = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Dataset, "open", classmethod(lambda cls, path: undivided))
        assert len(prepared_pictures(tmp_path / "data", told.append)) == len(data)
    assert "all images, 42 of 42" in told[0]


def test_a_damaged_dataset_is_not_taken_for_a_folder_of_pictures(stored, tmp_path, capsys):
    prepare("schematic", None, tmp_path / "data", subjects=6, per_subject=7, sheets=True)
    (tmp_path / "data" / "images.npy").unlink()
    given = [str(stored), str(tmp_path / "data"), "--out", str(tmp_path / "page.png")]
    assert run.main(given) == 2
    assert "images.npy is missing" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("low", "high", "title"),
    [
        (0.9990851, 0.9990864, "spatial 0.9991, constant"),
        (0.5, 0.503, "spatial 0.5015, constant"),
        (0.5, 0.52, "spatial 0.5 to 0.52"),
        (0.0, 1.0, "spatial 0 to 1"),
    ],
)
@pytest.mark.parametrize("most", (1.0, 2.0))
def test_gates_have_the_colours_of_their_own_scale(low, high, title, most):
    gate = np.linspace(low, high, 64, dtype="float32").reshape(8, 8) * most
    tile = _gate_tile("spatial", "block/cbam", gate, (0.0, most))
    np.testing.assert_allclose(tile.heat, gate / most)
    colours = apply_colormap(tile.heat).astype(int)
    spread = int(np.ptp(colours, axis=(0, 1)).max())
    assert (spread <= 3) == ("constant" in title)
    if most == 1:
        assert tile.title == f"{title}\ncbam"


FAULTY = """
import keras


@keras.saving.register_keras_serializable("faulty")
class Faulty(keras.layers.Layer):
    def call(self, x):
        {fault}
        return x
"""
RAISES = "raise ValueError('the wheel is off')"


@pytest.mark.parametrize("fault", (RAISES, f"if x.shape[0]: {RAISES}"), ids=("loaded", "run"))
def test_an_error_names_its_cause_alone(tmp_path, faces, capsys, fault):
    (tmp_path / "faulty.py").write_text(FAULTY.format(fault="pass"))
    faulty = import_file(tmp_path / "faulty.py").Faulty
    x = keras.Input((8, 8, 1))
    y = kl.GlobalAveragePooling2D()(kl.Conv2D(2, 3)(faulty(name="f")(x)))
    keras.Model(x, kl.Softmax()(y)).save(tmp_path / "m.keras")
    (tmp_path / "faulty.py").write_text(FAULTY.format(fault=fault))
    given = [str(tmp_path / "m.keras"), str(faces), "--out", str(tmp_path / "page.png")]
    assert run.main([*given, "--import", str(tmp_path / "faulty.py")]) == 2
    said = capsys.readouterr().err
    assert "the wheel is off (in Faulty.call())" in said
    assert "Arguments received" not in said and "Exception encountered" not in said


def test_unknown_layers_are_answered_with_each_name_once(stored, faces, tmp_path, capsys):
    given = [str(stored), str(faces), "--out", str(tmp_path / "page.png"), "--layer", "nonsense"]
    assert run.main(given) == 2
    allowed = capsys.readouterr().err.partition("Allowed: ")[2].rstrip(".\n").split(", ")
    assert len(allowed) == len(set(allowed)) > 3


def test_outputs_of_one_name_are_told_apart_by_number():
    x = keras.Input((4,))
    inner = keras.Model(x, [keras.layers.Dense(n, activation="softmax")(x) for n in (2, 5)])
    y = keras.Input((4,))
    outer = keras.Model(y, inner(y))
    with pytest.raises(ValueError, match="Several outputs are called"):
        ClassScores(outer, inner.name)
    assert ClassScores(outer, 1).probabilities(np.zeros((2, 4), "float32")).shape == (2, 5)


def test_a_missing_library_is_named_with_what_to_install():
    code = "import sys; sys.modules['cv2'] = None\n"
    code += "from attention_fer.explain.__main__ import main; sys.exit(main(['m.keras', 'faces']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "cv2" in done.stderr and "attention-fer[preprocessing]" in done.stderr
