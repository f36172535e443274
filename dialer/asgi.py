"""One ASGI application for pages, callbacks and media; production starts it twice and routes by path."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer.settings")

django_application = get_asgi_application()

from botbridge import consumers  # noqa: E402 (needs Django's apps to be ready)
from botbridge.routing import websocket_urlpatterns  # noqa: E402

DRAINING = b'{"ok": false, "why": "It takes no new streams and ends when the talks are over."}'

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


async def http(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Django; but /health says 503 while the process drains, so that a proxy sends new streams elsewhere."""
    if consumers.draining() and scope["path"] == "/health":
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(DRAINING))]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
        await send({"type": "http.response.body", "body": DRAINING})
        return
    await django_application(scope, receive, send)


application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})
