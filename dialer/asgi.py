"""One ASGI application for pages, callbacks and media; production starts it twice and routes by path."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dialer.settings")

http = get_asgi_application()

from botbridge.routing import websocket_urlpatterns  # noqa: E402 (needs Django's apps to be ready)

application = ProtocolTypeRouter({"http": http, "websocket": URLRouter(websocket_urlpatterns)})
