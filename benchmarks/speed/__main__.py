"""The command line: one subcommand for each measurement, a module of this package."""

from __future__ import annotations

import sys
from functools import partial

from benchmarks import measurements

MEASUREMENTS = {
    "layers": "each attention layer against a functional graph of Keras layers",
    "pipeline": "a training step with its input pipeline against data on the device",
    "training": "images per second of a recipe against plain Keras",
    "libraries": "images per second, compared with keras.applications and torchvision",
    "overhead": "share of a cell's time that is not training",
    "scale": "planning 100,000 cells and reporting 10,000 results",
    "cropping": "photographs to faces, against the published script",
    "topography": "topographic maps of EEG against mne.viz.plot_topomap",
    "predict": "photographs and videos to expressions, compared with other products",
    "memory": "peak memory when preparing up to 200,000 generated photographs",
}

parser = partial(measurements.parser, "benchmarks.speed", MEASUREMENTS)
main = partial(measurements.main, "benchmarks.speed", MEASUREMENTS)

if __name__ == "__main__":
    sys.exit(main())
