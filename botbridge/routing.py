"""Where Exotel's media sockets arrive. The token is in the path, because Exotel strips the query."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, re_path

from botbridge.consumers import StreamConsumer
from botbridge.lobby import StaticStreamConsumer

PATH: Final = r"^x/ws/(?P<token>[^/]+)/?$"
STATIC_PATH: Final = r"^x/ws/a/(?P<token>[^/]+)/?$"

websocket_urlpatterns: list[URLPattern] = [
    re_path(PATH, StreamConsumer.as_asgi()),
    re_path(STATIC_PATH, StaticStreamConsumer.as_asgi()),
]
