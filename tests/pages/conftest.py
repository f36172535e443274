"""Somebody who is signed in, and somebody who is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client, override_settings

from campaigns.models import User


@pytest.fixture(autouse=True)
def _collected_nowhere(tmp_path: Path) -> Iterator[None]:
    """WhiteNoise warns of a STATIC_ROOT that is not there; nothing is collected for tests."""
    with override_settings(STATIC_ROOT=tmp_path):
        yield


@pytest.fixture
def meera(db: None) -> User:
    return User.objects.create_user("meera", password="a long enough secret", first_name="Meera", last_name="Kulkarni")


@pytest.fixture
def client_of_meera(meera: User) -> Client:
    client = Client()
    client.force_login(meera)
    return client


@pytest.fixture
def stranger(db: None) -> Client:
    return Client()


@pytest.fixture
def client_of_ravi(db: None) -> Client:
    """Ravi manages users and accounts."""
    ravi = User.objects.create_user("ravi", password="a long enough secret", first_name="Ravi", is_staff=True)
    client = Client()
    client.force_login(ravi)
    return client
