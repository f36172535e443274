"""Addresses that carry tokens lose them on their way into a log."""

import logging

import pytest

from dialer.redaction import Redacted


@pytest.mark.parametrize("door", ["cb", "pt", "ds", "ws", "ws/a"])
def test_the_token_of_a_door_is_not_logged(door: str) -> None:
    record = logging.LogRecord("django.request", 40, "", 0, "%s: %s", ("Server Error", f"/x/{door}/k1.7.mac/"), None)
    assert Redacted().filter(record)
    assert record.getMessage() == f"Server Error: /x/{door}/…/"


def test_other_lines_stay_as_they_are() -> None:
    record = logging.LogRecord("campaigns", 30, "", 0, "attempt %s", (7,), None)
    assert Redacted().filter(record)
    assert (record.msg, record.args) == ("attempt %s", (7,))
