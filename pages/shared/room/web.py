"""The routes that phones ask: plain Starlette beside the app, no Streamlit session.

A phone's page is one small file without anything from elsewhere; the rest is JSON. Phones
of one room ask about once in two seconds, so a question costs a look into the store.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import sqlite3
from collections.abc import Awaitable, Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mlm_core.everyone import STUDIES
from pages.shared.room.store import DAY, RoomError, Rooms, rooms
from pages.shared.words import number

MOST_BYTES = 2_000
"""Of a request's body."""
MOST_WAITING = 400
"""Draws that may wait for their turn in a process."""
COOKIE = "pooling_lab_room"

_HERE = Path(__file__).parent
QUIET = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
Handler = Callable[[Request], Awaitable[Response]]


def routes(base: str = "") -> list[BaseRoute]:
    """The phone's page, below the app's base path."""
    at = f"{below(base)}/room"
    return [Route(at, page), Route(f"{at}/{{code}}", page)]


def below(base: str) -> str:
    """A base path as addresses begin with it.

    >>> below("courses/mlm/"), below("")
    ('/courses/mlm', '')
    """
    return f"/{base.strip('/')}" if base.strip("/") else ""


class Phones:
    """Answers what phones and the stage ask, before anything else of the server looks at it.

    Two hundred phones ask a hundred times a second; sessions, styles and compression, which
    are for the app's pages, would cost more than the answer.
    """

    def __init__(self, app: ASGIApp, base: str = "") -> None:
        self.app, self.at = app, f"{below(base)}/room/api/"
        self.room = Starlette(
            routes=[
                Route(f"{self.at}join", said(join), methods=["POST"]),
                Route(f"{self.at}state", said(state)),
                Route(f"{self.at}answer", said(answer), methods=["POST"]),
                Route(f"{self.at}draw", said(draw), methods=["POST"]),
                Route(f"{self.at}stage", said(stage)),
                Route(f"{self.at}keep", said(keep), methods=["POST"]),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is not the room's."""
        ours = scope["type"] == "http" and scope["path"].startswith(self.at)
        await (self.room if ours else self.app)(scope, receive, send)


def said(handler: Handler) -> Handler:
    """What a handler refuses, as a sentence."""

    async def answered(request: Request) -> Response:
        try:
            if request.method == "POST" and not same_origin(request):
                raise RoomError("Only the room's own page may send this.", 403)
            return await handler(request)
        except RoomError as reason:
            return told({"error": str(reason)}, reason.status)
        except (sqlite3.Error, OSError):
            return told({"error": "The server cannot keep rooms now. Try again later."}, 503)

    return answered


def told(content: dict[str, Any], status: int = 200) -> JSONResponse:
    """An answer that nobody keeps."""
    return JSONResponse(content, status, QUIET)


def same_origin(request: Request) -> bool:
    """Whether a page of this very server sent the request."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    sender = urlsplit(request.headers.get("origin", ""))
    host = request.headers.get("host", "")
    return site == "same-origin" and sender.netloc != "" and sender.netloc == host


async def body(request: Request, **wanted: type) -> list[Any]:
    """The named values of a request's JSON, each of its type.

    Raises
    ------
    RoomError
        Too large, not JSON, or a value is missing or of another type.
    """
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise RoomError("This is too large.", 413)
    try:
        read = json.loads(content)
        values = [read[name] for name in wanted]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise RoomError("This request makes no sense.") from None
    if any(type(v) is not kind for v, kind in zip(values, wanted.values(), strict=True)):
        raise RoomError("This request makes no sense.")
    return values


# The page


@cache
def written() -> tuple[bytes, dict[str, str]]:
    """The phone's page and its headers: its own style and script run, and nothing else."""
    style, script = (
        (_HERE / f"phone.{kind}").read_text(encoding="utf-8") for kind in ("css", "js")
    )
    html = (_HERE / "phone.html").read_text(encoding="utf-8")
    html = html.replace("/* style */", style).replace("/* script */", script)
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return html.encode(), {
        **QUIET,
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
    }


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


async def page(request: Request) -> Response:
    """The phone's page: the same for every code, so it tells nothing of codes."""
    content, headers = written()
    return Response(content, media_type="text/html; charset=utf-8", headers=headers)


# The phones


async def join(request: Request) -> Response:
    """A new phone."""
    code, link = await body(request, code=str, link=str)
    token = await run_in_threadpool(rooms().join, code, link)
    return told({"token": token})


async def state(request: Request) -> Response:
    """What a phone shows."""
    asked = request.query_params
    known = asked.get("v", "0")
    found = rooms().state(
        asked.get("code", ""),
        request.headers.get("x-phone", ""),
        int(known) if known.isdecimal() and len(known) < 10 else 0,
    )
    if found.get("kind") == "draw":
        found |= words_of(found["study"])
    return told(found)


def words_of(slug: str) -> dict[str, Any]:
    """What a phone says of a study."""
    study = STUDIES[slug]
    return {"what": study.what, "task": study.task, "names": study.names}


async def answer(request: Request) -> Response:
    """A phone's answer."""
    code, token, poll, choice = await body(request, code=str, token=str, poll=str, choice=int)
    await run_in_threadpool(rooms().answer, code, token, poll, choice)
    return told({"mine": choice})


_turns = asyncio.Semaphore(1)
_waiting = 0


async def draw(request: Request) -> Response:
    """A phone's draw: made here from the phone's seed, so that no number can be invented."""
    global _waiting
    code, token = await body(request, code=str, token=str)
    study, round_, seed = rooms().turn(code, token)
    if _waiting >= MOST_WAITING:
        raise RoomError("Very many are drawing. Try again in a moment.", 503)
    _waiting += 1
    try:
        async with _turns:
            drawn = await run_in_threadpool(one, study, seed)
            await run_in_threadpool(put, rooms(), code, token, study, round_, drawn)
    finally:
        _waiting -= 1
    return told({"round": round_, **drawn})


@lru_cache(maxsize=1024)
def one(study: str, seed: int) -> dict[str, Any]:
    """One draw as a phone shows it."""
    found = STUDIES[study].one(seed)
    return {
        "values": found.values,
        "said": [number(value) for value in found.values],
        "schools": [
            {"name": name, "n": int(n), "own": round(float(own), 2), "partial": round(float(p), 2)}
            for name, n, own, p in zip(
                found.names, found.n, found.own, found.partial, strict=True
            )
        ],
    }  # fmt: skip


def put(
    store: Rooms, code: str, token: str, study: str, round_: int, drawn: dict[str, Any]
) -> None:
    """Keep a draw."""
    own, partial = drawn["values"]
    store.put(code, token, study, round_, (own, partial))


# The teacher's browser


async def stage(request: Request) -> Response:
    """What the stage shows of the room."""
    found = rooms().stage(request.headers.get("x-key", ""))
    if found is None:
        raise RoomError("The room is closed.", 404)
    return told(found)


async def keep(request: Request) -> Response:
    """Leave the owner's key with the teacher's browser, where no script reads it and no link
    carries it: the room stays the teacher's when the page is loaded again, or served by another
    process.
    """
    (key,) = await body(request, key=str)
    mine = rooms().mine(key) is not None
    answered = told({"kept": mine})
    answered.set_cookie(
        COOKIE, key if mine else "", max_age=int(DAY) if mine else 0, httponly=True,
        samesite="strict", path=request.url.path.split("/room/")[0] or "/",
        secure=request.headers["origin"].startswith("https:"),
    )  # fmt: skip
    return answered
