"""Credentials stand in no table in clear, and keys can be changed without losing them."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.test import override_settings

from campaigns import secrets
from campaigns.models import ExotelAccount
from tests import people

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def raw(account: ExotelAccount) -> tuple[str, str]:
    """What the table holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key, api_token FROM campaigns_exotelaccount WHERE id = %s", [account.pk])
        key, token = cursor.fetchone()
    return key, token


@pytest.mark.django_db
def test_the_table_holds_no_clear_text() -> None:
    account = people.account(api_key="a-key-in-clear", api_token="a-token-in-clear")
    key, token = raw(account)
    assert "clear" not in key + token
    assert key.startswith("gAAAA")
    found = ExotelAccount.objects.get(pk=account.pk)
    assert (found.api_key, found.api_token) == ("a-key-in-clear", "a-token-in-clear")


@pytest.mark.django_db
def test_the_same_secret_looks_different_each_time() -> None:
    one, other = people.account(api_key="same"), people.account(api_key="same")
    assert raw(one)[0] != raw(other)[0]


@pytest.mark.django_db
def test_what_an_old_key_wrote_is_read_while_the_key_is_listed_and_written_with_the_new_one() -> None:
    with override_settings(ENCRYPTION_KEYS=OLD):
        account = people.account(api_key="kept")
    with override_settings(ENCRYPTION_KEYS=f"{NEW},{OLD}"):
        found = ExotelAccount.objects.get(pk=account.pk)
        assert found.api_key == "kept"
        found.save()
    with override_settings(ENCRYPTION_KEYS=NEW):
        assert ExotelAccount.objects.get(pk=account.pk).api_key == "kept"


@pytest.mark.django_db
def test_a_lost_key_is_named_and_nothing_is_shown() -> None:
    with override_settings(ENCRYPTION_KEYS=OLD):
        account = people.account(api_key="kept")
    with override_settings(ENCRYPTION_KEYS=NEW), pytest.raises(ImproperlyConfigured, match="another key") as lost:
        ExotelAccount.objects.get(pk=account.pk)
    assert "kept" not in str(lost.value)


def test_nothing_encrypts_to_nothing() -> None:
    assert secrets.encrypt("") == secrets.decrypt("") == ""


@pytest.mark.parametrize("keys", ["", "short", f"{OLD},short"], ids=["none", "short", "one of two"])
def test_a_key_that_is_none_is_refused_by_name(keys: str) -> None:
    with override_settings(ENCRYPTION_KEYS=keys), pytest.raises(ImproperlyConfigured, match="ENCRYPTION_KEYS"):
        secrets.encrypt("text")
