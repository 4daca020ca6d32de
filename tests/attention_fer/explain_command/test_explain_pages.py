"""The command on folders of pictures: its pages, its arguments and its errors."""

import subprocess
import sys

import keras
import pytest
from keras import layers as kl

Image = pytest.importorskip("PIL.Image")

from attention_fer.common.imports import import_file  # noqa: E402
from attention_fer.explain import __main__ as run  # noqa: E402
from attention_fer.explain.command.pictures import find_pictures, spread  # noqa: E402

pytestmark = pytest.mark.slow  # builds networks


def test_a_folder_of_classes_becomes_a_page(stored, faces, tmp_path, capsys):
    assert run.main([str(stored), str(faces), "--out", str(tmp_path / "page.png")]) == 0
    said = capsys.readouterr().out
    assert "classes: dark, bright" in said and "model.json" in said
    assert "pictures: 6 of 6; each picture whole, without looking for a face" in said
    assert "pixels 0-255 (as recorded next to the model)" in said
    assert "6 pictures, grad-cam of layer se" in said
    with Image.open(tmp_path / "page.png") as page:
        assert page.width > 500


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
        (["{faces}", "{faces}"], "repeat its command with --save-models"),
        (["{model}/model.json", "{faces}"], ".keras file"),
        (["{model}", "{model}"], "No photograph in"),
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


def test_a_missing_library_is_named_with_what_to_install():
    code = "import sys; sys.modules['PIL'] = None\n"
    code += "from attention_fer.explain.__main__ import main; sys.exit(main(['m.keras', 'faces']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "PIL" in done.stderr and "attention-fer[preprocessing]" in done.stderr
