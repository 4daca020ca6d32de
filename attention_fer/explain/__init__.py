"""Why a network decides as it does: maps of what it looked at, laid over the pictures.

`grad_cam` for convolutional networks, `rollout` for transformers, `gate_maps` for attention
modules; `overlay` and `gallery` draw them, the latter with Pillow. From the command line:
`python -m attention_fer.explain MODEL.keras FOLDER`. Each is loaded when it is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attention_fer.explain.attention_rollout import rollout
    from attention_fer.explain.gates import gate_maps
    from attention_fer.explain.gradcam import grad_cam
    from attention_fer.explain.overlays import overlay
    from attention_fer.explain.pages import gallery

__all__ = ["gallery", "gate_maps", "grad_cam", "overlay", "rollout"]

_HOMES = {
    "gallery": "pages",
    "gate_maps": "gates",
    "grad_cam": "gradcam",
    "overlay": "overlays",
    "rollout": "attention_rollout",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
