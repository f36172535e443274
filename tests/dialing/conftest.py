"""A dial loop's number whose lock is held, and addresses at which nobody listens."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import override_settings

from campaigns import dialing, holds, intents
from campaigns.owners import Owner


@pytest.fixture(autouse=True)
def _nobody_is_called_back() -> Iterator[None]:
    with override_settings(PUBLIC_URL="http://127.0.0.1:9", PUBLIC_STREAM_URL=""):
        yield


@pytest.fixture
def owner(db: None) -> Iterator[int]:
    """The number of a dial loop that lives."""
    living = Owner()
    yield living.number
    living.close()


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a machine that is busy with other tests: a request may leave late, and a probe comes soon."""
    monkeypatch.setattr(dialing, "FIRST_BYTE_WITHIN", 8.0)
    monkeypatch.setattr(holds, "PROBE_EVERY", timedelta(seconds=0.4))
    monkeypatch.setattr(intents, "IDLE", timedelta(seconds=0.2))
