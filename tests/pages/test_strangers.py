"""Every address there is, also one that comes tomorrow: a stranger reads and does nothing at it."""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

OPEN = {"sign-in", "health"}
VALUES = {"int": "1", "slug": "passthru", "str": "x", "path": "x"}


def addresses(patterns: list[URLPattern | URLResolver], above: str = "/") -> Iterator[tuple[str, str]]:
    """(name, an address of that form) of everything but what the carrier calls."""
    for one in patterns:
        form = above + re.sub(r"<(\w+):\w+>", lambda found: VALUES[found[1]], str(one.pattern))
        if isinstance(one, URLResolver):
            if str(one.pattern) != "x/":
                yield from addresses(one.url_patterns, form)
        elif one.name not in OPEN:
            yield one.name or form, form


EVERY = dict(addresses(get_resolver().url_patterns))


def test_the_walk_finds_the_addresses() -> None:
    assert len(EVERY) > 50
    assert EVERY["campaign-launch"] == "/campaigns/1/launch"


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_sent_to_the_sign_in_from_everywhere(method: str) -> None:
    stranger = Client()
    for name, address in EVERY.items():
        answer = getattr(stranger, method)(address)
        assert (answer.status_code, answer.headers.get("Location", "").partition("?")[0]) == (302, "/sign-in"), name
