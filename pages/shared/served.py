"""What the server adds to the page it sends: the style sheet, before anything is drawn.

A style that comes with the first run of a script comes after the first elements, which
then jump to where it wants them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Server = Callable[[Message, Receive, Send], Awaitable[None]]

STYLES = [Path(__file__).with_name(name) for name in ("style.css", "stage.css")]
AT_ONCE = (
    "<script>if (new URLSearchParams(location.search).get('present') === 'true')"
    " document.documentElement.classList.add('pl-stage')</script>"
)
"""The stage is known by its address before anything is drawn."""


class StyleFirst:
    """Puts the style sheet into every HTML page that the server sends, after all other styles."""

    def __init__(self, app: Server) -> None:
        self.app = app
        sheets = "".join(sheet.read_text(encoding="utf-8") for sheet in STYLES)
        self.style = f"<style>{sheets}</style>{AT_ONCE}</body>".encode()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass everything on, and a page with its style."""
        name = str(scope.get("path", "")).rsplit("/", 1)[-1]
        page = scope["type"] == "http" and scope["method"] == "GET" and "." not in name
        if not page or "_stcore" in scope["path"]:
            await self.app(scope, receive, send)
            return
        plain = [(k, v) for k, v in scope["headers"] if k.lower() != b"accept-encoding"]
        started: list[Message] = []
        body = bytearray()

        async def styled(message: Message) -> None:
            if message["type"] == "http.response.start":
                started.append(message)
            elif message["type"] == "http.response.body":
                body.extend(message.get("body", b""))
                if not message.get("more_body"):
                    await self._answer(started[0], bytes(body), send)
            else:
                await send(message)

        await self.app({**scope, "headers": plain}, receive, styled)

    async def _answer(self, start: Message, body: bytes, send: Send) -> None:
        headers = list(start["headers"])
        if any(k.lower() == b"content-type" and v.startswith(b"text/html") for k, v in headers):
            body = body.replace(b"</body>", self.style, 1)
            changed = (b"content-length", b"etag", b"last-modified")
            headers = [(k, v) for k, v in headers if k.lower() not in changed]
            headers.append((b"content-length", str(len(body)).encode()))
        await send({**start, "headers": headers})
        await send({"type": "http.response.body", "body": body})
