"""Images per second of a backbone, compared with keras.applications and torchvision.

In turns, each trains with SGD, cross-entropy and images in memory, and predicts probabilities:
ours and Keras's in this process, torchvision in the process of `--torch-python`, an interpreter
that has it, since two frameworks in one process share threads badly. Ours trains as the benchmark
does, without augmentation. `--onnx` adds our network in ONNX Runtime, for prediction alone.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from attention_fer import models
from attention_fer.common.checks import positive_int
from attention_fer.common.onnx_runtime import open_session
from attention_fer.training.fused_norm import fused_batch_normalization
from benchmarks.measurements import show
from benchmarks.release.onnx_files import INPUT, export
from benchmarks.speed.ratios import relative
from benchmarks.train import cost

CLASSES = 7
ONNX = "ours, ONNX Runtime"
# Our name to those of Keras and of torchvision; "" where a library has none.
NAMES = {
    "vgg16": ("VGG16", "vgg16"),
    "vgg19": ("VGG19", "vgg19"),
    "resnet50": ("ResNet50", "resnet50"),
    "resnet101": ("ResNet101", "resnet101"),
    "resnet50v2": ("ResNet50V2", ""),
}
WORKER = Path(__file__).with_name("torchvision_worker.py")


def add_arguments(add: Callable[..., Any]) -> None:
    """Adds the arguments of this measurement."""
    add("--backbones", nargs="+", default=["vgg16", "resnet50"], choices=list(NAMES))
    add("--size", type=int, default=48, metavar="N", help="pixels per side (default: 48)")
    add("--batch-size", type=int, default=32, metavar="N", help="(default: 32)")
    add("--steps", type=int, default=3, metavar="N", help="steps per turn (default: 3)")
    add("--rounds", type=int, default=7, metavar="N", help="repetitions (default: 7)")
    add("--onnx", action="store_true", help="also our network exported to ONNX (extra release)")
    add(
        "--torch-python",
        metavar="FILE",
        help="a Python with torchvision; without it, torchvision is left out",
    )


def run(options: argparse.Namespace, console: Console) -> None:
    """Measures and prints a row for each backbone and library.

    Raises:
        ValueError: a number is out of range, or the process of torchvision ended.
    """
    positive_int("--steps", options.steps)
    rows = []
    for name in track(options.backbones, "measuring", console=console, transient=True):
        with _contenders(name, options) as (parameters, calls):
            times = {kind: cost.interleaved(of, options.rounds) for kind, of in calls.items()}
        images = options.batch_size * options.steps
        speeds = [
            {library: [images / seconds for seconds in of] for library, of in times[kind].items()}
            for kind in ("training", "prediction")
        ]
        for library, count in parameters.items():
            cells = [relative(of[library], of["ours"]) if library in of else "" for of in speeds]
            rows.append((name, library, f"{count:,}", *cells))
    show(
        console,
        f"Images/s, {options.size} px, batches of {options.batch_size}, {keras.backend.backend()}",
        ("backbone", "library", "parameters", "training", "prediction"),
        rows,
        "median; in brackets relative to ours (quartiles)",
    )


@contextmanager
def _contenders(
    name: str, options: argparse.Namespace
) -> Iterator[tuple[dict[str, int], dict[str, dict[str, cost.Timed]]]]:
    """Parameters by library, and what measures itself by kind and library."""
    shape = (options.size, options.size, 3)
    theirs, vision = NAMES[name]
    networks = {
        "ours": models.build(name, input_shape=shape, classes=CLASSES, seed=0),
        "keras.applications": getattr(keras.applications, theirs)(
            weights=None, input_shape=shape, classes=CLASSES
        ),
    }
    parameters = {library: network.count_params() for library, network in networks.items()}
    calls: dict[str, dict[str, cost.Timed]] = {"training": {}, "prediction": {}}
    for library, network in networks.items():
        step, predict = _keras_calls(network, library == "ours", options)
        calls["training"][library], calls["prediction"][library] = step, predict
    if options.onnx:
        parameters[ONNX] = parameters["ours"]
        calls["prediction"][ONNX] = _onnx_call(networks["ours"], options)
    with ExitStack() as processes:
        if options.torch_python and vision:
            ask = processes.enter_context(_torchvision(vision, options))
            parameters["torchvision"] = int(ask("parameters"))
            for kind in calls:
                calls[kind]["torchvision"] = lambda kind=kind: ask(kind)  # type: ignore[misc]
        yield parameters, calls


def _onnx_call(network: keras.Model, options: argparse.Namespace) -> cost.Timed:
    """Seconds of some batches predicted by ONNX Runtime."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export(network, path, {})
        session = open_session(path, None, "Measuring")
    images = np.random.default_rng(0).random(
        (options.batch_size, options.size, options.size, 3), "float32"
    )

    def predict() -> float:
        return cost.seconds(
            lambda: [session.run(None, {INPUT: images}) for _ in range(options.steps)]
        )

    return predict


def _keras_calls(
    network: keras.Model, ours: bool, options: argparse.Namespace
) -> tuple[cost.Timed, cost.Timed]:
    """Seconds of some training steps, and of as many batches predicted."""
    rng, n = np.random.default_rng(0), options.batch_size
    images = rng.random((n, options.size, options.size, 3), "float32")
    labels = np.arange(n) % CLASSES
    network.compile(keras.optimizers.SGD(1e-3, 0.9), "sparse_categorical_crossentropy")
    if ours:
        with fused_batch_normalization():
            network.train_on_batch(images, labels)

    def train() -> float:
        return cost.seconds(
            lambda: [network.train_on_batch(images, labels) for _ in range(options.steps)]
        )

    def predict() -> float:
        return cost.seconds(
            lambda: [network.predict_on_batch(images) for _ in range(options.steps)]
        )

    return train, predict


@contextmanager
def _torchvision(name: str, options: argparse.Namespace) -> Iterator[Callable[[str], float]]:
    """A process that answers with the seconds of what it is asked for."""
    settings = {"name": name, "size": options.size, "batch": options.batch_size}
    settings |= {"steps": options.steps, "classes": CLASSES}
    process = subprocess.Popen(
        [options.torch_python, str(WORKER), json.dumps(settings)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None and process.stdout is not None
    questions, answers = process.stdin, process.stdout

    def ask(kind: str) -> float:
        with suppress(BrokenPipeError):  # it has ended, and will not answer
            questions.write(f"{kind}\n")
            questions.flush()
        answer = answers.readline()
        if not answer:
            raise ValueError(
                f"torch-python must be a Python that has torchvision, got {options.torch_python}, "
                f"which ended with exit status {process.wait()}."
            )
        return float(answer)

    try:
        yield ask
    finally:
        process.kill()
        process.communicate()
