"""`layers.get` and `layers.register`: every kind of spec, and what is refused."""

import functools
import inspect
import subprocess
import sys

import keras
import numpy as np
import pytest
from layer_probes import CHANNELS, SPECS, features, kind_of, to_numpy, with_options

from attention_fer import layers, models
from attention_fer.common.registry import Registry
from attention_fer.layers import registry

each_spec = pytest.mark.parametrize("spec", SPECS, ids=str)


@pytest.fixture
def own_registry(monkeypatch):
    copy = Registry("attention module")
    for name, cls in registry._modules.items():
        copy.add(name, cls)
    monkeypatch.setattr(registry, "_modules", copy)


def test_the_names_are_those_of_the_papers():
    assert set(layers.names()) >= {"cbam", "cbam_channel", "cbam_spatial", "eca", "se"}
    assert layers.combinators() == ["parallel", "sequence"]


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("se", layers.SE),
        ("eca", layers.ECA),
        ("cbam", layers.CBAM),
        ("cbam_channel", layers.ChannelAttention),
        ("cbam_spatial", layers.SpatialAttention),
    ],
)
def test_a_name_gives_a_fresh_default_layer_of_its_class(name, cls):
    first, second = layers.get(name, name="a"), layers.get(name, name="b")
    assert type(first) is cls and first is not second
    assert (first.name, second.name) == ("a", "b")
    assert {**first.get_config(), "name": ""} == {**cls().get_config(), "name": ""}


def test_none_gives_none():
    assert layers.get(None) is None and layers.get(None, name="x") is None


@pytest.mark.parametrize("pair", [("se", {"reduction_ratio": 5}), ["se", {"reduction_ratio": 5}]])
def test_a_pair_gives_a_configured_layer(pair):
    layer = layers.get(pair, name="gate")
    assert type(layer) is layers.SE and layer.reduction_ratio == 5 and layer.name == "gate"


def test_a_pair_may_have_a_name_of_its_own():
    config = layers.SE(name="own").get_config()
    assert layers.get(("se", config)).name == "own"
    assert layers.get(("se", config), name="gate").name == "gate"


def test_a_class_gives_a_layer_of_it():
    layer = layers.get(layers.ECA, name="gate")
    assert type(layer) is layers.ECA and layer.name == "gate"


def test_a_template_gives_its_configuration_but_neither_its_weights_nor_itself():
    template = layers.CBAM(reduction_ratio=4, kernel_size=3, start="identity", dtype="bfloat16")
    x = features(1, 4, 4, CHANNELS)
    template(x)
    template.channel.mlp1.bias.assign(np.ones(8))
    copy = layers.get(template, name="copy")
    assert copy is not template and copy.name == "copy" and not copy.built
    assert {**copy.get_config(), "name": template.name} == template.get_config()
    copy(x)
    assert to_numpy(copy.channel.mlp1.bias).max() == 0
    assert layers.get(template).name == template.name


def test_a_callable_is_given_the_name_if_it_takes_one():
    assert layers.get(lambda name: layers.SE(name=name), name="gate").name == "gate"
    assert layers.get(functools.partial(layers.SE, 8), name="gate").reduction_ratio == 8
    assert type(layers.get(lambda: layers.SE(4), name="gate")) is layers.SE


def test_a_callable_may_return_any_keras_layer():
    assert isinstance(layers.get(lambda: keras.layers.ReLU()), keras.layers.ReLU)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("cbma", r"'cbma'.*'cbam'.*'se'.*Did you mean 'cbam'"),
        ("ECA", r"'ECA'.*Did you mean 'eca'"),
        (("secc", {}), r"'secc'.*Did you mean 'se'"),
        ("transformer", r"attention module.*'transformer'.*'cbam'"),
        (("se", {"ratio": 8}), r"ratio"),
        (("se", 8), r"attention must be.*\('se', 8\)"),
        ("sequence", r"'sequence' must be given its modules"),
        (("parallel", {"combination": "max"}), r"'parallel' must be given its modules"),
        (3, r"attention must be.*cbam_spatial.*got 3"),
        (("se",), r"attention must be.*\('se',\)"),
        (lambda: 7, r"return a Keras layer, got 7"),
    ],
)
def test_a_wrong_spec_is_refused_with_what_is_allowed(spec, message):
    with pytest.raises(ValueError, match=message):
        layers.get(spec)


@pytest.mark.parametrize("value", (0, -1, 1.0, 16.0, "16", True, None))
@pytest.mark.parametrize("name", ("se", "cbam", "cbam_channel"))
def test_a_ratio_is_an_integer_of_at_least_one(name, value):
    with pytest.raises(ValueError, match=f"reduction_ratio.*integer.*{value!r}"):
        layers.get((name, {"reduction_ratio": value}))


@pytest.mark.parametrize("name", ("eca", "cbam", "cbam_spatial"))
def test_a_window_is_an_odd_integer(name):
    with pytest.raises(ValueError, match=r"kernel_size.*odd.*6.*5 and 7"):
        layers.get((name, {"kernel_size": 6}))
    for value in (0, 3.0, "3", False):
        with pytest.raises(ValueError, match="kernel_size.*integer"):
            layers.get((name, {"kernel_size": value}))


@pytest.mark.parametrize("name", ("se", "cbam", "cbam_channel"))
def test_a_ratio_above_the_channels_is_refused(name):
    with pytest.raises(ValueError, match=r"9.*8 channels.*1 to 8"):
        layers.get((name, {"reduction_ratio": 9}))(features(1, 4, 4, 8))


