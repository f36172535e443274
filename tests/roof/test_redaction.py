"""Tokens and people's numbers lose themselves on their way into a log, in a message as in a traceback."""

import logging
import sys

import pytest
from django.db import IntegrityError, transaction

from dialer.redaction import RedactingFormatter
from tests import people


def written(message: str, *args: object) -> str:
    error = sys.exc_info() if sys.exc_info()[0] else None
    return RedactingFormatter("%(message)s").format(logging.LogRecord("x", 40, "", 0, message, args, error))


@pytest.mark.parametrize("door", ["cb", "pt", "ds", "ws", "ws/a"])
def test_the_token_of_a_door_is_not_logged(door: str) -> None:
    assert written("%s: %s", "Server Error", f"/x/{door}/k1.7.mac/") == f"Server Error: /x/{door}/…/"


@pytest.mark.parametrize("number", ["+919876543210", "09876543210", "+97150123456"])
def test_a_number_is_not_logged(number: str) -> None:
    assert written("call to [%s] refused", number) == "call to […] refused"


@pytest.mark.parametrize("line", ["attempt 9876543210123", "2026-11-20 21:30:00.123456+00:00", "+5 more", "id 0812"])
def test_other_lines_stay_as_they_are(line: str) -> None:
    assert written(line) == line


@pytest.mark.django_db
def test_the_row_that_a_databases_error_names_is_not_logged() -> None:
    """PostgreSQL says which key was there twice, and ours hold numbers."""
    campaign = people.campaign()
    contact = people.contact(campaign)
    try:
        with transaction.atomic():
            people.contacts(campaign, [contact.phone])
    except IntegrityError:
        found = written("it could not be stored")
    assert "DETAIL" in found
    assert contact.phone not in found


def test_the_console_writes_so() -> None:
    assert [one for one in logging.getLogger().handlers if isinstance(one.formatter, RedactingFormatter)]
