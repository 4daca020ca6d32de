"""Shows the networks of a family with the options and the documentation of the family.

`@variant(resnet)` replaces a function by a builder with the options of `resnet`, which mkdocstrings
does not see, because it reads the source without running it.
"""

from __future__ import annotations

from typing import Any

import griffe


class Variants(griffe.Extension):
    """Completes the functions under `@variant(family)` and what those decorated return."""

    def on_package(self, *, pkg: griffe.Module, **_: Any) -> None:
        models = pkg.modules.get("models")
        for module in models.modules.values() if models else ():
            for function in module.functions.values():
                for decorator in function.decorators:
                    name, _, family = str(decorator.value).rstrip(")").partition("(")
                    if name in ("whole_network", "variant"):
                        function.returns = griffe.ExprName("Model")
                    if name == "variant":
                        _complete(function, module[family])


def _complete(function: griffe.Function, family: griffe.Function) -> None:
    _, *options = family.parameters
    function.parameters = griffe.Parameters(*options)
    _, _, shared = family.docstring.value.partition("\n")
    function.docstring.value += "\n" + shared.replace("{title}", function.name)
