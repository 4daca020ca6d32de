"""Opens the prepared datasets of a run; generates one if none is prepared."""

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
    """Return the opened datasets by name; missing ones that need no files are generated.

    Args:
        root: folder of prepared datasets.
        out: folder of the results, where generated datasets are stored.
        names: folders below `root`, or sources that need no files. None opens all folders whose
            images are of the same kind as those of `generated`, faces or maps; if there are no
            such folders, it generates `generated`.
        console: where a line is printed for each generated dataset.
        generated: name of a source that needs no files.

    Raises:
        FileNotFoundError: a named dataset does not exist.
        ValueError: a dataset is damaged, or two folders hold the same dataset.
    """
    found = {path.name: path for path in splits.find(root)}
    opened: dict[str, Dataset] = {}
    for name in names or _of_kind(found, generated) or [generated]:
        if name in generated_names() and name not in found:
            found[name] = _generate(name, out / f".{name}", console)
        if name not in found:
            raise FileNotFoundError(_explain_missing(name, root, found))
        dataset = Dataset.open(found[name])
        if dataset.name in opened:
            raise ValueError(
                f"{dataset.path} and {opened[dataset.name].path} both hold {dataset.name}. "
                "Choose one of the two folders with --datasets."
            )
        opened[dataset.name] = dataset
    return opened


def generated_names() -> list[str]:
    """Return the names of the sources that need no files."""
    return [name for name in sources.names() if not sources.get(name).needs_path]


def target(dataset: Dataset, protocol: str | None) -> Target:
    """Return the target of a dataset; `protocol` None selects its usual split.

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


def _explain_missing(name: str, root: Path, found: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, [*found, *sources.names()], n=1)
    hint = f" Did you mean {near[0]!r}?" if near and near[0] != name else ""
    make = near[0] if near and near[0] in sources.names() else "NAME"
    return (
        f"No prepared dataset {name!r} below {root}. Found: {', '.join(found) or 'none'}.{hint} "
        f"Prepare it with: python -m preprocessing.run --dataset {make} --source PATH "
        f"--out {root / make}"
    )


def _of_kind(found: Mapping[str, Path], generated: str) -> list[str]:
    """Return the folders whose images are of the same kind as the source's, faces or maps."""
    maps = sources.get(generated).kind == "maps"
    return [name for name, path in found.items() if _maps(path) == maps]


def _maps(path: Path) -> bool:
    """Return whether a dataset holds maps rather than faces. Raises ValueError if damaged."""
    source = read_manifest(path).get("source")
    return source in sources.names() and sources.get(source).kind == "maps"


def _generate(name: str, folder: Path, console: Console) -> Path:
    from preprocessing.prepare import prepare

    try:
        Dataset.open(folder)
    except (FileNotFoundError, ValueError):  # not generated yet, or by an earlier version
        console.print(f"Generating the synthetic dataset {name}.")
        prepare(name, None, folder, overwrite=True)
    return folder
