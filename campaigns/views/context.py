"""What the frame of every page needs."""

from django.conf import settings
from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, object]:
    """The theme (cookie `theme`: auto, light or dark) and the installation's name for templates/base.html."""
    theme = request.COOKIES.get("theme", "auto")
    return {
        "theme": theme if theme in ("light", "dark") else "auto",
        "display_time_zone": settings.DISPLAY_TIME_ZONE,
    }
