"""The command that makes a shipped network, on a cell of random weights and 140 made-up faces."""

import json
import shutil
from dataclasses import replace

import cv2
import keras
import numpy as np
import onnxruntime
import pytest
from fabricated import put_done, target
from scipy import optimize
from sklearn.linear_model import LogisticRegression

from attention_fer import models, pretrained, recipes
from attention_fer.common.files import sha256
from attention_fer.models import fer_small
from attention_fer.training.model import training_model
from benchmarks.plan.cell import Target
from benchmarks.plan.plan import Plan
from benchmarks.release import __main__ as command
from benchmarks.release import card, onnx_files, origin
from benchmarks.results import plan_file
from benchmarks.results.saved_model import save
from benchmarks.results.store import Store
from benchmarks.statistics.scores import BINS
from benchmarks.table import Row, Table
from preprocessing.prepare import prepare

pytest.importorskip("tf2onnx", reason="the extra release")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="exports by tf2onnx"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]
RECIPE = "fer-small-long"
N = {"Training": 70, "PublicTest": 40, "PrivateTest": 30}
COPIED = (3, 8)  # PrivateTest images that are also in Training and in PublicTest


def faces():
    """Rows of fer2013.csv: smooth noise whose brightness depends on the class."""
    rng = np.random.default_rng(0)
    made = {}
    for usage, count in N.items():
        labels = np.arange(count) % 7
        coarse = rng.integers(0, 110, (count, 6, 6)) + 20 * labels[:, None, None]
        made[usage] = labels, np.kron(coarse, np.ones((1, 8, 8), int))
    for place, usage in zip(COPIED, ("Training", "PublicTest"), strict=True):
        made["PrivateTest"][1][place] = made[usage][1][place]
    yield "emotion,pixels,Usage"
    for usage, (labels, images) in made.items():
        for label, image in zip(labels, images, strict=True):
            yield f"{label},{' '.join(map(str, image.ravel()))},{usage}"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fer")
    (folder / "fer2013.csv").write_text("\n".join(faces()) + "\n")
    return prepare("fer2013", folder / "fer2013.csv", folder / "fer2013", notice=str)


def part(dataset, name):
    rows = dataset.splits == name
    return np.asarray(dataset.images[rows]), dataset.labels[rows]


def predictor_of(network, dataset, seed=0, recipe=None):
    """The predictor of a cell: random features, and a classifier fitted to Training."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if len(weight.shape) == 1:
            low, high = (
                (0.5, 1) if "variance" in weight.path or "gamma" in weight.path else (-0.2, 0.2)
            )
            weight.assign(rng.uniform(low, high, weight.shape))
    images, labels = part(dataset, "train")
    x = (images[:, 2:46, 2:46] / 255 - 0.5077) / 0.2550
    features = keras.Model(network.input, network.get_layer("avg_pool").output)(x)
    fit = LogisticRegression(C=1, max_iter=2000).fit(np.asarray(features), labels)
    network.get_layer("predictions").set_weights([fit.coef_.T, fit.intercept_])
    return training_model(network, recipe or recipes.get(RECIPE), image_shape=(48, 48, 1)).predictor


def stored(root, dataset, network=None, seed=0):
    """A finished cell with its network, in `root`."""
    row = Row("small_resnet", "se", recipe=RECIPE)
    target = Target("fer2013", dataset.fingerprint, "official", ("",), dataset.classes)
    table = Table("attention", "Attention", (row,))
    plan = Plan(table, (target,), 2, "corrected", "tensorflow", asked=(("drop_copies", True),))
    one = plan.cells[seed]
    right = np.arange(N["PrivateTest"]) % 3 == 0
    metrics = {"epochs": 60, "validation_accuracy": 0.25 + seed / 100}
    found = put_done(Store(root), one, right, changes={"metrics": metrics})
    save(
        predictor_of(network or fer_small.network(seed=1), dataset, seed),
        found.path,
        dataset.classes,
    )
    plan_file.write(plan, root)
    return Store(root).read(one)


@pytest.fixture(scope="module")
def result(tmp_path_factory, dataset):
    return stored(tmp_path_factory.mktemp("runs") / "attention", dataset)


@pytest.fixture(scope="module")
def released(tmp_path_factory, dataset, result):
    """The folder that the command wrote."""
    out = tmp_path_factory.mktemp("out")
    (out / "fer-small").mkdir()
    (out / "fer-small" / "fer2013.float16.onnx").write_text("of an earlier release")
    arguments = [str(result.path), "--dataset", str(dataset.path), "--out", str(out)]
    assert command.main(arguments) == 0
    return out


@pytest.fixture(scope="module")
def raw(result):
    """What the cell's predictor says of images, float64."""
    predictor = keras.saving.load_model(result.path / "model.keras", compile=False)
    return lambda images: np.asarray(predictor(images), float)


