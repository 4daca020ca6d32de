"""A user's own table file: own backbones and modules, from the command to the report."""

import pytest

from benchmarks.plan import user_table
from benchmarks.report import analysis
from benchmarks.results.store import Store

TABLE = '''
import keras
from attention_fer import layers, models
from benchmarks.table import Row, Table


@layers.register("halved")
class Halved(layers.Attention):
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
    code = user_table.digest(file)
    file.unlink()
    (report,) = analysis.stored(Store(tmp_path / "runs" / "mine"))
    assert report.table.title == "My module"
    assert [row.attention for row in report.rows] == ["none", "halved"]
    plain, halved = report.entries.values()
    assert {r.cell.code for r in (*plain.done, *halved.done)} == {code}
    assert plain.parameters == halved.parameters == 4 * 9 + 4 + 4 * 7 + 7
    assert halved.comparison is not None and halved.comparison.reference == plain.row


def test_another_content_is_another_cell(file):
    before = user_table.digest(file)
    file.write_text(TABLE.replace("0.5", "0.25"))
    assert user_table.digest(file) != before


ROW = "from benchmarks.table import Row, Table\nTABLE = Table('a', 'b', (Row({}),))"


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("import nothing_like_it", "could not be run: ModuleNotFoundError.*line 1"),
        ("TABLE = (", "could not be run: SyntaxError"),
        ("x = 1", "must define TABLE"),
        ("TABLE = 3", "must define TABLE.*int"),
        ("from benchmarks.table import Table\nTABLE = Table('a', 'b', ())", "has no rows"),
        (ROW.format("'vg16'"), "Unknown backbone in table.py: 'vg16'.*Did you mean 'vgg16'"),
        (ROW.format("'vgg16', 'c'"), "Unknown attention in table.py: 'c'"),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_a_sentence(tmp_path, content, error):
    path = tmp_path / "table.py"
    path.write_text(content)
    with pytest.raises(ValueError, match=error):
        user_table.load(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere.py: --table takes"):
        user_table.load(tmp_path / "nowhere.py")
