"""Name facial expressions on a local web page or over HTTP.

    python -m attention_fer.serve
    curl -F img=@photo.jpg http://127.0.0.1:8000/analyze

The page takes photographs and camera pictures. POST /analyze answers with deepface's fields.
Pictures stay in memory: nothing is stored, and nothing leaves the computer that runs this.

It names the expression that people would most likely see in a face, not what a person feels. Do not
use it for decisions about people.

Exit status: 0 ended with Ctrl-C; 2 wrong usage, something is missing, or the port is in use.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from attention_fer.common.command import run
from attention_fer.predict.defaults import DETECTOR, MODEL

PROGRAM = "python -m attention_fer.serve"
TOKEN = "ATTENTION_FER_TOKEN"


def parser(prog: str = PROGRAM) -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    result = argparse.ArgumentParser(
        prog,
        description=(__doc__ or "").replace(PROGRAM, prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument_group("address").add_argument
    add("--host", default="127.0.0.1", help="default: 127.0.0.1, this computer only")
    add("--port", type=int, default=8000, help="default: 8000; 0 for any free port")
    add(
        "--token",
        default=os.environ.get(TOKEN),
        help=(
            f"token that requests must carry; default: the environment variable {TOKEN}; without "
            "it, none if only this computer can connect, otherwise a new one, which is printed"
        ),
    )
    add = result.add_argument_group("network and faces").add_argument
    add("--model", default=MODEL, metavar="MODEL", help=f"default: {MODEL}; as for predict")
    add("--detector", default=DETECTOR, metavar="NAME", help=f"default: {DETECTOR}")
    add("--weights", metavar="FILE", help="weights of the detector")
    add("--min-score", type=float, metavar="P", help="minimum score of a face, 0 to 1")
    add("--threads", type=int, metavar="N", help="default: one per core")
    add = result.add_argument_group("limits of a request").add_argument
    add("--max-mb", type=float, default=20.0, metavar="MB", help="size (default: 20)")
    add("--max-megapixels", type=float, default=40.0, metavar="N", help="default: 40")
    add("--max-seconds", type=float, default=30.0, metavar="S", help="time (default: 30)")
    add("--max-requests", type=int, default=8, metavar="N", help="at the same time (default: 8)")
    return result


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Runs the command line. `prog` is the command that started it.

    Returns:
        Exit status, see `--help`.
    """
    args = parser(prog).parse_args(arguments)
    return run(lambda: _serve(args))


def _serve(args: argparse.Namespace) -> int:
    from attention_fer.serve.server import serve

    try:
        serve(args)
    except KeyboardInterrupt:  # the way to stop it
        print("stopped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