@pytest.fixture(scope="module")
def network(released):
    return pretrained.find("fer-small", "fer2013", released)


def test_the_self_test_holds_tinted_drawings_and_what_the_network_says(network):
    with np.load(network.self_test) as content:
        pictures, stored = content["pictures"], content["probabilities"]
        assert tuple(content["classes"]) == fer_small.CLASSES
    assert pictures.shape == (3, 48, 48, 3) and pictures.dtype == np.uint8
    red, green, blue = pictures.reshape(-1, 3).mean(axis=0)
    assert red > 1.1 * green and green > 1.5 * blue
    grey = np.stack([cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures])
    found, _ = run_onnx(network.file("onnx"), grey[..., None])
    np.testing.assert_allclose(stored, found, atol=1e-6)


def run_onnx(path, images):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (entry,), (out, maps) = session.get_inputs(), session.get_outputs()
    assert (entry.name, out.name, maps.name) == ("pixels", "probabilities", "class_maps")
    assert entry.shape == ["batch", 48, 48, 1] and out.shape == ["batch", 7]
    assert maps.shape[0] == "batch" and maps.shape[3] == 7
    return session.run(None, {"pixels": images.astype("float32")})[0], session


def test_the_manifest_describes_the_files_that_are_there(released, network):
    folder = released / "fer-small"
    listed = {entry["file"] for entry in network.manifest["files"].values()}
    assert {"fer2013.keras", "fer2013.onnx"} < listed  # and a smaller one
    tested = network.manifest["self_test"]
    others = {"fer2013.json", "fer2013.md", tested["file"]}
    assert {p.name for p in folder.iterdir()} == listed | others
    for entry in (*network.manifest["files"].values(), tested):
        path = folder / entry["file"]
        assert (entry["bytes"], entry["sha256"]) == (path.stat().st_size, sha256(path))
    assert network.classes == fer_small.CLASSES and network.input_shape == (48, 48, 1)


def test_keras_and_onnx_are_the_cells_predictor_with_a_temperature(network, raw, dataset):
    images, _ = part(dataset, "test")
    powers = raw(images) ** (1 / network.manifest["temperature"])
    expected = powers / powers.sum(1, keepdims=True)
    assert expected.std(0).min() > 1e-3
    model = keras.saving.load_model(network.file("keras"))
    for pixels in (images, images.astype("float32")):
        np.testing.assert_allclose(np.asarray(model(pixels)), expected, atol=1e-5)
    got, session = run_onnx(network.file("onnx"), images)
    np.testing.assert_allclose(got, expected, atol=1e-5)
    one, _ = run_onnx(network.file("onnx"), images[:1])
    np.testing.assert_allclose(one, expected[:1], atol=1e-5)
    notes = session.get_modelmeta().custom_metadata_map
    assert tuple(json.loads(notes["classes"])) == network.classes
    described = network.manifest["class_maps"]
    assert (described["shape"], described["box"]) == ([None, 3, 3, 7], [2, 2, 44, 44])
    assert network.manifest["parameters"] == model.count_params() == 910_214
    small = network.file(next(form for form in network.forms if form not in ("keras", "onnx")))
    rough, session = run_onnx(small, images)
    assert np.abs(rough - expected).max() < 0.1 and session.get_modelmeta().custom_metadata_map
    assert small.stat().st_size < 0.6 * network.file("onnx").stat().st_size


def test_the_temperature_is_fitted_on_publictest(network, raw, dataset):
    images, labels = part(dataset, "validation")
    logs = np.log(raw(images))

    def loss(t):
        scores = logs / t
        return float(
            np.mean(np.log(np.exp(scores).sum(1)) - scores[np.arange(len(labels)), labels])
        )

    best = optimize.brute(loss, [(0.05, 20)], Ns=4000)
    assert network.manifest["temperature"] == pytest.approx(best[0], rel=1e-2)
    found = network.manifest["validation"]
    assert found["loss"] == pytest.approx(loss(network.manifest["temperature"]), abs=1e-5)
    assert found["before_temperature"]["loss"] == pytest.approx(loss(1.0), abs=1e-5)
    assert found["loss"] < found["before_temperature"]["loss"]


