"""Messages of errors that Keras itself wraps."""

import keras
import pytest

from attention_fer.common.errors import cause


@keras.saving.register_keras_serializable("test_errors")
class Breaks(keras.layers.Layer):
    """Fails when it is made or called, if `where` says so."""

    where = ""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        if Breaks.where == "made":
            raise ValueError("the wheel\nis off")

    def call(self, inputs):
        if Breaks.where == "called":
            raise ValueError("the wheel\nis off")
        return inputs


@pytest.fixture
def model():
    inner = keras.Input((3,))
    inner = keras.Model(inner, Breaks(name="b")(inner), name="inner")
    outer = keras.Input((3,))
    return keras.Model(outer, inner(outer))


@pytest.mark.parametrize(
    ("where", "expected"),
    [("made", "the wheel\nis off"), ("called", "the wheel\nis off (in Breaks.call())")],
)
def test_the_innermost_message_is_shown_without_wrappers(model, where, expected, tmp_path):
    model.save(tmp_path / "m.keras")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Breaks, "where", where)
        with pytest.raises((ValueError, TypeError)) as loading:
            keras.saving.load_model(tmp_path / "m.keras")
        assert cause(loading.value) == expected
        if where == "called":
            with pytest.raises(ValueError) as calling:
                model(keras.ops.ones((1, 3)))
            assert cause(calling.value) == expected


def test_other_messages_stay_as_they_are():
    assert cause(ValueError("size must be 3, got 4.")) == "size must be 3, got 4."
    assert cause(KeyError("x")) == "'x'"
    assert cause(ValueError()) == ""
