"""The command line: one subcommand for each measurement, a module of this package."""

from __future__ import annotations

import sys
from functools import partial

from benchmarks import measurements

MEASUREMENTS = {
    "detectors": "recall, false hits and time of face detectors",
    "position": "where boxes and eyes lie in FER2013's images",
    "crops": "accuracy of the network in the package, by kind of crop",
    "turned": "photographs stored sideways or upside down",
}

parser = partial(measurements.parser, "benchmarks.faces", MEASUREMENTS)
main = partial(measurements.main, "benchmarks.faces", MEASUREMENTS)

if __name__ == "__main__":
    sys.exit(main())
