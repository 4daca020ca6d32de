"""Requests that must be refused, in few words and without harm."""

import gzip
import io
import socket
import threading
import time
import zlib

import pytest
import requests
from PIL import Image
from served import analyze, data_uri, grey, png, refused, running, sent_by_hand

from attention_fer.predict import Predictor
from attention_fer.serve.guard import is_loopback
from attention_fer.serve.limits import Limits


@pytest.mark.parametrize(
    "given",
    ["/etc/passwd", "file:///etc/passwd", "http://169.254.169.254/latest", "", "data:text/html,x"],
)
@pytest.mark.parametrize("field", ["img", "image"])
def test_paths_and_addresses_are_not_read(address, field, given):
    refused(analyze(address, **{field: given}), 422, "data URI")
    answer = requests.post(f"{address}/analyze", json={field: given}, timeout=30)
    refused(answer, 422, "data URI")


def test_addresses_are_not_called(address):
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.2)
        url = f"http://127.0.0.1:{trap.getsockname()[1]}/face.png"
        refused(analyze(address, img=url), 422, "not read")
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"\xff\xd8\xff",
    ],
)
def test_what_is_no_picture_is_415(address, data):
    refused(analyze(address, data), 415)


def test_a_cut_picture_is_415(address, photograph):
    refused(analyze(address, photograph[: len(photograph) // 2]), 415, "undecodable")


def announced_png(width, height):
    """A valid header with a size that its 70 bytes do not have."""

    def chunk(kind, content):
        body = kind + content
        return len(content).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    size = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(2001, 1000), (60_000, 60_000)])
def test_too_many_pixels_are_422_before_they_are_decoded(address, size):
    refused(analyze(address, announced_png(*size)), 422, "too many pixels")


def test_as_many_pixels_as_allowed_are_taken(address):
    data = png(grey(1000, 2000))
    assert analyze(address, data, enforce_detection="false").status_code == 200


def test_a_hundred_megabytes_are_413_before_they_are_sent(address):
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": "100000000"}
    status, told = sent_by_hand(address, headers)
    assert status == 413 and "at most 1 MB" in told["error"]


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json"])
def test_a_length_that_is_not_announced_counts_too(address, kind):
    start = b'--x\r\nContent-Disposition: form-data; name="img"; filename="a"\r\n\r\n'
    body = start + b"a" * 1_000_000
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (body[:600_000], body[600_000:]))
    headers = {"Content-Type": kind, "Transfer-Encoding": "chunked"}
    status, told = sent_by_hand(address, headers, chunks)
    assert status == 413 and "at most 1 MB" in told["error"]


@pytest.mark.parametrize(
    ("encoding", "name"), [("unicode_escape", rb"\ud800.png"), ("utf-7", b"+2AA-.png")]
)
def test_a_name_that_is_no_text_is_escaped(address, photograph, encoding, name):
    start = b'--x\r\nContent-Disposition: form-data; name="img"; filename="%s"\r\n\r\n' % name
    body = start + photograph + b"\r\n--x--\r\n"
    kind = f"multipart/form-data; boundary=x; charset={encoding}"
    headers = {"Content-Type": kind, "Content-Length": f"{len(body)}"}
    status, told = sent_by_hand(address, headers, body)
    assert status == 200 and told["rows"][0]["input"] == r"\ud800.png"


