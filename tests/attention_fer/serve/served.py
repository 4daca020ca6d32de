"""A server on a free port of this computer, and requests to it."""

from __future__ import annotations

import base64
import http.client
import io
import json
import socket
import threading
import time
from contextlib import contextmanager

import numpy as np
import requests
import uvicorn
from PIL import Image

from attention_fer.serve.app import build


@contextmanager
def running(*arguments, **options):
    """Yields the address of `build(*arguments, **options)`, served by uvicorn in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        app = build(*arguments, **options)
        settings = uvicorn.Config(app, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(settings)
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive()
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def png(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def data_uri(data, kind="image/png"):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def analyze(address, data=None, name="face.png", headers=None, **fields):
    """POST /analyze with an upload, if there are `data`, and fields."""
    files = {} if data is None else {"img": (name, data)}
    # A file part without content makes the body multipart also where nothing is uploaded.
    parts = {field: (None, str(value)) for field, value in fields.items()}
    return requests.post(
        f"{address}/analyze", files={**files, **parts}, headers=headers, timeout=60
    )


def refused(answer, status, *words):
    """Checks that a request was refused in one short line, without the inside of the server."""
    assert answer.status_code == status, answer.text
    told = answer.json()
    assert list(told) == ["error"] and len(told["error"]) < 300
    assert all(word in told["error"] for word in words), told
    assert "Traceback" not in answer.text and ".py" not in answer.text


def sent_by_hand(address, headers, body=b""):
    """Status and JSON of a POST whose headers are as given, also where they are untrue."""
    connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=30)
    try:
        connection.putrequest("POST", "/analyze")
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        if body:
            connection.send(body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def grey(height, width):
    return np.full((height, width), 127, np.uint8)
