"""Who asks, when a proxy stands in front of us."""

from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """The address that a request came from; behind a proxy (BEHIND_PROXY) the one that the proxy saw.

    That is the last in X-Forwarded-For: what stands before it are the client's own words. Without it all strangers
    share the proxy's address, and anybody's wrong passwords would lock the operator out.
    """
    seen = str(request.META.get("REMOTE_ADDR", ""))
    said = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).rpartition(",")[2].strip() if settings.BEHIND_PROXY else ""
    try:
        return str(ip_address(said)) if said else seen
    except ValueError:
        return seen
