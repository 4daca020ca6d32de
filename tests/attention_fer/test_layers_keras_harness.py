"""The layers in the test harness that Keras uses for its own layers.

It checks the configuration, symbolic and eager calls, shapes, counts of weights, saving, a step of
training, and mixed precision.
"""

import pytest

from attention_fer import layers

harness = pytest.importorskip(
    "keras.src.testing", reason="the harness of Keras needs the package absl-py"
)

CASES = [
    # class, options, trainable weights, other weights
    (layers.SE, {"reduction_ratio": 4}, 4, 0),
    (layers.SE, {"reduction_ratio": 4, "use_bias": False}, 2, 0),
    (layers.ECA, {}, 1, 0),
    (layers.ECA, {"kernel_size": 5, "start": "identity"}, 1, 0),
    (layers.ChannelAttention, {"reduction_ratio": 4}, 4, 0),
    (layers.SpatialAttention, {"kernel_size": 3}, 3, 2),
    (layers.CBAM, {"reduction_ratio": 4, "kernel_size": 3}, 7, 2),
    (layers.CBAM, {"reduction_ratio": 2, "start": "identity"}, 7, 2),
    (layers.ChannelSE, {}, 4, 0),
    (layers.SpatialSE, {"start": "identity"}, 2, 0),
    (layers.SCSE, {"combination": "add", "use_bias": False}, 3, 0),
    # How many weights these two have depends on the rank, see test_layers_positions.py.
    (layers.CoordinateAttention, {"reduction_ratio": 2, "start": "identity"}, None, 2),
    (layers.TripletAttention, {"kernel_size": 3, "use_spatial": False}, None, None),
    (layers.BAM, {"reduction_ratio": 2, "dilation": 2, "combination": "sum"}, 20, 8),
    (layers.LKA, {"kernel_size": 3, "dilated_kernel_size": 3, "dilation": 2}, 6, 0),
    (layers.VANAttention, {}, 10, 0),
    (layers.GlobalContext, {"reduction_ratio": 4}, 8, 0),
    (layers.GlobalContext, {"reduction_ratio": 2, "fusion": "both"}, 14, 0),
    # How many weights DAN has depends on the rank, see test_layers_mixed.py.
    (layers.DAN, {"hidden": 3}, None, None),
    (layers.EMA, {"groups": 2, "start": "identity"}, 6, 0),
    (layers.FCA, {"reduction_ratio": 4, "frequencies": 8, "size": (7, 9)}, 2, 0),
    (layers.ShuffleAttention, {"groups": 2}, 6, 0),
    (layers.Sequence, {"modules": ["eca", "cbam_spatial"]}, 4, 2),
    (layers.Parallel, {"modules": ["eca", "eca"], "combination": "max"}, 2, 0),
    (layers.SimAM, {"e_lambda": 0.01}, 0, 0),
    (layers.SRM, {}, 4, 2),
    (layers.ESE, {"start": "identity"}, 2, 0),
    (layers.GCT, {}, 3, 0),
    (layers.GCT, {"norm": "l1", "epsilon": 0.1}, 3, 0),
    (layers.NAM, {}, 2, 2),
    (layers.PfAAM, {}, 0, 0),
    (layers.PfAAM, {"use_bn": True}, 2, 2),
    (layers.SGE, {"groups": 2, "start": "identity"}, 2, 0),
]


@pytest.mark.filterwarnings(
    "ignore:`shuffle=True` was passed, but will be ignored:UserWarning",
    "ignore:The model does not have any trainable weights:UserWarning",  # as SimAM
)
@pytest.mark.parametrize(
    "shape",
    [(2, 9, 8), (2, 6, 5, 8), pytest.param((2, 4, 3, 5, 8), marks=pytest.mark.slow)],
    ids=str,
)
@pytest.mark.parametrize(("cls", "options", "trainable", "other"), CASES)
def test_the_layer_passes_the_harness_of_keras(cls, options, trainable, other, shape):
    if len(shape) - 2 not in cls.ranks:
        pytest.skip("the layer takes other numbers of spatial axes")
    harness.TestCase().run_layer_test(
        cls,
        init_kwargs=options,
        input_shape=shape,
        expected_output_shape=shape,
        expected_num_trainable_weights=trainable,
        expected_num_non_trainable_weights=other,
        expected_num_seed_generators=0,
        expected_num_losses=0,
        supports_masking=False,
    )


@pytest.mark.parametrize("cls", (layers.SE, layers.CBAM))
def test_the_harness_also_refuses_a_wrong_count(cls):
    with pytest.raises(AssertionError):
        harness.TestCase().run_layer_test(
            cls,
            init_kwargs={"reduction_ratio": 4},
            input_shape=(2, 5, 8),
            expected_num_trainable_weights=1,
            run_training_check=False,
        )
