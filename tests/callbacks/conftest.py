"""Exotel's HTTP client: no cookies, no CSRF token, and no patience for redirects."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client, override_settings


@pytest.fixture(autouse=True)
def _collected_nowhere(tmp_path: Path) -> Iterator[None]:
    """WhiteNoise warns of a STATIC_ROOT that is not there; nothing is collected for tests."""
    with override_settings(STATIC_ROOT=tmp_path):
        yield


@pytest.fixture
def exotel(db: None) -> Client:
    return Client(enforce_csrf_checks=True, headers={"User-Agent": "Exotel Servers"})
