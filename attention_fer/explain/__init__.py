"""Why a network decides as it does: maps of what it looked at, laid over the pictures.

`grad_cam` for convolutional networks, `rollout` for transformers, `gate_maps` for attention
modules; `overlay` and `gallery` draw them, the latter with Pillow. From the command line:
`python -m attention_fer.explain MODEL.keras FOLDER`. Each is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attention_fer.explain.gallery.overlay import overlay
    from attention_fer.explain.gallery.page import gallery
    from attention_fer.explain.maps.gates import gate_maps
    from attention_fer.explain.maps.gradcam import grad_cam
    from attention_fer.explain.maps.rollout import rollout

__all__ = ["gallery", "gate_maps", "grad_cam", "overlay", "rollout"]

_HOMES = {
    "gallery": "gallery.page",
    "gate_maps": "maps.gates",
    "grad_cam": "maps.gradcam",
    "overlay": "gallery.overlay",
    "rollout": "maps.rollout",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
