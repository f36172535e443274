"""Exotel drops a callback after three tries: no redirect, no CSRF, no sign-in, and 200 for whatever can be stored."""

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.exotel.fields import BODY_BYTES
from campaigns.models import CallEvent
from tests.callbacks import carrier

UNREADABLE = {
    "nothing": ("multipart/form-data; boundary=x", b""),
    "noise": ("application/octet-stream", bytes(range(128, 256))),
    "half a JSON": ("application/json", b'{"CallSid": "'),
    "a list": ("application/json", b"[1, 2]"),
    "a web page": ("text/html", b"<html>oops</html>"),
    "too many fields": ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(600))),
    "nested too deeply": ("application/json", b'{"a":' * 3000 + b"1" + b"}" * 3000),
    "NUL": ("text/plain", b"\x00" * 50),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_an_unreadable_body_is_stored_and_answered_200(exotel: Client, what: str) -> None:
    attempt = carrier.placed()
    before = carrier.facts(attempt)
    assert carrier.send(exotel, carrier.address(attempt.pk), *UNREADABLE[what]).status_code == 200
    [event] = carrier.events(attempt)
    assert event.note.startswith("unreadable: ")
    assert event.applied_at is not None
    assert "\x00" not in event.raw
    assert carrier.facts(attempt) == before


@given(kind=st.text(max_size=60), body=st.binary(max_size=400))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_answered_200(exotel: Client, kind: str, body: bytes) -> None:
    attempt = carrier.placed()
    header = kind.encode("ascii", "ignore").decode().replace("\r", "").replace("\n", "")
    assert carrier.send(exotel, carrier.address(attempt.pk), header, body).status_code == 200
    assert len(carrier.events(attempt)) == 1


HOSTILE = st.dictionaries(
    st.sampled_from(["CallSid", "Status", "From", "To", "ConversationDuration", "RecordingUrl", "EventType", "Legs"]),
    st.one_of(st.text(max_size=300), st.integers(), st.none(), st.lists(st.integers(), max_size=3)),
    min_size=1,
)


@given(fields=HOSTILE)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_values_in_the_known_fields_are_stored_applied_and_answered_200(
    exotel: Client, fields: dict[str, object]
) -> None:
    import json

    attempt = carrier.placed()
    body = json.dumps(fields).encode()
    assert carrier.send(exotel, carrier.address(attempt.pk), "application/json", body).status_code == 200
    [event] = carrier.events(attempt)
    assert event.applied_at is not None


def test_a_body_over_64_kib_is_413_and_not_stored(exotel: Client) -> None:
    attempt = carrier.placed()
    body = b"Status=" + b"x" * BODY_BYTES
    response = carrier.send(exotel, carrier.address(attempt.pk), "application/x-www-form-urlencoded", body)
    assert response.status_code == 413
    assert not CallEvent.objects.exists()


@pytest.mark.parametrize("announced", ["", "12", "-5"])
def test_a_body_that_is_larger_than_its_header_says_is_413_or_cut(exotel: Client, announced: str) -> None:
    """A chunked body announces nothing; a server cuts what is longer than announced."""
    attempt = carrier.placed()
    body = b"Status=" + b"x" * (BODY_BYTES * 2)
    path = carrier.address(attempt.pk)
    response = carrier.send(exotel, path, "application/x-www-form-urlencoded", body, CONTENT_LENGTH=announced)
    assert response.status_code in (200, 413)
    assert all(len(event.raw) <= BODY_BYTES for event in carrier.events(attempt))


@pytest.mark.parametrize("slash", ["", "/"])
def test_there_is_no_redirect_with_or_without_a_slash(exotel: Client, slash: str) -> None:
    attempt = carrier.placed()
    kind, body = carrier.in_multipart(carrier.minimal(str(attempt.sid)))
    response = carrier.send(exotel, carrier.address(attempt.pk) + slash, kind, body)
    assert response.status_code == 200
    assert "Location" not in response.headers
    assert carrier.fresh(attempt).outcome == "answered"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_anything_but_post_is_405(exotel: Client, method: str) -> None:
    attempt = carrier.placed()
    response = exotel.generic(method, carrier.address(attempt.pk))
    assert response.status_code == 405
    assert not CallEvent.objects.exists()


@pytest.mark.parametrize("path", ["/x/cb/", "/x/cb", "/x/cb/a/b", "/x/nothing/here"])
def test_an_address_that_is_none_is_404_and_no_redirect_to_the_sign_in(exotel: Client, path: str) -> None:
    assert carrier.send(exotel, path, "text/plain", b"x").status_code == 404


def test_the_answer_sets_no_cookie_and_says_nothing(exotel: Client) -> None:
    attempt = carrier.placed()
    response = carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid)))
    assert response.content == b"OK\n"
    assert not response.cookies
