"""Where Exotel's media sockets arrive. The token is in the path, because Exotel strips the query."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from django.urls import URLPattern, re_path

from botbridge.consumers import StreamConsumer
from botbridge.lobby import StaticStreamConsumer

PATH: Final = r"^x/ws/(?P<token>[^/]+)/?$"
STATIC_PATH: Final = r"^x/ws/a/(?P<token>[^/]+)/?$"

NOWHERE: Final = 4404


async def nowhere(
    _scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[dict[str, Any]], Awaitable[None]]
) -> None:
    """Refuse a socket at any other address: Channels would raise, and write a traceback for each passing scanner."""
    await receive()
    await send({"type": "websocket.close", "code": NOWHERE})


websocket_urlpatterns: list[URLPattern] = [
    re_path(PATH, StreamConsumer.as_asgi()),
    re_path(STATIC_PATH, StaticStreamConsumer.as_asgi()),
    re_path("", nowhere),  # type: ignore[arg-type]  # Channels routes to any ASGI application
]
