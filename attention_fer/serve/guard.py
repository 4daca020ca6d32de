"""What every request must satisfy before it is read, and the headers of every answer."""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach an address or name."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class SafeHeaders:
    """Adds to every answer that nothing is stored, framed or loaded from elsewhere."""

    def __init__(self, app: ASGIApp):
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Gate:
    """Refuses requests from pages of other sites, and those without the token.

    Args:
        app: what is protected.
        token: token that requests must carry; None for none.
        public: paths that need no token. They are compared literally, because routes may also match
            other spellings.
        loopback: whether the header `Host` must name this computer. A site whose name was made to
            point to 127.0.0.1 (DNS rebinding) is reached under its own name.
    """

    def __init__(self, app: ASGIApp, token: str | None, public: Collection[str], loopback: bool):
        self._app, self._token, self._public, self._loopback = app, token, public, loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request."""
        headers = Headers(scope=scope)
        answer: ASGIApp = self._app
        if self._loopback and not is_loopback(_host_name(headers.get("host", ""))):
            answer = _refusal(400, "The header Host must name this computer, such as localhost.")
        elif _foreign(headers):
            answer = _refusal(403, "Requests from pages of other sites are refused.")
        elif scope["path"] not in self._public and not self._known(headers):
            told = "The header must be 'Authorization: Bearer TOKEN', with the server's token."
            answer = _refusal(401, told, {"WWW-Authenticate": "Bearer"})
        await answer(scope, receive, send)

    def _known(self, headers: Headers) -> bool:
        if self._token is None:
            return True
        kind, _, given = headers.get("authorization", "").partition(" ")
        same = hmac.compare_digest(given.strip().encode(), self._token.encode())
        return kind.lower() == "bearer" and same


def _refusal(status: int, told: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": told}, status, headers)


def _host_name(given: str) -> str:
    """The name in a header such as `localhost:8000`; "" if it is none."""
    try:
        return urlsplit(f"//{given}").hostname or ""
    except ValueError:
        return ""


def _foreign(headers: Headers) -> bool:
    """Whether a browser says that a page of another site sent the request."""
    origin = headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc != headers.get("host")
    except ValueError:  # such as half an IPv6 address
        return True
