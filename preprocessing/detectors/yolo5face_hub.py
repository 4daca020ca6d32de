"""YOLO5Face with PyTorch, from a published checkpoint and the authors' code.

Qi, Tan, Yao and Liu, "YOLO5Face: Why Reinventing a Face Detector", 2021,
https://arxiv.org/abs/2105.12931. The code, https://github.com/deepcam-cn/yolov5-face, is licensed
under GPL-3.0 and not part of this project: `torch.hub` downloads it, or `hub_repo` names a clone.
It works with torch 2.13, as does its fork https://github.com/clibdev/yolov5-face.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import sys
import threading
import warnings
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np

from attention_fer.common.checks import positive_int
from preprocessing.detectors.base import check_side, register
from preprocessing.detectors.decode import (
    COLUMNS,
    ON_GPU,
    STRIDE,
    THRESHOLD,
    LetterboxDetector,
    from_rows,
)
from preprocessing.detectors.weights import YOLO5FACE, Checkpoint, locate


@contextlib.contextmanager
def isolated_imports(packages: Collection[str]) -> Iterator[None]:
    """Frees the top-level module names `packages` for what the block imports.

    Modules already imported under these names are restored afterwards. Modules that the block
    imports under them are removed from `sys.modules`; objects made from them keep working. The
    import path, environment, OpenCV's threads, NumPy's print options, the root logger and warning
    filters are restored as well. Output and log messages of the block are hidden. Not thread-safe.
    """
    import cv2

    before = _pop_modules(packages)
    path = list(sys.path)
    threads = cv2.getNumThreads()
    root, disabled = logging.getLogger(), logging.root.manager.disable
    handlers, level = list(root.handlers), root.level
    logging.disable(logging.CRITICAL)
    try:
        silent = contextlib.redirect_stdout(io.StringIO())
        with mock.patch.dict(os.environ), warnings.catch_warnings(), np.printoptions(), silent:
            warnings.simplefilter("ignore")
            yield
    finally:
        _pop_modules(packages)
        sys.modules.update(before)
        sys.path[:] = path
        cv2.setNumThreads(threads)
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.disable(disabled)


def _pop_modules(packages: Collection[str]) -> dict[str, ModuleType]:
    """Removes the packages and everything below them from `sys.modules` and returns them."""
    names = [name for name in sys.modules if name.partition(".")[0] in packages]
    return {name: sys.modules.pop(name) for name in names}


REPOSITORY = "deepcam-cn/yolov5-face"
REVISION = "84ef013381e3a155b7a746215974dca7894e0f3e"
"""The tested commit, of 2023. It is pinned so that the code cannot change unnoticed."""
MODULES = ("hubconf", "models", "utils")
"""Top-level modules of the repository."""
_MODULES = (
    *("torch", "torchvision", "PIL", "matplotlib", "pandas", "requests", "scipy", "seaborn"),
    *("thop", "tqdm", "yaml"),
)
PACKAGES = {name: {"PIL": "pillow", "yaml": "pyyaml"}.get(name, name) for name in _MODULES}
"""What the repository imports, and the names to install."""


@register("yolo5face-hub")
class Yolo5FaceHub(LetterboxDetector):
    """Finds boxes, scores and landmarks with a YOLO5Face checkpoint, on a GPU if available.

    The constructor runs code of the repository and of the checkpoint, see `checkpoint.Checkpoint`.

    Args:
        weights: "n-0.5", "n", "s", "m" (published, downloaded on first use) or a .pt file.
        hub_repo: folder of the repository; by default torch.hub's cached copy, or a new download.
        trust_checkpoint: open the checkpoint even if its hash is not a published one.
        device: a PyTorch device; by default "cuda" if available, else "cpu".
        threshold: minimum score of a face.
        iou: maximum intersection over union of two faces.
        input_size: side in pixels of the square that photographs are scaled into, a multiple of
            32.
        batch: images per batch; by default 16 on a GPU and 1 on the CPU.

    Raises:
        ImportError: a library that the repository needs is not installed.
        ValueError: an option out of range, an unknown checkpoint, or one of another network.
        OSError: no such file or folder, or a failed download.
    """

    name = "yolo5face-hub"

    def __init__(
        self,
        *,
        weights: str | os.PathLike[str] = "n-0.5",
        hub_repo: str | os.PathLike[str] | None = None,
        trust_checkpoint: bool = False,
        device: str | None = None,
        threshold: float = THRESHOLD,
        iou: float = 0.5,
        input_size: int = 640,
        batch: int | None = None,
    ):
        super().__init__(threshold, iou)
        self.canvas = (check_side(input_size, STRIDE),) * 2
        path = locate(weights, ".pt", YOLO5FACE)
        checkpoint = Checkpoint(path, trust=trust_checkpoint)
        _check_packages()
        import torch

        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        default = 1 if self._device.type == "cpu" else ON_GPU
        self.batch = default if batch is None else positive_int("batch", batch)
        self._network = load(checkpoint, hub_repo, self._device)
        self._lock = threading.Lock()
        self._about = {
            "weights": path.name,
            "sha256": checkpoint.sha256,
            "repository": f"{REPOSITORY}:{REVISION}" if hub_repo is None else str(hub_repo),
            "library": f"torch {torch.__version__} ({self._device.type})",
        }

    def describe(self) -> dict[str, Any]:
        """Returns the name, weights and hash, repository, input size, library and settings."""
        return {
            "name": self.name,
            **self._about,
            "input_size": list(self.canvas),
            "threshold": self.threshold,
            "iou": self.iou,
        }

    def candidates(self, planes: np.ndarray) -> list[np.ndarray]:
        """Returns the decoded candidates of each image whose objectness reaches the threshold."""
        import torch

        # One call uses all cores or the GPU already, and the network is not thread-safe.
        with self._lock, torch.inference_mode():
            rows = self._network(torch.from_numpy(planes).to(self._device))[0].cpu().numpy()
        return [from_rows(of_image, self.threshold) for of_image in rows]


def load(
    checkpoint: Checkpoint, hub_repo: str | os.PathLike[str] | None, device: Any = "cpu"
) -> Any:
    """Loads the network of a checkpoint, a `torch.nn.Module` ready for inference.

    Args:
        checkpoint: the opened checkpoint.
        hub_repo: folder of the repository; None to let torch.hub download it.
        device: a PyTorch device.

    Raises:
        OSError: no repository at `hub_repo`, or a failed download.
        ImportError: the repository needs another library.
        ValueError: the checkpoint holds another network.
    """
    import torch

    if hub_repo is not None and not Path(hub_repo, "hubconf.py").is_file():
        raise FileNotFoundError(
            f"--hub-repo must be a clone of https://github.com/{REPOSITORY}, "
            f"got {hub_repo}, which has no hubconf.py."
        )
    repository = f"{REPOSITORY}:{REVISION}" if hub_repo is None else str(Path(hub_repo).resolve())
    with isolated_imports(MODULES):
        try:
            # "autoshape", a wrapper for object detection, would drop the landmarks.
            network = torch.hub.load(
                repository,
                "custom",
                path_or_model=checkpoint,
                autoshape=False,
                source="github" if hub_repo is None else "local",
                trust_repo=True,
                skip_validation=True,  # it looks for a branch, and a commit is none
                verbose=False,
            )
        except ModuleNotFoundError as error:
            raise ImportError(
                f"The YOLO5Face repository needs {error.name}. Run `pip install {error.name}`."
            ) from error
        except (OSError, RuntimeError) as error:
            if hub_repo is not None:
                raise
            raise OSError(
                f"Cannot load https://github.com/{REPOSITORY}: {error}. If you are offline, clone "
                "it elsewhere and pass the clone with --hub-repo PATH."
            ) from error
        network = network.eval().requires_grad_(False).to(device).fuse()
        _check_output(network, device)
    return network


def _check_packages() -> None:
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise ImportError(
            f"The detector yolo5face-hub needs {', '.join(missing)}. "
            f"Run `pip install {' '.join(missing)}`, or use the detector yolo5face."
        )


def _check_output(network: Any, device: Any) -> None:
    import torch

    with torch.inference_mode():
        rows = network(torch.zeros(1, 3, STRIDE, STRIDE, device=device))[0]
    if rows.ndim != 3 or rows.shape[2] != COLUMNS:
        raise ValueError(
            f"The checkpoint's network must return (1, N, {COLUMNS}), as networks with five "
            f"landmarks do, got {tuple(rows.shape)}."
        )
