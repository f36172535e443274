"""Exotel's HTTP client, and a database in which other threads see what was committed."""

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
def exotel(transactional_db: None) -> Client:
    """A Passthru is heard in a thread of its own, so nothing may hide in the test's transaction."""
    return Client(enforce_csrf_checks=True, headers={"User-Agent": "Exotel Servers"})
