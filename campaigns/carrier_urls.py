"""The addresses that Exotel calls. Each answers with and without a slash: a redirect would steer or lose a call."""

from django.urls import re_path

from campaigns import webhooks

urlpatterns = [
    re_path(r"^cb/(?P<token>[^/]+)/?$", webhooks.status_callback, name="status-callback"),
    re_path(r"^pt/(?P<token>[^/]+)/?$", webhooks.passthru, name="passthru"),
    re_path(r"^pt/(?P<token>[^/]+)/async/?$", webhooks.passthru, {"always_a": True}, name="passthru-async"),
    re_path(r"^ds/(?P<token>[^/]+)/?$", webhooks.dynamic_stream, name="dynamic-stream"),
    re_path(r"^branch-b/?$", webhooks.branch_b, name="branch-b"),
]
