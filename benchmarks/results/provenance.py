"""Provenance of a result: versions, hardware, time."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

REVISION = "ATTENTION_FER_REVISION"
PACKAGES = ("attention-fer", "keras", "numpy", "tensorflow", "tensorflow-cpu", "jax", "torch")


def provenance() -> dict[str, Any]:
    """Returns time, versions, revision, processor and the accelerators that the backend sees."""
    return {
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "revision": revision(),
        "versions": versions(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "accelerators": accelerators(),
    }


def versions() -> dict[str, str]:
    """Returns the installed versions of the packages that affect a result."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def revision() -> str | None:
    """Returns the git revision, with "+" if files were changed; None if it is unknown.

    Outside a checkout it is that of the environment variable `ATTENTION_FER_REVISION`, which a copy
    of the checkout may set.
    """
    folder = Path(__file__).parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        found = answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        found = ""
    return found or os.environ.get(REVISION) or None


def processor() -> str:
    """Returns the processor's name as reported by the system."""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def accelerators() -> list[str]:
    """Returns the names of the devices that the Keras backend uses besides the CPU."""
    import keras

    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        return [d.device_kind for d in jax.devices() if d.platform != "cpu"]
    if backend == "torch":
        import torch

        return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in devices]
    return [str(detail.get("device_name", "GPU")) for detail in details]