def calibration(probabilities, labels):
    total = 0.0
    for b in range(BINS):
        inside = [
            i for i, row in enumerate(probabilities) if b / BINS < row.max() <= (b + 1) / BINS
        ]
        if inside:
            right = np.mean([probabilities[i].argmax() == labels[i] for i in inside])
            sure = np.mean([probabilities[i].max() for i in inside])
            total += len(inside) / len(labels) * abs(right - sure)
    return total


def test_the_scores_are_those_of_the_shipped_network(network, dataset):
    images, labels = part(dataset, "test")
    got, _ = run_onnx(network.file("onnx"), images)
    right, found = got.argmax(1) == labels, network.manifest["test"]
    assert found["n"] == 30 and found["accuracy"] == pytest.approx(right.mean())
    z, p = 1.959964, right.mean()  # Wilson (1927)
    middle, half = p + z**2 / 60, z * np.sqrt(p * (1 - p) / 30 + z**2 / 3600)
    low, high = ((middle + sign * half) / (1 + z**2 / 30) for sign in (-1, 1))
    assert found["interval"] == pytest.approx([low, high], abs=1e-6)
    assert found["calibration_error"] == pytest.approx(calibration(got, labels), abs=1e-4)
    assert found["loss"] == pytest.approx(-np.log(got[np.arange(30), labels]).mean(), abs=1e-5)
    kept = [i for i in range(30) if i not in COPIED]
    assert found["without_copies"]["n"] == 28
    assert found["without_copies"]["accuracy"] == pytest.approx(right[kept].mean())
    for number, name in enumerate(network.classes):
        assert found["recall"][name] == pytest.approx(right[labels == number].mean())
        assert sum(found["confusion"][number]) == (labels == number).sum()
    forms = found["accuracy_by_form"]
    assert set(forms) == set(network.forms) and forms["onnx"] == found["accuracy"]


def test_each_form_has_a_calibration_of_its_own_in_the_manifest_and_on_the_card(
    released, network, dataset
):
    images, labels = part(dataset, "test")
    text = (released / "fer-small" / "fer2013.md").read_text()
    stated = network.manifest["test"]["quality_by_form"]
    assert set(stated) == set(network.forms) > {"keras", "onnx"}
    for form in set(network.forms) - {"keras"}:
        got, _ = run_onnx(network.file(form), images)
        expected = calibration(got, labels)
        assert stated[form]["calibration_error"] == pytest.approx(expected, abs=1e-4)
        picked = got[np.arange(len(labels)), labels].astype(float)
        assert stated[form]["loss"] == pytest.approx(-np.log(picked).mean(), abs=1e-5)
        if form != "onnx":
            row = f"| PrivateTest, after the temperature, {form} | {100 * expected:.2f} % |"
            assert row in text


def test_robustness_and_speed_are_measured(network, dataset):
    images, labels = part(dataset, "test")
    found = {(e["change"], e["strength"]): e["accuracy"] for e in network.manifest["robustness"]}
    dark = np.rint(images * 0.5).astype("float32")
    got, _ = run_onnx(network.file("onnx"), dark)
    assert found["brightness", "x 0.5"] == pytest.approx((got.argmax(1) == labels).mean())
    assert len(set(found.values())) > 3
    speed = network.manifest["speed"]
    assert {(e["form"], e["batch"]) for e in speed} >= {("onnx", 1), ("onnx", 64)}
    assert all(e["images_per_second"] > 1 for e in speed)


def test_the_card_is_the_manifest(released, network):
    text = (released / "fer-small" / "fer2013.md").read_text()
    assert card.render(network.manifest) == text
    test, training = network.manifest["test"], network.manifest["training"]
    assert f"{100 * test['accuracy']:.2f} %" in text and training["command"] in text
    headings = "Files Training Accuracy Calibration Robustness Speed Use Licences"
    for heading in headings.split():
        assert f"\n## {heading}\n" in text
    # Tables whose rows have as many cells as their head.
    for table in text.split("\n\n"):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1, table


def test_the_origin_is_that_of_the_cell(network, result):
    found = network.manifest["training"]
    assert found["seed"] == 0 and found["spec"] == json.loads(json.dumps(result.cell.spec))
    assert found["n_train"] == result.record["metrics"]["n_train"]
    words = found["command"].split()
    assert words[:3] == ["python", "-m", "benchmarks.run"]
    for pair in (("--recipe", RECIPE), ("--seeds", "2"), ("--set", "drop_copies=true")):
        assert words[words.index(pair[0]) + 1] == pair[1]