@each_spec
@pytest.mark.parametrize("shape", [(2, CHANNELS), (1, 2, 2, 2, 2, CHANNELS)])
def test_inputs_without_or_with_too_many_spatial_axes_are_refused(spec, shape):
    with pytest.raises(ValueError, match=r"must have (1 to 3|2) spatial axes \(rank .*, got shape"):
        layers.get(spec)(np.zeros(shape, "float32"))


@each_spec
@pytest.mark.parametrize(
    ("data_format", "shape"), [("channels_last", (4, 4, None)), ("channels_first", (None, 4, 4))]
)
def test_the_number_of_channels_must_be_known(spec, data_format, shape):
    with pytest.raises(ValueError, match="known number of channels"):
        layers.get(with_options(spec, data_format=data_format))(keras.Input(shape))


@each_spec
@pytest.mark.parametrize("shape", [(1, 4, 4, 16), (1, 4, CHANNELS)])
def test_a_built_layer_refuses_other_channels_and_ranks(spec, shape):
    layer = layers.get(spec)
    layer(features(1, 4, 4, CHANNELS))
    with pytest.raises(ValueError, match="incompatible with the layer"):
        layer(features(*shape))


@each_spec
def test_unknown_options_are_refused(spec):
    with pytest.raises(ValueError, match=r"start.*'papr'.*'paper', 'identity'.*Did you mean"):
        layers.get(with_options(spec, start="papr"))
    with pytest.raises(ValueError, match=r"data_format.*'channels_lst'.*'channels_last'"):
        layers.get(with_options(spec, data_format="channels_lst"))
    with pytest.raises(ValueError, match="gama"):
        layers.get(with_options(spec, gama=1))


def test_gamma_zero_is_refused():
    with pytest.raises(ValueError, match="gamma.*0"):
        layers.ECA(gamma=0)


def test_a_module_that_defines_no_gates_says_so():
    with pytest.raises(NotImplementedError, match="Empty.*gates"):

        class Empty(layers.AttentionModule):
            pass

        Empty().attention_maps(features(1, 4, 4, 8))


def test_a_registered_module_works_by_its_name_in_a_network(own_registry, tmp_path):
    @layers.register("third")
    class Third(layers.AttentionModule):
        def gates(self, inputs, training=None):
            return {"all": keras.ops.ones_like(inputs) / 3}

    assert "third" in layers.names()
    options = {"input_shape": (32, 32, 3), "classes": 4, "width": 0.05, "seed": 1}
    model = models.build("vgg16", attention="third", **options)
    assert type(model.get_layer("block5_pool_attention")) is Third
    head = keras.Model(model.get_layer("block5_pool").output, model.output)
    plain = models.build("vgg16", **options)
    x = features(2, 32, 32, 3)
    pooled = keras.Model(plain.input, plain.get_layer("block5_pool").output)(x)
    np.testing.assert_allclose(to_numpy(model(x)), to_numpy(head(pooled)), rtol=1e-5)
    assert np.abs(to_numpy(model(x)) - to_numpy(plain(x))).max() > 1e-6
    model.save(tmp_path / "third.keras")
    again = keras.saving.load_model(tmp_path / "third.keras")
    np.testing.assert_array_equal(to_numpy(again(x)), to_numpy(model(x)))


def test_a_name_belongs_to_one_class(own_registry):
    with pytest.raises(ValueError, match=r"'se'.*already.*SE"):
        layers.register("se")(layers.ECA)
    assert layers.get("se").__class__ is layers.SE


@each_spec
def test_the_signature_of_a_module_shows_all_its_arguments(spec):
    cls = kind_of(spec)
    parameters = inspect.signature(cls).parameters
    assert parameters["start"].default == "paper"
    assert parameters["data_format"].default is None
    own = {*inspect.signature(layers.AttentionModule).parameters, *parameters} - {"kwargs"}
    assert {*own, "name", "dtype", "trainable"} == set(layers.get(spec).get_config())
    assert not [p for p in parameters.values() if p.kind is p.VAR_POSITIONAL]


SCRIPT = """
import sys
import keras
from attention_fer import layers

@layers.register("halved")
class Halved(layers.AttentionModule):
    def gates(self, inputs, training=None):
        return {"all": keras.ops.ones_like(inputs) / 2}

if __name__ == "__main__":
    image = keras.Input((4, 4, 3))
    keras.Model(image, Halved()(image)).save("halved.keras")
    print(keras.saving.get_registered_name(Halved))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    "command", [["mine.py"], pytest.param(["-m", "mine"], marks=pytest.mark.slow)], ids=str
)
def test_a_module_of_a_users_file_is_stored_under_the_name_of_that_file(command, tmp_path):
    (tmp_path / "mine.py").write_text(SCRIPT)
    run = {"cwd": tmp_path, "capture_output": True, "text": True, "timeout": 120}
    saved = subprocess.run([sys.executable, *command], **run)
    assert saved.stdout.strip() == "mine>Halved", saved.stderr
    load = """
import keras, mine
model = keras.saving.load_model("halved.keras")
print(float(keras.ops.max(model(keras.ops.ones((1, 4, 4, 3))))))
"""
    loaded = subprocess.run([sys.executable, "-c", load], **run)
    assert loaded.stdout.strip() == "0.5", loaded.stderr


def test_a_module_of_a_package_is_stored_under_its_first_name(own_registry):
    for module, name in (("mine", "mine>Other"), ("mine.layers.other", "mine>Other")):
        cls = type("Other", (layers.AttentionModule,), {"__module__": module})
        layers.register("other" + module)(cls)
        assert keras.saving.get_registered_name(cls) == name
