"""Where Exotel's media sockets arrive. The token is in the path, because Exotel strips the query."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, re_path

from botbridge.consumers import StreamConsumer

PATH: Final = r"^x/ws/(?P<token>[^/]+)/?$"

websocket_urlpatterns: list[URLPattern] = [re_path(PATH, StreamConsumer.as_asgi())]
