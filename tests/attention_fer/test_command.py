"""What a command says, and its exit status, however it ends."""

import errno
import os

import pytest

from attention_fer.common.command import run

ADVICE = "rerun the same command to resume"


def raising(error):
    def work():
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (ValueError("out must be a file"), 2, "error: out must be a file"),
        (ValueError("two\x1b[2J words"), 2, r"error: two\x1b[2J words"),
        (FileNotFoundError("No file at a.jpg"), 2, "error: No file at a.jpg"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a.csv"),
            2,
            f"error: [Errno {errno.ENOSPC}] No space left on device: 'a.csv'. Free some space, "
            f"then {ADVICE}.",
        ),
        (MemoryError("9 GiB"), 2, "error: Not enough memory (9 GiB). Shrink them."),
        (KeyboardInterrupt(), 130, f"interrupted: {ADVICE}"),
    ],
)
def test_an_error_is_one_line_and_a_status(error, status, words, capsys):
    assert run(raising(error), advice=ADVICE, memory_advice="Shrink them.") == status
    assert capsys.readouterr().err == words + "\n"


def test_the_status_of_the_work_is_that_of_the_command(capsys):
    assert [run(lambda: 0), run(lambda: 1)] == [0, 1]
    full = OSError(errno.EDQUOT, "Disk quota exceeded")
    assert run(raising(full)) == 2
    assert capsys.readouterr().err.endswith("quota exceeded. Free some space.\n")


def test_an_error_of_the_program_is_not_hidden():
    with pytest.raises(KeyError):
        run(raising(KeyError("a")))
