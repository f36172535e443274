"""A database that forgets written intents after a crash stops the start."""

import pytest
from django.core.checks import run_checks
from django.db import connection

pytestmark = pytest.mark.django_db


def found() -> list[str]:
    return [
        str(message.id) for message in run_checks(databases=["default"]) if str(message.id).startswith("campaigns.")
    ]


def test_an_ordinary_server_is_fine() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
    assert found() == []


def test_synchronous_commit_off_is_refused() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
    assert found() == ["campaigns.E001"]
