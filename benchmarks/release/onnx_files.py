"""ONNX files of a Keras network, and running them."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from attention_fer.common.onnx_runtime import import_onnxruntime

if TYPE_CHECKING:
    import keras

INPUT, OUTPUT, MAPS = "pixels", "probabilities", "class_maps"
BATCH = 64
# ONNX Runtime's static quantisation needs a sample of what the network sees.
CALIBRATION_IMAGES = 512
NEEDED_BY = ("Releasing a network", "release")


def export(model: keras.Model, path: Path, notes: Mapping[str, Any]) -> None:
    """Write a Keras network in float32 with the names above and a free batch size.

    Args:
        model: pixels (batch, height, width, channels) to probabilities (batch, classes) and, if it
            has a second output, class maps (batch, rows, columns, classes).
        path: path of the ONNX file.
        notes: stored in the file as JSON, by name, so that it explains itself.

    Raises:
        ImportError: onnx or tf2onnx is missing, see `check_packages`.
    """
    import onnx

    model(np.zeros((1, *model.input_shape[1:]), "float32"))  # Keras exports what has been called
    with warnings.catch_warnings():
        # Keras looks for a name that NumPy announces to give another meaning.
        warnings.filterwarnings("ignore", message=".*np.object.*", category=FutureWarning)
        model.export(str(path), format="onnx", verbose=False)
    content = onnx.load(path)
    _rename(content.graph, content.graph.input[0].name, INPUT)
    for value, name in zip(content.graph.output, (OUTPUT, MAPS), strict=False):
        _rename(content.graph, value.name, name)
    for value in (*content.graph.input, *content.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"
    for name, note in notes.items():
        content.metadata_props.add(key=name, value=json.dumps(note))
    onnx.checker.check_model(content, full_check=True)
    onnx.save(content, path)


def quantise(source: Path, target: Path, images: np.ndarray) -> None:
    """Write a network whose convolutions compute in int8, with a scale for each channel.

    The first convolution stays in float32: it has the fewest weights, and what it gets wrong
    reaches all others.

    Weights have seven bits: processors with AVX2 or AVX-512 and without VNNI add two products of
    eight bits in sixteen and cut off what is larger.

    Args:
        source: the float32 network.
        target: path of the int8 network.
        images: uint8 (n, height, width, 1), which give the ranges of the activations.
    """
    import_onnxruntime(*NEEDED_BY)
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    prepared = target.with_suffix(".prepared.onnx")
    try:
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantization.quantize_static(
            prepared,
            target,
            _Reader(images),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=_first_convolutions(prepared),
            per_channel=True,
            reduce_range=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
    finally:
        prepared.unlink(missing_ok=True)
    _keep_notes(source, target)


def _first_convolutions(path: Path) -> list[str]:
    """Return the names of the convolutions that read the one channel of the image.

    Depthwise convolutions, which the network lacks, would be among them.
    """
    import onnx

    graph = onnx.load(path).graph
    one_channel = {kernel.name for kernel in graph.initializer if list(kernel.dims)[1:2] == [1]}
    return [n.name for n in graph.node if n.op_type == "Conv" and n.input[1] in one_channel]


def halve(source: Path, target: Path) -> None:
    """Write a network whose weights and maps are float16; pixels and probabilities stay float32."""
    import onnx

    import_onnxruntime(*NEEDED_BY)
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


def check_packages() -> None:
    """Raise ImportError with the command that installs them if packages are missing."""
    import_onnxruntime(*NEEDED_BY)
    try:
        import onnx  # noqa: F401
        import tf2onnx  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f'{NEEDED_BY[0]} needs {error.name}: pip install "attention-fer[{NEEDED_BY[1]}]".'
        ) from error


class OnnxNetwork:
    """An ONNX network in ONNX Runtime, on the processor.

    Args:
        path: the file.
        threads: that one prediction uses; None for ONNX Runtime's choice.
    """

    def __init__(self, path: Path, threads: int | None = None):
        onnxruntime = import_onnxruntime("A network in ONNX")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(str(path), options, providers=providers)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return probabilities (n, classes), float32, of pixels (n, height, width, 1)."""
        return np.concatenate([self._run(batch) for batch in batches(images)])

    def seconds(self, images: np.ndarray, repeats: int) -> float:
        """Return the median duration of a prediction for all `images` at once, after a first."""
        batch = images.astype("float32")
        self._run(batch)
        durations = []
        for _ in range(repeats):
            before = time.perf_counter()
            self._run(batch)
            durations.append(time.perf_counter() - before)
        return float(np.median(durations))

    def _run(self, batch: np.ndarray) -> np.ndarray:
        return self._session.run([OUTPUT], {INPUT: batch})[0]


def batches(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the images as float32 batches."""
    for start in range(0, len(images), BATCH):
        yield images[start : start + BATCH].astype("float32")


class _Reader:
    """Feeds images to ONNX Runtime's calibration."""

    def __init__(self, images: np.ndarray):
        self._batches = batches(images)

    def get_next(self) -> dict[str, np.ndarray] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _rename(graph: Any, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            names[:] = [new if name == old else name for name in names]
    for value in (*graph.input, *graph.output, *graph.value_info):
        if value.name == old:
            value.name = new


def _keep_notes(source: Path, target: Path) -> None:
    import onnx

    content = onnx.load(target)
    del content.metadata_props[:]
    content.metadata_props.extend(onnx.load(source).metadata_props)
    onnx.save(content, target)