@pytest.mark.parametrize("length", ["-1", "1e9", "²"])
def test_a_length_that_is_no_number_is_refused(address, length):
    headers = {"Content-Type": "application/json", "Content-Length": length.encode("latin-1")}
    with socket.create_connection(address.removeprefix("http://").split(":"), 10) as connection:
        head = b"".join(f"{k}: ".encode() + (v if isinstance(v, bytes) else v.encode()) + b"\r\n"
                        for k, v in headers.items())  # fmt: skip
        connection.sendall(b"POST /analyze HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{", 422),
        ("application/json", b"[]", 422),
        ("application/json", b"[" * 200_000, 422),
        ("application/json", b"\xff", 422),
        ("multipart/form-data", b"x", 422),
        ("multipart/form-data; boundary=x", b"--y\r\n", 422),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--\r\n", 422),
        ("text/plain", b"hello", 415),
        ("image/png", b"hello", 415),
    ],
)
def test_bodies_that_are_no_form_are_refused(address, kind, body, status):
    headers = {"Content-Type": kind}
    answer = requests.post(f"{address}/analyze", data=body, headers=headers, timeout=30)
    refused(answer, status)


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"actions": '["emotion", "age"]'}, "actions"),
        ({"actions": "[]"}, "actions"),
        ({"detector_backend": "retinaface"}, "'cascade'"),
        ({"enforce_detection": "maybe"}, "enforce_detection must be true or false"),
        ({"anti_spoofing": "true"}, "anti_spoofing"),
        ({"looked_at": "1"}, "looked_at"),
        ({"looked_at": "-1"}, "looked_at"),
        ({"model_name": "VGG-Face"}, "'model_name'"),
    ],
)
def test_fields_that_would_have_no_effect_are_refused(address, photograph, fields, word):
    refused(analyze(address, photograph, **fields), 422, word)


@pytest.mark.parametrize("actions", ["emotion", '["emotion"]', "['emotion']", "[emotion]"])
def test_actions_in_every_spelling_of_a_form(address, photograph, actions):
    assert analyze(address, photograph, actions=actions).status_code == 200


def test_a_picture_is_given_once(address, photograph):
    refused(analyze(address, actions="emotion"), 422, "once")
    refused(analyze(address, photograph, image=data_uri(photograph)), 422, "once")
    refused(analyze(address, img="data:image/png;base64,$$$"), 422, "base64")
    twice = [("actions", "emotion"), ("actions", "age"), ("img", data_uri(photograph))]
    refused(requests.post(f"{address}/analyze", data=twice, timeout=30), 422, "'actions' twice")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "["])
def test_other_names_of_this_computer_are_refused(address, host):
    for path in ("/", "/health"):
        refused(requests.get(address + path, headers={"Host": host}, timeout=30), 400, "Host")


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1:9", "[::1]:8000"])
def test_its_own_names_are_allowed(address, host):
    answer = requests.get(f"{address}/health", headers={"Host": host}, timeout=30)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://[", "http://evil.example", "null", "http://127.0.0.1:1"]
)
def test_pages_of_other_sites_are_refused(address, photograph, origin):
    refused(analyze(address, photograph, headers={"Origin": origin}), 403, "other sites")
    assert analyze(address, photograph, headers={"Origin": address}).status_code == 200


def test_no_answer_is_stored_or_open_to_other_sites(address, photograph):
    answers = [requests.get(address + path, timeout=30) for path in ("/", "/page.js", "/nothing")]
    for answer in [*answers, analyze(address, photograph), analyze(address, b"x")]:
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


@pytest.mark.parametrize("path", ["/..%2fapp.py", "/%2e%2e/app.py", "//etc/passwd", "/app.py"])
def test_files_beside_the_page_are_not_served(address, path):
    refused(requests.get(address + path, timeout=30), 404)


def test_a_token_is_required_of_everything_but_the_page(predictor, photograph):
    with running(predictor, token="s3cret", loopback=False) as address:
        assert requests.get(f"{address}/", timeout=30).status_code == 200
        for given in (None, "s3cret", "Bearer wrong", "Bearer ", "Basic s3cret", "Bearer é"):
            headers = {} if given is None else {"Authorization": given.encode()}
            answer = analyze(address, photograph, headers=headers)
            refused(answer, 401, "Authorization: Bearer")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            # Routes also match before a newline, and nothing but the page's own files is open.
            for path in ("health", "health%0A", "page.js%0A", "nothing"):
                answer = requests.get(f"{address}/{path}", headers=headers, timeout=30)
                refused(answer, 401, "Authorization: Bearer")
            answer = requests.post(f"{address}/analyze%0A", headers=headers, timeout=30)
            refused(answer, 401, "Authorization: Bearer")
        assert requests.get(f"{address}/page.js", timeout=30).status_code == 200
        headers = {"Authorization": "Bearer s3cret", "Host": "my-server:8000"}
        assert analyze(address, photograph, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("localhost", True)]
    + [("0.0.0.0", False), ("::", False), ("192.168.1.2", False), ("localhost.evil", False)],
)
def test_what_only_this_computer_reaches(host, expected):
    assert is_loopback(host) is expected


