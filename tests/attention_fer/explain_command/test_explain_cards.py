"""What the command says of each picture, on its card and as an answer."""

import csv
import json
import shutil

import keras
import numpy as np
import pytest
from keras import layers as kl

Image = pytest.importorskip("PIL.Image")

from explained import made  # noqa: E402

from attention_fer.explain import __main__ as run  # noqa: E402
from attention_fer.explain.command import model_file  # noqa: E402
from attention_fer.explain.command.explainer import Explainer  # noqa: E402
from attention_fer.explain.command.methods import METHODS, _gate_tile, percent  # noqa: E402
from attention_fer.explain.command.model_input import infer_input  # noqa: E402
from attention_fer.explain.command.pictures import find_pictures  # noqa: E402
from attention_fer.explain.drawing.overlay import apply_colormap  # noqa: E402

pytestmark = pytest.mark.slow  # builds networks


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


def raw(faces, outputs):
    """The explainer of the mean grey, of two pictures of it, as bare outputs."""
    shutil.rmtree(faces)
    faces.mkdir()
    for name, grey in (("a", 1), ("b", 3)):
        Image.fromarray(np.full((8, 8), grey, "uint8")).save(faces / f"{name}.png")
    x = keras.Input((8, 8, 1))
    y = kl.GlobalAveragePooling2D()(kl.Conv2D(1, 1, kernel_initializer="ones")(x))
    y = kl.Dense(outputs, use_bias=False, name="out")(y)
    model = keras.Model(x, y)
    model.get_layer("out").set_weights([np.eye(1, outputs, outputs - 1)])
    taken = infer_input(model, pixels="0-255")

    def explainer(logits=None):
        return Explainer(model, METHODS["grad-cam"], taken, None, [].append, logits=logits)

    return explainer, find_pictures(faces, pytest.fail)


@pytest.mark.parametrize("outputs", [1, 2])
def test_an_answer_does_not_depend_on_the_other_pictures_where_the_kind_is_known(faces, outputs):
    explainer, pictures = raw(faces, outputs)
    for chosen in (pictures, pictures[:1], pictures[::-1]):
        work = explainer(logits=True)
        work.cards(chosen)
        (answer,) = (one for one in work.answers if one.picture == "a.png")
        shares = list(answer.probabilities.values())
        np.testing.assert_allclose(shares, [1 / (1 + np.e), 1 / (1 + 1 / np.e)], rtol=1e-5)


@pytest.mark.parametrize("outputs", [1, 2])
def test_the_kind_of_the_outputs_is_concluded_once(faces, outputs):
    explainer, pictures = raw(faces, outputs)
    work = explainer()
    for page in (pictures, pictures[:1]):
        work.cards(page)
    first, _, again = (list(one.probabilities.values()) for one in work.answers)
    np.testing.assert_allclose(first, again, rtol=1e-6)
    work = explainer()
    work.cards(pictures[:1])
    with pytest.raises(ValueError, match='taken for probabilities.*"kind": "logits"'):
        work.cards(pictures[1:])


def test_percentages_are_certain_only_where_it_is_certain():
    shown = [percent(share) for share in (0, 0.001, 0.5, 0.999, 1)]
    assert shown == ["0 %", "< 1 %", "50 %", "> 99 %", "100 %"]


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
    assert list(rows) == list(listed) == sorted(rows)  # as on the page, readable or not
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
