"""The results of a visit: a few tar files of limited size, each complete at any moment."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path

from attention_fer.common.files import replacing

MIB = 2**20
PATTERN = "visit-*.tar"
_BLOCK = 512  # of a tar file
_END = 20 * _BLOCK  # what tarfile writes after the last entry, at most


class Outbox:
    """Collects files in volumes `visit-1.tar` and so on.

    Each addition rewrites its volume and replaces the old file as a whole, so everything that was
    added before the visit is cut off survives. Not for use by several threads at once.

    Args:
        folder: where the volumes are.
        volume: MiB of a volume at most.
        volumes: number of volumes at most.

    Raises:
        ValueError: a number out of range.
    """

    def __init__(self, folder: Path, volume: float, volumes: int):
        if not volume > 0 or volumes < 1:
            raise ValueError(
                f"volume must be above 0 and volumes at least 1, got {volume:g} and {volumes}."
            )
        self.folder, self._most = folder, int(volume * MIB)
        self._volumes: list[dict[str, Path]] = [{} for _ in range(volumes)]

    def add(self, files: Mapping[str, Path]) -> bool:
        """Add files by their names in the archive, all to one volume; False if none has room.

        Raises:
            OSError: a file cannot be read, or the volume cannot be written.
        """
        for number, there in enumerate(self._volumes, 1):
            joined = {**there, **files}
            if _size(joined) <= self._most:
                self._write(self.folder / f"visit-{number}.tar", joined)
                self._volumes[number - 1] = joined
                return True
        return False

    def fill(self, files: Mapping[str, Path]) -> int:
        """Add as many files as there is room for, in order; return how many. Raises as `add`."""
        left = dict(files)
        for number, there in enumerate(self._volumes, 1):
            taken = dict(there)
            for name, path in list(left.items()):
                if _size(taken) + _size({name: path}) <= self._most:
                    taken[name] = left.pop(name)
            if len(taken) > len(there):
                self._write(self.folder / f"visit-{number}.tar", taken)
                self._volumes[number - 1] = taken
        return len(files) - len(left)

    def _write(self, path: Path, files: Mapping[str, Path]) -> None:
        with replacing(path) as draft, tarfile.open(draft, "w") as archive:
            for name, file in files.items():
                archive.add(file, name, recursive=False)


def _size(files: Mapping[str, Path]) -> int:
    # A header, for a long name three, and whole blocks of content.
    sizes = (path.stat().st_size for path in files.values())
    return sum(4 * _BLOCK + -(-size // _BLOCK) * _BLOCK for size in sizes) + _END
