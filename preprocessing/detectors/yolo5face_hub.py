"""YOLO5Face with PyTorch, from a published checkpoint and its authors' code.

Qi, Tan, Yao and Liu, "YOLO5Face: Why Reinventing a Face Detector", 2021,
https://arxiv.org/abs/2105.12931. The code, https://github.com/deepcam-cn/yolov5-face, is under
GPL-3.0 and no part of this project: `torch.hub` fetches it, or it lies where `hub_repo` says. It
and its fork https://github.com/clibdev/yolov5-face both work, with torch 2.13 at least.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from preprocessing.detectors import checks
from preprocessing.detectors.base import Faces, register
from preprocessing.detectors.batches import ON_GPU, THRESHOLD, detect
from preprocessing.detectors.checkpoint import Checkpoint
from preprocessing.detectors.decode import COLUMNS, STRIDE, from_rows
from preprocessing.detectors.isolation import guest
from preprocessing.detectors.weights import locate

REPOSITORY = "deepcam-cn/yolov5-face"
REVISION = "84ef013381e3a155b7a746215974dca7894e0f3e"
"""The commit that was tried, of 2023: what runs is not to change unnoticed."""
MODULES = ("hubconf", "models", "utils")
"""Top-level names of the repository."""
PACKAGES = {  # what the repository imports, and how it is installed
    "torch": "torch",
    "torchvision": "torchvision",
    "PIL": "pillow",
    "matplotlib": "matplotlib",
    "pandas": "pandas",
    "requests": "requests",
    "scipy": "scipy",
    "seaborn": "seaborn",
    "thop": "thop",
    "tqdm": "tqdm",
    "yaml": "pyyaml",
}


@register("yolo5face-hub")
class Yolo5FaceHub:
    """Boxes, scores and landmarks from a YOLO5Face checkpoint, on the GPU where there is one.

    Making one runs the repository's code, and the checkpoint's: see `checkpoint.Checkpoint`.

    Args:
        weights: "n-0.5", "n", "s", "m" (published, fetched when first used) or a .pt file.
        hub_repo: folder of the repository; by default torch.hub's cached copy, or a new one.
        trust_checkpoint: open the checkpoint although its hash is none of the published ones.
        device: as PyTorch calls it; by default "cuda" if there is one, else "cpu".
        threshold: least score of a face.
        iou: most overlap, intersection over union, of two faces.
        input_size: side in pixels of the square that photographs are scaled into, a multiple of
            32.
        batch: images computed at a time; by default 16 on a GPU and 1 on the CPU.

    Raises:
        ImportError: a library that the repository needs is not installed.
        ValueError: an option out of range, an unknown checkpoint, or one of another network.
        OSError: no such file or folder, or something that cannot be fetched.
    """

    name = "yolo5face-hub"
    has_scores = True
    has_landmarks = True

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
        self.threshold = checks.fraction("threshold", threshold)
        self.iou = checks.fraction("iou", iou)
        self._side = checks.side(input_size, STRIDE)
        path = locate(weights, ".pt")
        checkpoint = Checkpoint(path, trust=trust_checkpoint)
        _check_packages()
        import torch

        self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        default = 1 if self._device.type == "cpu" else ON_GPU
        self.batch = default if batch is None else checks.count("batch", batch)
        self._network = load(checkpoint, hub_repo, self._device)
        self._turn = threading.Lock()
        self._about = {
            "weights": path.name,
            "sha256": checkpoint.sha256,
            "repository": f"{REPOSITORY}:{REVISION}" if hub_repo is None else str(hub_repo),
            "library": f"torch {torch.__version__} ({self._device.type})",
        }

    def __call__(self, images: Sequence[np.ndarray]) -> list[Faces]:
        """Faces of each image, see `base.Detector`. Raises ValueError for what is no photograph."""
        canvas = (self._side, self._side)
        return detect(images, canvas, self._candidates, self.batch, self.threshold, self.iou)

    def describe(self) -> dict[str, Any]:
        """Name, weights and their hash, repository, input size, library and settings."""
        return {
            "name": self.name,
            **self._about,
            "input_size": [self._side, self._side],
            "threshold": self.threshold,
            "iou": self.iou,
        }

    def _candidates(self, planes: np.ndarray) -> list[np.ndarray]:
        import torch

        # One call uses all cores or the GPU already, and the network is not made for threads.
        with self._turn, torch.inference_mode():
            rows = self._network(torch.from_numpy(planes).to(self._device))[0].cpu().numpy()
        return [from_rows(of_image, self.threshold) for of_image in rows]


def load(
    checkpoint: Checkpoint, hub_repo: str | os.PathLike[str] | None, device: Any = "cpu"
) -> Any:
    """The network of a checkpoint, a ``torch.nn.Module`` ready for inference.

    Raises:
        OSError: no repository there, or it cannot be fetched.
        ImportError: it needs another library still.
        ValueError: the checkpoint is of another network.
    """
    import torch

    with guest(MODULES):
        try:
            # As the object detector's own wrapper, "autoshape" would drop the landmarks.
            network = torch.hub.load(
                *_repository(hub_repo),
                "custom",
                path_or_model=checkpoint,
                autoshape=False,
                source="github" if hub_repo is None else "local",
                trust_repo=True,
                skip_validation=True,  # it would look for a branch, which a commit is none of
                verbose=False,
            )
        except ModuleNotFoundError as error:
            raise ImportError(
                f"the repository of YOLO5Face needs {error.name}: run `pip install {error.name}`"
            ) from error
        except (OSError, RuntimeError) as error:
            if hub_repo is not None:
                raise
            raise OSError(
                f"cannot load https://github.com/{REPOSITORY} ({error}): where there is a network, "
                "clone it, and give the clone's folder with --hub-repo PATH"
            ) from error
        network = network.eval().requires_grad_(False).to(device).fuse()
        _check_output(network, device)
    return network


def _repository(hub_repo: str | os.PathLike[str] | None) -> tuple[str]:
    if hub_repo is None:
        return (f"{REPOSITORY}:{REVISION}",)
    path = Path(hub_repo)
    if not (path / "hubconf.py").is_file():
        raise FileNotFoundError(
            f"{path} has no hubconf.py: give --hub-repo a clone of https://github.com/{REPOSITORY}"
        )
    return (str(path.resolve()),)


def _check_packages() -> None:
    missing = [package for module, package in PACKAGES.items() if find_spec(module) is None]
    if missing:
        raise ImportError(
            f"the detector yolo5face-hub needs {', '.join(missing)}: "
            f"run `pip install {' '.join(missing)}`, or use the detector yolo5face"
        )


def _check_output(network: Any, device: Any) -> None:
    import torch

    with torch.inference_mode():
        rows = network(torch.zeros(1, 3, STRIDE, STRIDE, device=device))[0]
    if rows.ndim != 3 or rows.shape[2] != COLUMNS:
        raise ValueError(
            f"the checkpoint's network gives {tuple(rows.shape)}: expected (1, N, {COLUMNS}), "
            "as a network with five landmarks gives"
        )
