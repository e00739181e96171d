"""An ASGI application without a framework, whose hot function is `busy`."""

from __future__ import annotations

from typing import Any


def busy() -> int:
    """Take some milliseconds."""
    return sum(number % 7 for number in range(60_000))


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer every request with what `busy` found."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": f"{busy()}\n".encode()})
