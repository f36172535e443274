"""A dial loop's number whose lock is held, and addresses at which nobody listens."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

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
