"""Attention modules and facial-expression backbones for Keras 3.

- `attention_fer.attach`: puts attention modules into any Keras model, `detach` takes them out.
- `attention_fer.layers`: attention modules as Keras layers.
- `attention_fer.models`: networks that take any of them.
- `attention_fer.pretrained`: the files of networks that come trained.
- `attention_fer.training`: parts of a training, such as losses and augmentation.
- `attention_fer.recipes`: complete training configurations, as data.
- `attention_fer.explain`: Grad-CAM, attention rollout and gate maps.

A subpackage is imported on first use, so `import attention_fer` loads no framework. Keras finds
only classes that have been imported: before loading a saved model that contains these layers,
import `attention_fer.layers`, or `attention_fer.models` for a transformer, a ConvNeXt or a network
of `attention_fer.pretrained`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from attention_fer import explain, layers, models, pretrained, recipes, training
    from attention_fer.attaching import attach, detach

__version__ = "0.1.0"
_FUNCTIONS = ("attach", "detach")
__all__ = [
    "attach",
    "detach",
    "explain",
    "layers",
    "models",
    "pretrained",
    "recipes",
    "training",
]


def __getattr__(name: str) -> Any:
    if name in _FUNCTIONS:
        return getattr(importlib.import_module(f"{__name__}.attaching"), name)
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
