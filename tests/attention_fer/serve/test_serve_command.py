"""`attention-fer serve` as a process of its own."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import parse_qs

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
        assert (
            f"page: http://{socket.gethostname()}:{port}/" in printed and "0.0.0.0" not in printed
        )
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


def test_the_page_gets_a_token_of_any_characters():
    token = "a+b/c%41&d=#token=e"
    with started("--token", token) as (_, printed):
        fragment = re.search(r"page: \S+/#(\S+)\n", printed)[1]
        assert parse_qs(fragment) == {"token": [token]}  # as URLSearchParams reads it
        assert f"Authorization: Bearer {token}\n" in printed


def address_of(printed):
    return "127.0.0.1", int(re.search(r"127\.0\.0\.1:(\d+)", printed)[1])


def test_connections_that_ask_nothing_take_no_places():
    with started("--max-seconds", "1") as (_, printed):
        address = address_of(printed)
        idle = [socket.create_connection(address) for _ in range(45)]
        try:
            for one in idle[::2]:
                one.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Half: ")
            waiting = http.client.HTTPConnection(*address, timeout=30)
            for _ in range(20):
                time.sleep(0.2)
                waiting.request("GET", "/health")
                answer = waiting.getresponse()
                answer.read()
                if answer.status == 200:
                    break
            assert answer.status == 200
            for one in idle:
                one.settimeout(10)
                assert one.recv(100) == b""
        finally:
            for one in idle:
                one.close()
            waiting.close()


def test_a_connection_that_goes_on_asking_stays():
    with started("--max-seconds", "0.5") as (_, printed):
        asking = http.client.HTTPConnection(*address_of(printed), timeout=10)
        asking.connect()
        socket_of_all = asking.sock
        for _ in range(6):
            time.sleep(0.3)
            asking.request("GET", "/icon.svg")
            with asking.getresponse() as answer:
                assert answer.status == 200 and answer.read()
            assert asking.sock is socket_of_all
        asking.close()


def test_a_sender_that_leaves_is_no_error_of_the_server():
    with started() as (process, printed):
        for kind in ("application/json", "multipart/form-data; boundary=x"):
            with socket.create_connection(address_of(printed), timeout=10) as one:
                head = f"Host: localhost\r\nContent-Type: {kind}\r\nContent-Length: 99\r\n\r\n"
                one.sendall(f"POST /analyze HTTP/1.1\r\n{head}--x\r\n".encode())
                time.sleep(0.2)
        host, port = address_of(printed)
        assert requests.get(f"http://{host}:{port}/health", timeout=30).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[1] == "stopped\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "70000"], ["--port", "65535"]),
        (["--host", "203.0.113.7", "--port", "0"], ["203.0.113.7"]),
        (["--max-mb", "0"], ["megabytes", "above 0"]),
        (["--max-requests", "0"], ["requests must", "at least 1"]),
        (["--port", "0", "--detector", "yunnet"], ["Did you mean 'yunet'?"]),
        (["--port", "0", "--token", ""], ["--token"]),
        (["--port", "0", "--token", "ein-schlüssel-für-alle"], ["--token", "ASCII"]),
        (["--port", "0", "--token", " a token with blanks"], ["--token", "no blanks"]),
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
