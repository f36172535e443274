"""What the frame of every page needs."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from campaigns import progress
from campaigns.models import ExotelAccount

THEMES = ("auto", "light", "dark")


def default_account() -> ExotelAccount | None:
    """The account that the frame tells about: the one set in the environment, else the oldest."""
    return ExotelAccount.objects.order_by("-from_environment", "pk").first()


def shell(request: HttpRequest) -> dict[str, object]:
    """Theme (cookie `theme`), account and its pulse; looked up only where a template shows them."""
    theme = request.COOKIES.get("theme", "auto")
    account: Any = SimpleLazyObject(default_account)
    return {
        "theme": theme if theme in THEMES else "auto",
        "display_time_zone": settings.DISPLAY_TIME_ZONE,
        "account": account,
        "pulse": SimpleLazyObject(lambda: progress.pulse(account) if account else None),
    }