def test_the_command_of_the_card_is_understood(network):
    from benchmarks.run.arguments import parser

    options = parser().parse_args(network.manifest["training"]["command"].split()[3:])
    assert options.attentions == ["se"] and options.save_models and options.recipe == RECIPE


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["--profile", "full", "--seeds", "1", "--save-models"]),
        ({"variant": "published"}, ["--seeds", "1", "--variant", "published", "--save-models"]),
        ({"code": "0123456789"}, []),  # where the files of the user are is not known
    ],
)
def test_the_command_is_that_of_the_stored_plan(tmp_path, changes, words):
    table, of = (
        Table("attention", "Attention", (Row("vgg16"),)),
        {"variant": "corrected", **changes},
    )
    plan = Plan(table, (target(),), 1, backend="tensorflow", **of)
    plan_file.write(plan, tmp_path)
    found = put_done(Store(tmp_path), plan.cells[0], [True, False])
    command = origin._command(found).split()
    assert command[len(command) - len(words) :] == words and bool(command) == bool(words)


def test_a_folder_with_several_cells_needs_a_choice_and_lists_the_seeds(tmp_path, dataset):
    first, second = (stored(tmp_path, dataset, seed=seed) for seed in (0, 1))
    with pytest.raises(ValueError, match=f"one cell.*{second.path.name}"):
        origin.find_result(tmp_path)
    assert origin.find_result(second.path).cell == second.cell
    seeds = origin.training(second)["seeds"]
    assert [s["seed"] for s in seeds] == [0, 1]
    assert [s["validation_accuracy"] for s in seeds] == [0.25, 0.26]
    (first.path / "model.keras").unlink()
    assert origin.find_result(tmp_path).cell == second.cell


def copy_of(result, tmp_path):
    return shutil.copytree(result.path.parent, tmp_path / "runs") / result.path.name


def refused(folder, dataset, tmp_path, capsys):
    arguments = [str(folder), "--dataset", str(dataset.path), "--out", str(tmp_path / "out")]
    assert command.main(arguments) == 2
    assert not list((tmp_path / "out").glob("*/*"))
    return capsys.readouterr().err


def test_what_is_no_result_is_refused(dataset, tmp_path, capsys):
    assert "--save-models" in refused(tmp_path, dataset, tmp_path, capsys)


def test_classes_in_another_order_are_refused(result, dataset, tmp_path, capsys):
    folder = copy_of(result, tmp_path)
    names = [*fer_small.CLASSES[1:], fer_small.CLASSES[0]]
    (folder / "model.json").write_text(json.dumps({"classes": names}))
    assert "Classes of the model.json must be angry" in refused(folder, dataset, tmp_path, capsys)
    (folder / "model.json").write_text("{}")
    assert "must list the classes" in refused(folder, dataset, tmp_path, capsys)


def test_another_dataset_is_refused(result, dataset, tmp_path, capsys):
    other = shutil.copytree(dataset.path, tmp_path / "other")
    manifest = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps({**manifest, "fingerprint": "b" * 64}))
    given = type(dataset).open(other)
    assert "fingerprint" in refused(result.path, given, tmp_path, capsys)


def test_another_network_is_refused(result, dataset, tmp_path, capsys):
    folder = copy_of(result, tmp_path)
    other = models.SmallResNet(input_shape=(44, 44, 1), classes=7, attention="eca")
    save(predictor_of(other, dataset), folder, dataset.classes)
    assert "must be a fer-small" in refused(folder, dataset, tmp_path, capsys)


def test_another_front_is_refused(result, dataset, tmp_path, capsys):
    folder = copy_of(result, tmp_path)
    recipe = replace(recipes.get(RECIPE), mean=0.3)
    save(predictor_of(fer_small.network(seed=1), dataset, recipe=recipe), folder, dataset.classes)
    assert "model.keras and fer-small must differ" in refused(folder, dataset, tmp_path, capsys)


def test_missing_packages_are_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx", None)
    with pytest.raises(ImportError, match=r"tf2onnx.*attention-fer\[release\]"):
        onnx_files.check_packages()


def test_files_of_before_stay_if_the_release_fails(released, result, dataset, tmp_path, capsys):
    out = shutil.copytree(released, tmp_path / "again")
    before = {p.name: sha256(p) for p in (out / "fer-small").iterdir()}
    folder = copy_of(result, tmp_path)
    (folder / "model.keras").write_bytes(b"damaged")
    arguments = [str(folder), "--dataset", str(dataset.path), "--out", str(out)]
    assert command.main(arguments) == 2
    assert {p.name: sha256(p) for p in (out / "fer-small").iterdir()} == before
