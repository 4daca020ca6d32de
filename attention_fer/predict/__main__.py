"""Name the facial expressions in photographs, videos and camera pictures.

    python -m attention_fer.predict photo.jpg
    python -m attention_fer.predict photographs --out results.csv --annotate pictures
    python -m attention_fer.predict clip.mp4 --out clip.csv --annotate clip-annotated.mp4 --every 5
    python -m attention_fer.predict --camera 0

The result is a row for each face, and one for each picture that has no face or cannot be read.
Folders are searched with their subfolders; zips and tars are read too. Nothing is downloaded except
detector weights, and no picture leaves this computer.

It names the expression that people would most likely see in a face. It does not say what a person
feels, thinks or intends. Do not use it for decisions about people: not for hiring, work, education,
policing, borders, insurance or diagnosis. In the European Union, inferring emotions at work and in
education is prohibited (Regulation (EU) 2024/1689, Article 5).

Exit status: 0 done; 1 no picture could be read, the self-test failed, or with --strict a picture
gave no expression; 2 wrong usage, or something is missing; 130 interrupted: with --out, the same
command resumes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from attention_fer.common.command import run, tidy_when_ended
from attention_fer.predict.defaults import DETECTOR, MIN_SIZE, MODEL, WHOLE

PROGRAM = "python -m attention_fer.predict"


def parser(prog: str = PROGRAM) -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    result = argparse.ArgumentParser(
        prog,
        description=(__doc__ or "").replace(PROGRAM, prog),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="photographs, folders or archives of them; or videos, or folders of them",
    )
    add("--self-test", action="store_true", help="only check that the network works as released")
    _add_output(result.add_argument_group("output").add_argument)
    _add_faces(result.add_argument_group("faces").add_argument)
    _add_videos(result.add_argument_group("videos and cameras").add_argument)
    group = result.add_argument_group("network").add_argument
    group(
        "--model",
        default=MODEL,
        metavar="MODEL",
        help=f"{MODEL} (default), an .onnx or .keras file with its JSON, or the folder of a cell",
    )
    group("--threads", type=int, metavar="N", help="default: one per core")
    return result


def _add_output(add: Callable[..., Any]) -> None:
    add("--out", metavar="FILE", help="table to write: .csv, .jsonl or .parquet; with a manifest")
    add(
        "--format",
        metavar="NAME",
        help="without --out: text (default), csv or jsonl on the screen",
    )
    add(
        "--columns",
        default="own",
        metavar="NAME",
        help="names and units of columns: own (default), openface, pyfeat or deepface",
    )
    add(
        "--annotate",
        metavar="PATH",
        help="also draw boxes and labels on copies: a folder, or an .mp4 for a video or camera",
    )
    add("--strict", action="store_true", help="exit with status 1 if a picture gave no expression")


def _add_faces(add: Callable[..., Any]) -> None:
    add(
        "--detector",
        default=DETECTOR,
        metavar="NAME",
        help=f"default: {DETECTOR}; {WHOLE} if the pictures are cropped faces",
    )
    add("--weights", metavar="FILE", help="weights of the detector")
    add("--min-score", type=float, metavar="P", help="minimum score of a face, 0 to 1")
    add(
        "--min-size",
        type=float,
        default=MIN_SIZE,
        metavar="PIXELS",
        help=f"smaller faces are reported without an expression (default: {MIN_SIZE})",
    )
    add(
        "--roi",
        metavar="X,Y,WIDTH,HEIGHT",
        help="search only this part of each picture, in pixels of the upright picture",
    )
    add("--largest", action="store_true", help="use only the largest face of each picture")


def _add_videos(add: Callable[..., Any]) -> None:
    add("--every", type=int, metavar="N", help="analyse every N-th frame")
    add("--fps", type=float, metavar="X", help="analyse at most X frames per second")
    add("--start", metavar="TIME", help="where to begin: seconds or h:mm:ss")
    add("--end", metavar="TIME", help="where to end")
    add(
        "--smooth",
        type=float,
        metavar="SECONDS",
        help="add columns of probabilities smoothed for each face, with this time constant",
    )
    add(
        "--baseline",
        metavar="START-END",
        help="with --out: add columns of differences of each face from its mean in this span",
    )
    add("--camera", type=int, metavar="INDEX", help="read a camera, 0 for the first")
    add("--seconds", type=float, metavar="X", help="stop the camera after X seconds")


def main(arguments: Sequence[str] | None = None, prog: str = PROGRAM) -> int:
    """Runs the command line. `prog` is the command that started it.

    Returns:
        Exit status, see `--help`.
    """
    args = parser(prog).parse_args(arguments)
    resumes = args.out and args.camera is None
    return run(
        lambda: _predict(args),
        advice="rerun the same command to resume" if resumes else "",
        memory_advice="Shrink the largest pictures.",
    )


def _predict(args: argparse.Namespace) -> int:
    from attention_fer.predict.command.run import predict, self_test

    with tidy_when_ended():
        return self_test(args) if args.self_test else predict(args)


if __name__ == "__main__":
    sys.exit(main())
