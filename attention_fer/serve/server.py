"""Runs the application with uvicorn."""

from __future__ import annotations

import argparse
import re
import secrets
import socket
from urllib.parse import quote

import uvicorn

from attention_fer.predict.predictor import Predictor
from attention_fer.serve.app import build
from attention_fer.serve.guard import is_loopback
from attention_fer.serve.limits import Limits
from attention_fer.serve.waiting import impatient

_SECONDS_TO_END = 3
_OTHERS = 32  # connections besides those of --max-requests, such as those that load the page
_EVERY_ADDRESS = ("", "0.0.0.0", "::")
_TOKEN = re.compile("[!-~]{16,}")


def serve(args: argparse.Namespace) -> None:
    """Serves until Ctrl-C.

    Raises:
        ValueError, OSError, ImportError: see `Predictor` and `Limits`; OSError also for an address
            that cannot be used.
        KeyboardInterrupt: Ctrl-C.
    """
    if args.token is not None and not _TOKEN.fullmatch(args.token):
        raise ValueError(
            "--token must have at least 16 characters of ASCII and no blanks, since a header "
            "carries it. Leave it out."
        )
    limits = Limits(args.max_mb, args.max_megapixels, args.max_seconds, args.max_requests)
    local = is_loopback(args.host)
    token = args.token or (None if local else secrets.token_urlsafe(24))
    with _listening(args.host, args.port) as listener:
        predictor = Predictor(
            args.model,
            detector=args.detector,
            weights=args.weights,
            min_score=args.min_score,
            threads=args.threads,
        )
        app = build(predictor, limits, token=token, loopback=local)
        print("\n".join(_greeting(args.host, listener, predictor, token)), flush=True)
        settings = uvicorn.Config(
            app,
            http=impatient(limits.seconds),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=limits.requests + _OTHERS,
            timeout_graceful_shutdown=_SECONDS_TO_END,
        )
        uvicorn.Server(settings).run(sockets=[listener])


def _listening(host: str, port: int) -> socket.socket:
    if not 0 <= port <= 65535:
        raise ValueError(f"--port must be from 0 to 65535, got {port}.")
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise OSError(
            f"--host and --port must be a free address of this computer, got {host} and {port} "
            f"({error.strerror or error}). --port 0 takes any free port."
        ) from error


def _greeting(
    host: str, listener: socket.socket, predictor: Predictor, token: str | None
) -> list[str]:
    network = predictor.network
    everywhere = host in _EVERY_ADDRESS
    name = socket.gethostname() if everywhere else host
    shown = f"[{name}]" if ":" in name else name
    address = f"http://{shown}:{listener.getsockname()[1]}/"
    lines = [f"{network.name} ({network.sha256[:12]}), detector {predictor.finder.name}"]
    if token:
        lines.append(f"programs: Authorization: Bearer {token}")
        address += f"#token={quote(token, safe='')}"
    if not is_loopback(host):
        lines.append(
            "warning: pictures and token cross the network unencrypted; put an HTTPS server in "
            "front, or reach it through ssh -L"
        )
    if everywhere:
        lines.append(f"Where {name} is not found, use an IP address of this computer instead.")
    return [*lines, f"page: {address}", "Ctrl-C stops the server."]
