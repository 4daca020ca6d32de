"""The prepared datasets of a run and their splits; generates a dataset if none is prepared."""

from __future__ import annotations

import difflib
import hashlib
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.plan.cell import Target
from preprocessing import sources, splits
from preprocessing.dataset.folder import Dataset
from preprocessing.dataset.manifest import MANIFEST, read_manifest
from preprocessing.splits.base import stored_names

_LOOK_AGAIN = 1.0  # seconds between checks of a dataset that another run generates


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
    found = {path.name: path for path in find(root)}
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
    protocol = protocol or default_protocol(dataset)
    return Target(
        dataset=dataset.name,
        fingerprint=dataset.fingerprint,
        protocol=protocol,
        folds=digests(dataset, protocol),
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

    while True:
        try:
            Dataset.open(folder)
            return folder
        except (FileNotFoundError, ValueError):  # not generated yet, or by an earlier version
            console.print(f"Generating the synthetic dataset {name}.")
        try:
            prepare(name, None, folder, overwrite=True)
        except BlockingIOError:
            console.print("Another run is generating it; waiting.")
            time.sleep(_LOOK_AGAIN)


# The usual protocols of datasets with known subjects; the official split for all others.
CUSTOM = {"ckplus": "subject-10fold", "ck48": "subject-10fold", "jaffe": "loso"}


def find(root: str | Path) -> list[Path]:
    """Return the folders of the prepared datasets below `root`, sorted by name."""
    found = (path.parent for path in Path(root).glob(f"*/{MANIFEST}"))
    return sorted(path for path in found if not path.name.startswith("."))


def default_protocol(dataset: Dataset) -> str:
    """Return the protocol a dataset is usually evaluated with: by subject where that is customary.

    Raises:
        ValueError: none of the usual splits is stored with the dataset.
    """
    stored = stored_names(dataset.path)
    usual = list(dict.fromkeys((CUSTOM.get(dataset.name, "official"), "official", "hold-out")))
    for protocol in usual:
        if protocol in stored:
            return protocol
    wanted = f"{dataset.path} has none of the splits {', '.join(usual)}"
    if stored:
        raise ValueError(f"{wanted}, but it has {', '.join(stored)}. Choose one with --protocol.")
    raise ValueError(
        f"{wanted}, nor any other: with {len(dataset)} images it is too small to be split. "
        "Prepare it again with more images, or with more people."
    )


def split(dataset: Dataset, protocol: str, fold: int = 0) -> splits.Split:
    """Return the rows of train, validation and test, as stored when the dataset was prepared.

    Raises:
        ValueError: the dataset has no such split, or not that many folds.
    """
    found = splits.stored(dataset, protocol)
    if not 0 <= fold < len(found):
        raise ValueError(
            f"fold must be from 0 to {len(found) - 1}, as {protocol} divides {dataset.name} into "
            f"{len(found)} folds, got {fold}."
        )
    return found[fold]


def digests(dataset: Dataset, protocol: str) -> tuple[str, ...]:
    """Return ten hexadecimal digits for each fold of a protocol, a hash of its rows.

    Raises:
        ValueError: the dataset has no such split.
    """
    return tuple(map(digest, splits.stored(dataset, protocol)))


def digest(rows_of: splits.Split) -> str:
    """Return the hash of one fold, see `digests`."""
    found = hashlib.sha256()
    for name, rows in rows_of.items():
        found.update(f"{name} {len(rows)} ".encode() + rows.astype("<i8").tobytes())
    return found.hexdigest()[:10]
