"""Makes a network for release from a stored cell: `python -m benchmarks.release RESULT`.

RESULT is the folder of a cell of `small_resnet` with `se`, trained on the official split of FER2013
by `benchmarks.run --save-models` with the recipe `fer-small` or `fer-small-long`. The command

- fits the temperature on the validation images (PublicTest),
- writes the network for Keras and ONNX, and a smaller ONNX file if that keeps the accuracy,
- measures it once on the test images (PrivateTest): accuracy, calibration, robustness, speed,
- writes a model card and, with hashes and all figures, a manifest,
- stores three drawings with their probabilities for `attention-fer predict --self-test`.

The files go to OUT/fer-small; those of an earlier release are replaced when all are ready.

Exit status: 0, or 2 if something is missing or wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attention_fer.common.command import run
from attention_fer.common.console import plain_console
from attention_fer.common.progress import progress

if TYPE_CHECKING:
    from rich.console import Console

PROGRAM = "python -m benchmarks.release"


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Run the command line, see `--help`; return the exit status."""
    options = parser(prog).parse_args(arguments)
    return run(lambda: _release(options, plain_console(soft_wrap=True)))


def parser(prog: str = PROGRAM) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    result = argparse.ArgumentParser(
        prog, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add(
        "result",
        type=Path,
        metavar="RESULT",
        help="folder of the cell, or of a table with one stored network",
    )
    add("--dataset", type=Path, default=Path("data/fer2013"), help="prepared FER2013")
    add("--out", type=Path, required=True, help="folder of the networks: attention_fer/pretrained")
    add(
        "--trained-by",
        metavar="COMMAND",
        help="command that trained the cell, for the card; default: that of its stored plan",
    )
    return result


def _release(options: argparse.Namespace, console: Console) -> int:
    from benchmarks.release.onnx_files import check_packages

    check_packages()
    # Imported here, since it loads the framework.
    from attention_fer.models import fer_small
    from benchmarks.release import build, origin
    from preprocessing.dataset.folder import Dataset

    result = origin.find_result(options.result)
    dataset = Dataset.open(options.dataset)
    target = options.out / fer_small.NAME
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".release-", dir=target) as folder:
        draft = Path(folder)
        with progress(plain_console(stderr=True), "steps") as track:
            build.release(result, dataset, draft, options.trained_by, console.print, track)
        replace(draft, target)
    for path in sorted(target.iterdir()):
        console.print(f"{path} {path.stat().st_size:,} bytes")
    return 0


def replace(draft: Path, target: Path) -> None:
    """Move the files of `draft` to `target`, the manifest last, and remove those of before.

    A reader between two moves finds a file whose hash is not in its manifest.
    """
    files = sorted(draft.iterdir(), key=lambda path: path.suffix == ".json")
    weights = files[-1].stem
    new = {path.name for path in files}
    for path in files:
        os.replace(path, target / path.name)
    for path in target.glob(f"{weights}.*"):
        if path.name not in new:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
