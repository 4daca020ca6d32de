"""A user's table file with new backbones and modules, from the command to the report."""

import subprocess
import sys

import pytest

from benchmarks.plan import user_files
from benchmarks.report import analysis
from benchmarks.results.store import Store

TABLE = '''
import keras
from attention_fer import layers, models
from benchmarks.table import Row, Table


@layers.register("halved")
class Halved(layers.AttentionModule):
    """Half of everything."""

    def gates(self, inputs, training=None):
        mean = keras.ops.mean(inputs, axis=self.spatial_axes, keepdims=True)
        return {"channel": 0.5 * keras.ops.ones_like(mean)}


def tiny(input_shape, classes, attention=None, width=1.0, seed=None):
    inputs = keras.Input(input_shape)
    initializer = keras.initializers.GlorotUniform(seed)
    x = keras.layers.Conv2D(4, 3, kernel_initializer=initializer)(inputs)
    module = layers.get(attention)
    x = x if module is None else module(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(x), name="tiny")


models.register("tiny", tiny)
TABLE = Table("mine", "My module", rows=(Row("tiny"), Row("tiny", "halved")))
'''


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(TABLE)
    return path


@pytest.mark.slow
def test_its_cells_are_trained_and_reported_without_the_file(file, run, tmp_path):
    done = run(tmp_path / "runs", "--table", str(file), "--backbones", "tiny")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tiny" in done.stdout and "halved" in done.stdout
    code = user_files.digest([file])
    file.unlink()
    (report,) = analysis.stored(Store(tmp_path / "runs" / "mine"))
    assert report.table.title == "My module"
    assert [row.attention for row in report.rows] == ["none", "halved"]
    plain, halved = report.entries.values()
    assert {r.cell.code for r in (*plain.done, *halved.done)} == {code}
    parameters = {r.record["metrics"]["parameters"] for r in (*plain.done, *halved.done)}
    assert parameters == {4 * 9 + 4 + 4 * 7 + 7}
    assert halved.comparison is not None and halved.comparison.reference == plain.row


def test_another_content_is_another_cell(file):
    before = user_files.digest([file])
    file.write_text(TABLE.replace("0.5", "0.25"))
    assert user_files.digest([file]) != before


ROW = "from benchmarks.table import Row, Table\nTABLE = Table('a', 'b', (Row({}),))"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("import nothing_like_it", "could not be run: ModuleNotFoundError.*line 1"),
        ("TABLE = (", "could not be run: SyntaxError"),
        ("x = 1", "TABLE.*got NoneType"),
        ("TABLE = 3", "TABLE.*got int"),
        ("from benchmarks.table import Table\nTABLE = Table('a', 'b', ())", "TABLE.*at least one"),
        (ROW.format("'vg16'"), "Unknown backbone in table.py: 'vg16'.*Did you mean 'vgg16'"),
        (ROW.format("'vgg16', 'c'"), "Unknown attention in table.py: 'c'"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_a_sentence(tmp_path, content, error):
    path = tmp_path / "table.py"
    path.write_text(content)
    with pytest.raises(ValueError, match=error):
        user_files.load_table(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="No file .*nowhere.py"):
        user_files.load_table(tmp_path / "nowhere.py")


MODULE = """
import keras
from attention_fer import layers


@layers.register("thirds")
class Thirds(layers.AttentionModule):
    def gates(self, inputs, training=None):
        mean = keras.ops.mean(inputs, axis=self.spatial_axes, keepdims=True)
        return {"channel": keras.ops.ones_like(mean) / 3}
"""


@pytest.mark.slow
def test_a_module_of_ones_own_stands_in_a_built_in_table_and_is_loaded_again(run, tmp_path):
    file = tmp_path / "my_module.py"
    file.write_text(MODULE)
    arguments = ["--import", str(file), "--attentions", "none", "thirds", "--save-models"]
    done = run(tmp_path / "runs", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    store = Store(tmp_path / "runs" / "attention")
    (report,) = analysis.stored(store)
    plain, thirds = report.entries.values()
    assert thirds.comparison is not None and thirds.comparison.reference == plain.row
    # Only the row that uses the file depends on it.
    assert {r.cell.code for r in plain.done} == {""}
    assert {r.cell.code for r in thirds.done} == {user_files.digest([file])}
    code = "import keras, sys, my_module\nm = keras.saving.load_model(sys.argv[1])\n"
    code += "print([type(l).__module__ for l in m._flatten_layers() if 'attention' in l.name])"
    model = thirds.done[0].path / "model.keras"
    loaded = subprocess.run(
        [sys.executable, "-c", code, str(model)], cwd=tmp_path, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert loaded.returncode == 0 and "my_module" in loaded.stdout, loaded.stderr
    explained = subprocess.run(
        [sys.executable, "-c", "import keras, sys; keras.saving.load_model(sys.argv[1])", model],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert explained.returncode != 0 and "my_module" in explained.stderr


def test_a_file_that_registers_nothing_or_has_the_name_of_another_module_is_refused(tmp_path):
    (tmp_path / "empty_one.py").write_text("x = 1")
    with pytest.raises(ValueError, match=r"empty_one.py.*must register"):
        user_files.load_modules([tmp_path / "empty_one.py"])
    (tmp_path / "keras.py").write_text("x = 1")
    with pytest.raises(ValueError, match=r"keras.py.*another module.*rename"):
        user_files.load_modules([tmp_path / "keras.py"])
    (tmp_path / "my-module.py").write_text("x = 1")
    with pytest.raises(ValueError, match=r"my-module.py.*name"):
        user_files.load_modules([tmp_path / "my-module.py"])
