"""`attention-fer serve` as a process of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests
from served import analyze

from attention_fer.cli import main

COMMAND = [sys.executable, "-m", "attention_fer.cli", "serve", "--detector", "cascade"]
MINE = "a-token-of-my-own"


@contextmanager
def started(*arguments, **environment):
    """Yields a process and what it printed before it was ready."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        lines = []
        while not lines or not lines[-1].startswith("Ctrl-C"):
            line = process.stdout.readline()
            assert line, process.stderr.read()
            lines.append(line)
        yield process, "".join(lines)
    finally:
        process.kill()
        process.communicate()


def test_it_serves_this_computer_and_ends_with_ctrl_c(photograph):
    with started() as (process, printed):
        address = re.search(r"http://127\.0\.0\.1:\d+", printed)[0]
        assert "Bearer" not in printed and "warning" not in printed
        assert analyze(address, photograph).json()["results"][0]["dominant_emotion"] == "happy"
        assert "Facial expressions" in requests.get(address, timeout=30).text
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0 and out == "" and err == "stopped\n"


def test_other_computers_need_a_token_that_is_printed(photograph):
    with started("--host", "0.0.0.0") as (_, printed):
        port, token = re.search(r":(\d+)/#token=(\S{32})\n", printed).groups()
        assert f"Authorization: Bearer {token}" in printed and "unencrypted" in printed
        address = f"http://127.0.0.1:{port}"
        assert analyze(address, photograph).status_code == 401
        headers = {"Authorization": f"Bearer {token}"}
        assert analyze(address, photograph, headers=headers).status_code == 200


def test_a_token_may_come_from_the_environment():
    with started(ATTENTION_FER_TOKEN=MINE) as (_, printed):
        address = re.search(r"http://127\.0\.0\.1:\d+", printed)[0]
        assert requests.get(f"{address}/health", timeout=30).status_code == 401
        headers = {"Authorization": f"Bearer {MINE}"}
        assert requests.get(f"{address}/health", headers=headers, timeout=30).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], ["--port", "65535"]),
        (["--host", "203.0.113.7", "--port", "0"], ["203.0.113.7"]),
        (["--max-mb", "0"], ["megabytes", "above 0"]),
        (["--max-requests", "0"], ["places"]),
        (["--port", "0", "--detector", "yunnet"], ["Did you mean 'yunet'?"]),
        (["--port", "0", "--token", ""], ["--token"]),
    ],
)
def test_what_cannot_be_served_is_said_in_one_line(arguments, words, capsys):
    assert main(["serve", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    assert all(word in printed.err for word in words)


def test_a_port_in_use_is_named(capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port), "--detector", "none"]) == 2
        assert f"{port}" in capsys.readouterr().err
