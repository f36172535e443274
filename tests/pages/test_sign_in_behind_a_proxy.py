"""A stranger's guesses lock the stranger out, not the operator: also where all requests come from one proxy."""

import pytest
from django.conf import settings
from django.http import HttpRequest
from django.test import Client, override_settings

from campaigns.models import User
from dialer.proxy import client_ip

SECRET = "a long enough secret"


def sign_in(password: str, said: str) -> int:
    sent = {"username": "meera", "password": password}
    return Client().post("/sign-in", sent, headers={"X-Forwarded-For": said}).status_code


@pytest.mark.django_db
@override_settings(BEHIND_PROXY=True)
def test_a_strangers_guesses_do_not_lock_the_operator_out() -> None:
    User.objects.create_user("meera", password=SECRET)
    for guess in range(settings.AXES_FAILURE_LIMIT):
        # He makes up where he comes from; the proxy adds what it sees.
        assert sign_in("a wrong one", f"203.0.113.{guess}, 198.51.100.66") in (200, 429)
    assert sign_in(SECRET, "198.51.100.66") == 429
    assert sign_in(SECRET, "203.0.113.1") == 302


@pytest.mark.parametrize(
    ("behind", "said", "found"),
    [
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (True, "2001:DB8::1", "2001:db8::1"),
        (True, "", "127.0.0.1"),
        (True, "not an address", "127.0.0.1"),
        (False, "203.0.113.9", "127.0.0.1"),
    ],
)
def test_only_the_proxys_own_word_counts(behind: bool, said: str, found: str) -> None:
    request = HttpRequest()
    request.META |= {"REMOTE_ADDR": "127.0.0.1", "HTTP_X_FORWARDED_FOR": said}
    with override_settings(BEHIND_PROXY=behind):
        assert client_ip(request) == found
