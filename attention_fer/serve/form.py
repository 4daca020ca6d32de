"""Reads a request: an uploaded picture and fields as the clients of deepface send them.

A picture is a file in the field `img`, or a data URI in `img` or `image`. Paths and addresses are
refused: a request must not name files of the server or make it call others.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from attention_fer.serve.limits import Limits
from preprocessing.raw_files.files import as_text

FIELDS = ("img", "image", "actions", "detector_backend", "enforce_detection", "align") + (
    "anti_spoofing",
    "csv",
    "looked_at",
)
SKIP = "skip"
"""The value by which deepface says that a picture is already a face."""

_FLAGS = dict.fromkeys(("true", "1", "yes", "on"), True)
_FLAGS |= dict.fromkeys(("false", "0", "no", "off"), False)
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Question:
    """What a request asks.

    Attributes:
        data: bytes of the picture's file.
        name: name of the picture, without folders.
        skip: whether the picture is already a face.
        enforce: whether a picture without a face is an error.
        align: whether faces may be turned upright.
        csv: whether the answer also holds the table as CSV.
        looked_at: number of the face of which to show what the network looked at; None for none.
    """

    data: bytes
    name: str
    skip: bool
    enforce: bool
    align: bool
    csv: bool
    looked_at: int | None


async def read(request: Request, limits: Limits, detector: str) -> Question:
    """Reads a request.

    Args:
        request: to /analyze.
        limits: limits of the server.
        detector: detector of the server.

    Raises:
        HTTPException: 408, 413, 415 or 422, with what to do.
    """
    try:
        fields = await asyncio.wait_for(_fields(request, limits.bytes), limits.seconds)
    except asyncio.TimeoutError:
        told = f"The request must arrive within {limits.seconds:g} seconds."
        raise HTTPException(408, told) from None
    if unknown := [name for name in fields if name not in FIELDS]:
        raise _refused(f"Fields must be some of {', '.join(FIELDS)}, got {unknown[0][:50]!r}.")
    _check_actions(fields.get("actions", "emotion"))
    if _flag(fields, "anti_spoofing", False):
        raise _refused("anti_spoofing must be false: this server does not offer it.")
    data, name = _picture(fields)
    return Question(
        data,
        name,
        _skip(fields.get("detector_backend", detector), detector),
        _flag(fields, "enforce_detection", True),
        _flag(fields, "align", True),
        _flag(fields, "csv", False),
        _face_number(fields.get("looked_at")),
    )


def _refused(told: str) -> HTTPException:
    return HTTPException(422, told)


class _InMemory(MultiPartParser):
    """Uploads stay in memory: the default writes files above 1 MB to disk."""

    spool_max_size = 2**62


async def _fields(request: Request, most: int) -> Mapping[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = _body(request, most)
    try:
        if kind == "multipart/form-data":
            limits = {"max_files": 1, "max_fields": len(FIELDS), "max_part_size": most}
            return _once(await _parts(await _InMemory(request.headers, body, **limits).parse()))
        if kind == "application/x-www-form-urlencoded":
            # Starlette's own parser takes at most 1 MB of a field.
            text = b"".join([chunk async for chunk in body]).decode()
            return _once(parse_qsl(text, keep_blank_values=True, max_num_fields=len(FIELDS)))
        if kind == "application/json":
            found = json.loads(b"".join([chunk async for chunk in body]))
            if isinstance(found, dict):
                return found
            raise _refused("JSON must be an object with the fields.")
    except MultiPartException as error:
        raise _refused(f"The form could not be read: {error.message}") from None
    except (ValueError, RecursionError):
        raise _refused("The body does not match its Content-Type.") from None
    raise HTTPException(415, "Content-Type must be multipart/form-data or application/json.")


@dataclass(frozen=True)
class _Upload:
    """A file of a form."""

    data: bytes
    name: str


async def _parts(form: FormData) -> list[tuple[str, Any]]:
    """The fields of a form, with the content of its files."""
    try:
        return [
            (name, _Upload(await value.read(), value.filename or ""))
            if isinstance(value, UploadFile)
            else (name, value)
            for name, value in form.multi_items()
        ]
    finally:
        await form.close()


def _once(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The fields by name, each of which may occur once."""
    found: dict[str, Any] = {}
    for name, value in fields:
        if name in found:
            raise _refused(f"Fields must be given once, got {name[:50]!r} twice.")
        found[name] = value
    return found


async def _body(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    """The body in chunks; refused before it is read if its length is announced."""
    told = f"A request must be at most {most / 1e6:g} MB. Send a smaller picture."
    announced = request.headers.get("content-length", "")
    received = int(announced) if announced.isdecimal() else 0
    if received > most:
        raise HTTPException(413, told)
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > most:
            raise HTTPException(413, told)
        yield chunk


def _flag(fields: Mapping[str, Any], name: str, default: bool) -> bool:
    given = fields.get(name, default)
    if isinstance(given, bool):
        return given
    try:
        return _FLAGS[str(given).strip().lower()]
    except KeyError:
        raise _refused(f"{name} must be true or false, got {str(given)[:50]!r}.") from None


def _check_actions(given: Any) -> None:
    """Accepts a list, or its text as deepface's forms have it: `["emotion"]`, `emotion`."""
    named = given if isinstance(given, list) else re.findall(r"[^\s,\[\]()'\"]+", str(given))
    if not named or any(name != "emotion" for name in named):
        raise _refused(f'actions must be ["emotion"], got {str(given)[:50]!r}.')


def _skip(given: Any, detector: str) -> bool:
    if given not in (SKIP, detector):
        raise _refused(
            f"detector_backend must be {detector!r}, which this server was started with, or "
            f"{SKIP!r}, got {str(given)[:50]!r}. Leave it out."
        )
    return given == SKIP


def _face_number(given: Any) -> int | None:
    if given is None:
        return None
    if re.fullmatch(r"\d{1,4}", str(given)):
        return int(given)
    raise _refused(f"looked_at must be the number of a face, got {str(given)[:50]!r}.")


def _picture(fields: Mapping[str, Any]) -> tuple[bytes, str]:
    given = [fields[name] for name in ("img", "image") if name in fields]
    if len(given) != 1:
        raise _refused("A picture must be given once, as a file in the field img.")
    if isinstance(given[0], _Upload):
        return given[0].data, _base_name(given[0].name)
    found = re.match(r"data:image/[\w.+-]+;base64,", str(given[0])[:100])
    if found is None:
        raise _refused(
            "img must be an uploaded file or a data URI (data:image/jpeg;base64,...). "
            "Paths and addresses are not read."
        )
    try:
        return base64.b64decode(given[0][found.end() :], validate=True), "image"
    except ValueError:
        raise _refused("The data URI must be valid base64.") from None


def _base_name(name: str) -> str:
    """The name without folders, as text that JSON can hold: a form chooses its own encoding."""
    return as_text(PurePosixPath(name.replace("\\", "/")).name)[-_LONGEST_NAME:] or "image"
