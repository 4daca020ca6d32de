"""The application: a page, POST /analyze and GET /health."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

import attention_fer
from attention_fer import pretrained
from attention_fer.predict.networks.base import Network
from attention_fer.predict.predictor import Predictor
from attention_fer.predict.tables.manifest import MEANING
from attention_fer.serve import form
from attention_fer.serve.answers import Answerer
from attention_fer.serve.desk import Desk
from attention_fer.serve.guard import Gate, SafeHeaders
from attention_fer.serve.limits import Limits

PAGE = Path(__file__).parent / "page"
PUBLIC = frozenset({"/"} | {f"/{file.name}" for file in PAGE.iterdir()})
"""Paths that need no token. The page itself holds no secret and asks for the token."""

# Windows may call it text/plain, and browsers then refuse modules.
mimetypes.add_type("text/javascript", ".js")


def build(
    predictor: Predictor,
    limits: Limits | None = None,
    *,
    token: str | None = None,
    loopback: bool = True,
) -> ASGIApp:
    """Returns the application.

    Args:
        predictor: answers the requests, one at a time.
        limits: limits of a request.
        token: token that requests must carry; None for none.
        loopback: whether it serves only localhost; requests under other names are then refused.
    """
    limits = limits or Limits()
    desk = Desk(limits)
    answer = Answerer(predictor, limits.pixels)
    facts = _facts(predictor, limits)

    async def analyze(request: Request) -> JSONResponse:
        with desk.place():
            question = await form.read(request, limits, predictor.finder.name)
            return JSONResponse(await desk.work(lambda: answer(question)))

    async def health(request: Request) -> JSONResponse:
        return JSONResponse(facts)

    app = Starlette(
        routes=[
            Route("/analyze", analyze, methods=["POST"]),
            Route("/health", health),
            Mount("/", StaticFiles(directory=PAGE, html=True)),
        ],
        middleware=[Middleware(Gate, token, PUBLIC, loopback)],
        exception_handlers={
            HTTPException: _refusal,
            ClientDisconnect: _gone,
            Exception: _failure,
        },
    )
    return SafeHeaders(app)


async def _refusal(request: Request, error: Any) -> JSONResponse:
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _gone(request: Request, error: Exception) -> Response:
    """Answers a sender who left before the request was complete; nobody receives it."""
    return Response(status_code=400)


async def _failure(request: Request, error: Exception) -> JSONResponse:
    """Says nothing about the inside; the server's own screen shows the error."""
    return JSONResponse({"error": "The server failed on this request."}, 500)


def _facts(predictor: Predictor, limits: Limits) -> dict[str, Any]:
    network = predictor.network
    return {
        "status": "ok",
        "version": attention_fer.__version__,
        "model": {
            "name": network.name,
            "sha256": network.sha256,
            "classes": list(network.classes),
            "test": _accuracy(network),
        },
        "detector": predictor.finder.name,
        "limits": {"megabytes": limits.megabytes, "megapixels": limits.megapixels},
        "meaning": MEANING,
    }


def _accuracy(network: Network) -> dict[str, Any] | None:
    """Accuracy and number of test images of a network of the package; None for others."""
    name, _, weights = network.name.partition("/")
    if weights not in pretrained.names().get(name, []):
        return None
    tested = pretrained.find(name, weights).manifest["test"]
    return {"accuracy": tested["accuracy"], "n": tested["n"]}
