"""Small ONNX models that give what a test wants."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 64
ROWS = 3 * sum((SIDE // stride) ** 2 for stride in (8, 16, 32))


def save(path: Path, nodes: list, outputs: list[str], shape: tuple, kind=TensorProto.FLOAT) -> Path:
    """A model with the input "data" of this shape and float outputs of unstated shape."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("data", kind, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
    )
    opset = [helper.make_opsetid("", 17)]
    path.write_bytes(
        helper.make_model(graph, ir_version=8, opset_imports=opset).SerializeToString()
    )
    return path


def constant(name: str, value: np.ndarray) -> onnx.NodeProto:
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value, name))


def giving(path: Path, outputs: dict[str, np.ndarray], shape=(1, 3, SIDE, SIDE), **kwargs) -> Path:
    """A model that gives the same arrays for every input."""
    nodes = [constant(name, np.asarray(value, np.float32)) for name, value in outputs.items()]
    return save(path, nodes, list(outputs), shape, **kwargs)


def brightness(path: Path, shape=("n", 3, "h", "w"), baked: bool = False) -> Path:
    """One face per image, 20 + 20 * brightness pixels wide, decoded, for any number of images.

    Where `baked`, the model declares that freedom but holds one image of 64x64 as constants.
    """
    row = np.zeros((1, 1, 16), np.float32)
    row[..., :5] = (32, 32, 20, 20, 1)
    row[..., 15] = 0.9
    gain = np.zeros((1, 1, 16), np.float32)
    gain[..., 2] = 20
    size = [1, 3, SIDE, SIDE] if baked else [0, 0, 0, 0]
    nodes = [
        constant("row", row),
        constant("gain", gain),
        constant("size", np.array(size, np.int64)),
        constant("flat", np.array([0, 1, 1], np.int64)),
        helper.make_node("Reshape", ["data", "size"], ["image"]),
        helper.make_node("ReduceMean", ["image"], ["mean"], axes=[1, 2, 3]),
        helper.make_node("Reshape", ["mean", "flat"], ["level"]),
        helper.make_node("Mul", ["level", "gain"], ["wider"]),
        helper.make_node("Add", ["row", "wider"], ["output"]),
    ]
    return save(path, nodes, ["output"], shape)
