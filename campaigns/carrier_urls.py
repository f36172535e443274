"""The addresses that Exotel calls. Each answers with and without a slash: a redirect would steer or lose a call."""

from django.urls import re_path

from campaigns import webhooks

urlpatterns = [re_path(r"^cb/(?P<token>[^/]+)/?$", webhooks.status_callback, name="status-callback")]
