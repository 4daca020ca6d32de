"""The prepared datasets that a command asks for; a generated one where there is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.plan import splits
from benchmarks.plan.cell import Target
from preprocessing import sources
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import read_manifest


def open_datasets(
    root: Path,
    out: Path,
    names: Sequence[str] | None,
    console: Console,
    generated: str = "schematic",
) -> dict[str, Dataset]:
    """The asked-for datasets below `root`; generated ones are made where they are missing.

    Args:
        root: folder of prepared datasets.
        out: folder of the results, where what is generated lies.
        names: folders below `root`, or sources that are generated; None for all folders that hold
            images of the kind that `generated` has, faces or maps, and else for `generated`.
        console: is told of what is generated.
        generated: name of a source.

    Raises:
        FileNotFoundError: a dataset that is not there.
        ValueError: a damaged one.
    """
    found = {path.name: path for path in splits.find(root)}
    opened: dict[str, Dataset] = {}
    for name in names or _of_kind(found, generated) or [generated]:
        if name in generated_names() and name not in found:
            found[name] = _generate(name, out / f".{name}", console)
        if name not in found:
            raise FileNotFoundError(_no_dataset(name, root, found))
        dataset = Dataset.open(found[name])
        if dataset.name in opened:
            raise ValueError(
                f"{dataset.path} and {opened[dataset.name].path} both hold {dataset.name}: name "
                "one of the two folders with --datasets."
            )
        opened[dataset.name] = dataset
    return opened


def generated_names() -> list[str]:
    """The sources that need no file."""
    return [name for name in sources.names() if not sources.get(name).needs_path]


def target(dataset: Dataset, protocol: str | None) -> Target:
    """A dataset as what a table is measured on; None for its usual protocol.

    Raises:
        ValueError: the dataset has no such split.
    """
    protocol = protocol or splits.default_protocol(dataset)
    return Target(
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        protocol=protocol,
        folds=splits.digests(dataset, protocol),
        classes=tuple(dataset.classes),
        synthetic=dataset.synthetic,
    )


def _no_dataset(name: str, root: Path, found: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*found, *sources.names()], n=1)
    hint = f" Did you mean {near[0]!r}?" if near and near[0] != name else ""
    make = near[0] if near and near[0] in sources.names() else "NAME"
    return (
        f"No prepared dataset {name!r} below {root}. There: {', '.join(found) or 'none'}.{hint} "
        f"One is made with: python -m preprocessing.run --dataset {make} --source PATH "
        f"--out {root / make}"
    )


def _of_kind(found: Mapping[str, Path], generated: str) -> list[str]:
    """The folders with the kind of images that a source generates."""
    maps = sources.get(generated).kind == "maps"
    return [name for name, path in found.items() if _maps(path) == maps]


def _maps(path: Path) -> bool:
    """Whether a prepared dataset holds maps rather than faces. Raises ValueError if damaged."""
    source = read_manifest(path).get("source")
    return source in sources.names() and sources.get(source).kind == "maps"


def _generate(name: str, folder: Path, console: Console) -> Path:
    from preprocessing.prepare import prepare

    try:
        Dataset.open(folder)
    except (FileNotFoundError, ValueError):  # none yet, or of an earlier version of ours
        console.print(f"Generating {name}: it is synthetic.")
        prepare(name, None, folder, overwrite=True)
    return folder
