"""Saved filters of the call log: names and addresses in a signed cookie of the browser, at most eight."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib import messages
from django.core import signing
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

COOKIE = "call-filters"
A_YEAR = 365 * 24 * 3600
MOST = 8
LONGEST_NAME, LONGEST_QUERY = 40, 300
FIELDS = ("from", "to", "campaign", "outcome", "number")


@dataclass(frozen=True)
class Saved:
    """`query` is the address's filter without `?`."""

    name: str
    query: str


def saved(request: HttpRequest) -> list[Saved]:
    """What this browser has kept; an unreadable cookie is none."""
    try:
        found = signing.loads(request.COOKIES.get(COOKIE, ""), salt=COOKIE)
    except signing.BadSignature:
        return []
    return [Saved(str(name), str(query)) for name, query in found][:MOST]


def only_filter(query: QueryDict) -> str:
    """The fields of the filter alone, in one order: the same filter is the same text."""
    kept = QueryDict(mutable=True)
    for name in FIELDS:
        if query.get(name):
            kept[name] = str(query[name])
    return kept.urlencode()


@require_POST
def change(request: HttpRequest) -> HttpResponse:
    """Keep the filter in `query` under `name`, or with `remove` forget the one of that name."""
    kept = saved(request)
    query = only_filter(QueryDict(request.POST.get("query", "")))
    name = request.POST.get("name", "").strip()[:LONGEST_NAME]
    if "remove" in request.POST:
        return _with(request, [one for one in kept if one.name != request.POST["remove"]], query)
    if not name or not query or len(query) > LONGEST_QUERY:
        messages.error(request, "Filter the calls, then give the filter a name.")
        return redirect(_address(query))
    others = [one for one in kept if one.name != name]
    if len(others) >= MOST:
        messages.error(request, f"{MOST} filters are kept already. Remove one first.")
        return redirect(_address(query))
    return _with(request, [*others, Saved(name, query)], query)


def _with(request: HttpRequest, filters: Sequence[Saved], query: str) -> HttpResponse:
    response = redirect(_address(query))
    text = signing.dumps([(one.name, one.query) for one in filters], salt=COOKIE, compress=True)
    response.set_cookie(COOKIE, text, max_age=A_YEAR, samesite="Lax", secure=settings.HTTPS, httponly=True)
    return response


def _address(query: str) -> str:
    return f"{reverse('calls')}?{query}" if query else reverse("calls")