class Slow(Predictor):
    """Waits until it is let go."""

    def __init__(self):
        super().__init__(detector="none")
        self.go, self.begun = threading.Event(), threading.Semaphore(0)

    def rows(self, frames):
        self.begun.release()
        assert self.go.wait(60)
        return super().rows(frames)


def in_background(address, photograph, count, found):
    def ask():
        found.append(analyze(address, photograph).status_code)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_requests_beyond_a_short_queue_are_503(photograph):
    slow, found = Slow(), []
    with running(slow, Limits(requests=2)) as address:
        # Which two of them get the places is up to the system.
        asking = in_background(address, photograph, 4, found)
        deadline = time.monotonic() + 25
        while len(found) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert found == [503, 503]
        answer = analyze(address, photograph)
        refused(answer, 503, "busy")
        assert answer.headers["Retry-After"] == "1"
        assert requests.get(f"{address}/health", timeout=30).status_code == 200
        slow.go.set()
        for thread in asking:
            thread.join()
        assert sorted(found) == [200, 200, 503, 503]
        assert analyze(address, photograph).status_code == 200


def test_an_answer_that_takes_too_long_is_503_and_frees_its_place(photograph):
    slow = Slow()
    with running(slow, Limits(requests=1, seconds=0.5)) as address:
        for _ in range(2):
            refused(analyze(address, photograph), 503, "0.5 seconds")
        slow.go.set()


def test_a_body_that_does_not_come_is_408(predictor):
    with running(predictor, Limits(seconds=0.3, requests=1)) as address:
        headers = {"Content-Type": "application/json", "Content-Length": "10"}
        status, told = sent_by_hand(address, headers, b"{")
        assert status == 408 and "0.3 seconds" in told["error"]


class Broken(Predictor):
    """Fails with a message that is not for clients."""

    def rows(self, frames):
        raise RuntimeError("secret of the server")


def test_a_failure_shows_nothing_of_the_inside(photograph, caplog):
    with running(Broken(detector="none")) as address:
        answer = analyze(address, photograph)
        refused(answer, 500, "failed")
        assert "secret" not in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
    assert "secret of the server" in caplog.text


def test_uploads_are_not_written_to_disk(address, monkeypatch, tmp_path):
    from tempfile import SpooledTemporaryFile

    rolled = []
    monkeypatch.setattr(SpooledTemporaryFile, "rollover", lambda self: rolled.append(self))
    # More than the megabyte that Starlette keeps in memory.
    with running(Predictor(detector="none")) as own:
        stream = io.BytesIO()
        Image.effect_noise((1500, 1500), 90).save(stream, "PNG")
        assert len(stream.getvalue()) > 1_500_000
        assert analyze(own, stream.getvalue()).status_code == 200
    assert rolled == []


def test_compressed_bodies_are_not_unpacked(address):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    bomb = gzip.compress(b" " * 50_000_000)
    answer = requests.post(f"{address}/analyze", data=bomb, headers=headers, timeout=30)
    refused(answer, 422)


def test_a_form_of_too_many_fields_is_refused(address):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    many = b"&".join(b"%d=" % number for number in range(100_000))
    for body in (many, b"\xff=1"):
        answer = requests.post(f"{address}/analyze", data=body, headers=headers, timeout=30)
        refused(answer, 422, "The body")
