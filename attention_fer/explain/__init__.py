"""Explains a network's decisions with maps of what it looked at, laid over the images.

`grad_cam` is for convolutional networks, `rollout` for transformers, `gate_maps` for attention
modules; `overlay` and `gallery` draw them, the latter with Pillow. From the command line:
`python -m attention_fer.explain MODEL.keras FOLDER`. Each function is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attention_fer.explain.drawing.gallery import gallery
    from attention_fer.explain.drawing.overlay import overlay
    from attention_fer.explain.maps.gates import gate_maps
    from attention_fer.explain.maps.gradcam import grad_cam
    from attention_fer.explain.maps.rollout import rollout

__all__ = ["gallery", "gate_maps", "grad_cam", "overlay", "rollout"]

_HOMES = {
    "gallery": "drawing.gallery",
    "gate_maps": "maps.gates",
    "grad_cam": "maps.gradcam",
    "overlay": "drawing.overlay",
    "rollout": "maps.rollout",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if error.name != "PIL":
            raise
        raise ImportError(
            'Drawing a gallery needs Pillow: pip install "attention-fer[preprocessing]".'
        ) from error
    return getattr(home, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
