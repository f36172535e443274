"""A token opens one door of one attempt; anything else is 404 before any query, and changes nothing."""

import base64
import secrets

import pytest
from django.test import Client, override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from campaigns import tokens
from campaigns.models import CallEvent
from tests.callbacks import carrier

KIND, BODY = carrier.in_multipart(carrier.minimal("f" * 32))


def forgeries(attempt_id: int, other_id: int) -> dict[str, str]:
    kid, subject, mac = tokens.mint("callback", str(attempt_id)).split(".")
    others = tokens.mint("callback", str(other_id)).split(".")
    return {
        "another attempt's mac": f"{kid}.{subject}.{others[2]}",
        "a stream's token": tokens.mint("stream", subject),
        "a passthru's token": tokens.mint("passthru", subject),
        "a custom field": tokens.mint("custom-field", f"1-{subject}"),
        "a key that we do not have": f"k9.{subject}.{mac}",
        "no mac": f"{kid}.{subject}.",
        "only the id": subject,
        "a cut mac": f"{kid}.{subject}.{mac[:-1]}",
        "a mac with more behind it": f"{kid}.{subject}.{mac}A",
        "a line feed behind it": f"{kid}.{subject}.{mac}%0A",
        "a leading zero": f"{kid}.0{subject}.{mac}",
        "nothing": "%20",
        "another language": "%E0%A4%95.%E0%A4%96.%E0%A4%97",
        "broken UTF-8": f"{kid}.{subject}.%ff%fe",
    }


def test_a_forged_token_is_404_without_a_query_and_changes_nothing(
    exotel: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    attempt, other = carrier.placed(), carrier.placed()
    before = carrier.facts(attempt)
    for what, token in forgeries(attempt.pk, other.pk).items():
        with django_assert_num_queries(0):
            response = carrier.send(exotel, f"/x/cb/{token}", KIND, BODY)
        assert response.status_code == 404, what
    assert carrier.facts(attempt) == before
    assert not CallEvent.objects.exists()


@given(token=st.text(min_size=1, max_size=80))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_at_all_opens_the_door(exotel: Client, token: str) -> None:
    from urllib.parse import quote

    path = f"/x/cb/{quote(token.encode('utf-8', 'replace'), safe='')}"
    assert carrier.send(exotel, path, KIND, BODY).status_code == 404


def test_a_token_of_a_key_that_was_rotated_out_of_signing_is_still_ours(exotel: Client) -> None:
    def new_key() -> str:
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()

    old, new = f"old:{new_key()}", f"new:{new_key()}"
    attempt = carrier.placed()
    with override_settings(TOKEN_KEYS=old):
        path = carrier.address(attempt.pk)
    kind, body = carrier.in_multipart(carrier.minimal(str(attempt.sid)))
    with override_settings(TOKEN_KEYS=f"{new},{old}"):
        assert carrier.send(exotel, path, kind, body).status_code == 200
    with override_settings(TOKEN_KEYS=new):
        assert carrier.send(exotel, path, kind, body).status_code == 404


@pytest.mark.django_db
def test_a_good_token_of_an_attempt_that_is_not_there_is_kept_unmatched(exotel: Client) -> None:
    """E.g. restored from a backup. 200: the carrier would only send it again."""
    assert carrier.post(exotel, 987_654_321, carrier.minimal("a" * 32)).status_code == 200
    assert carrier.post(exotel, 987_654_321, carrier.minimal("a" * 32)).status_code == 200
    event = CallEvent.objects.get()
    assert (event.attempt_id, event.copies, event.call_sid) == (None, 2, "a" * 32)
    assert event.note == "its attempt is gone"
