"""Published files arrive whole or not at all, and are fetched only once."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import pytest

from preprocessing.detectors import weights as module
from preprocessing.detectors.weights import (
    RELEASES,
    YOLO5FACE,
    YUNET,
    WeightsError,
    fetch,
    locate,
    short_name,
)

CONTENT = bytes(range(256)) * 400
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serves CONTENT whole, cut short or changed, and counts the requests."""

    def __init__(self, way: str):
        self.requests = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests += 1
                if way == "absent":
                    return self.send_error(404)
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                body = {"truncated": CONTENT[:999], "changed": CONTENT[::-1]}.get(way, CONTENT)
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._http.server_port}/"
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()

    def close(self):
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


@pytest.fixture
def serve():
    running = []

    def start(way="whole"):
        running.append(Server(way))
        return running[-1]

    yield start
    for server in running:
        server.close()


def test_a_file_is_downloaded_once_and_then_taken_from_the_cache(serve, cache, capfd):
    server = serve()
    for _ in range(2):
        path = fetch("x.onnx", DIGEST, server.address, "9 MB")
        assert path == cache / "x.onnx" and path.read_bytes() == CONTENT
    assert server.requests == 1
    assert capfd.readouterr() == ("", "")


def test_what_was_cached_needs_no_network(cache):
    cache.mkdir()
    (cache / "x.onnx").write_bytes(CONTENT)
    assert fetch("x.onnx", DIGEST, "http://127.0.0.1:9/", "9 MB") == cache / "x.onnx"


def test_a_damaged_file_in_the_cache_is_replaced(serve, cache):
    cache.mkdir()
    (cache / "x.onnx").write_bytes(b"damaged")
    assert fetch("x.onnx", DIGEST, serve().address, "9 MB").read_bytes() == CONTENT


@pytest.mark.parametrize("way", ["truncated", "changed", "absent"])
def test_a_failed_download_leaves_nothing_and_says_what_to_do(way, serve, cache):
    server = serve(way)
    with pytest.raises(WeightsError) as caught:
        fetch("x.onnx", DIGEST, server.address, "9 MB")
    text = str(caught.value)
    for part in ("x.onnx", server.address + "x.onnx", DIGEST, str(cache / "x.onnx"), "--weights"):
        assert part in text
    # A port may contain the digits of the status.
    told = text.replace(server.address, "")
    assert "\n" not in text and ("404" in told) == (way == "absent")
    assert not cache.exists() or list(cache.iterdir()) == []


def test_without_a_network_the_error_says_what_to_get_and_where_to_put_it(cache):
    with pytest.raises(WeightsError, match="could not be downloaded") as caught:
        fetch("x.onnx", DIGEST, "http://127.0.0.1:9/", "9 MB")
    assert DIGEST in str(caught.value) and "(9 MB)" in str(caught.value)
    assert str(cache / "x.onnx") in str(caught.value)


def test_the_error_names_a_detector_that_needs_no_download(cache, monkeypatch):
    if hasattr(cv2, "CascadeClassifier"):
        with pytest.raises(WeightsError, match="--detector cascade needs no download"):
            fetch("x.onnx", DIGEST, "http://127.0.0.1:9/", "9 MB")
        monkeypatch.delattr(cv2, "CascadeClassifier")
    with pytest.raises(WeightsError, match='--detector cascade after .*opencv.*<5"'):
        fetch("x.onnx", DIGEST, "http://127.0.0.1:9/", "9 MB")


def test_the_user_s_cache_is_the_place_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("ATTENTION_FER_CACHE", raising=False)
    assert module.cache().name == "attention_fer"
    monkeypatch.setenv("ATTENTION_FER_CACHE", str(tmp_path))
    assert module.cache() == tmp_path


@pytest.mark.parametrize(
    ("release", "suffixes"), [(YOLO5FACE, (".onnx", ".pt")), (YUNET, (".onnx",))]
)
def test_every_published_name_has_its_files_with_a_hash_of_their_own(release, suffixes):
    files = [stem + suffix for stem in release.names.values() for suffix in suffixes]
    assert sorted(files) == sorted(release.sha256)
    digests = set(release.sha256.values())
    assert len(digests) == len(files) and all(len(bytes.fromhex(d)) == 32 for d in digests)
    assert release.address.startswith("https://") and release.address.endswith("/")


def test_a_published_file_is_known_by_the_name_that_asks_for_it():
    for release in RELEASES:
        for file in release.sha256:
            assert release.names[short_name(file)] == file.rpartition(".")[0]
    assert short_name("mine.onnx") is None


def test_a_path_is_taken_as_it_is_and_a_wrong_one_names_what_is_known(tmp_path):
    file = tmp_path / "mine.onnx"
    file.write_bytes(b"")
    assert locate(file, ".onnx", YOLO5FACE) == file
    with pytest.raises(FileNotFoundError, match="'n-05'.*Did you mean 'n-0.5'"):
        locate("n-05", ".onnx", YOLO5FACE)


@pytest.mark.data
def test_the_real_checkpoint_is_the_published_one(weights, cache):
    cache.mkdir()
    (cache / "yolov5n-0.5-face.pt").write_bytes((weights / "yolov5n-0.5.pt").read_bytes())
    assert locate("n-0.5", ".pt", YOLO5FACE) == cache / "yolov5n-0.5-face.pt"
