"""A database that forgets intents, or whose locks would go astray, is refused: at the start, and by each dial loop."""

import logging
from collections.abc import Iterator

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from campaigns import dialing, own_connections
from campaigns.models import CallAttempt
from campaigns.own_connections import UnsafeDatabase
from campaigns.owners import Owner
from tests import people
from tests.dialing.pooler import pooler

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def forgetful() -> Iterator[None]:
    """The test's database with synchronous_commit=off, for connections made from now on."""
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    yield
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} RESET synchronous_commit")


@pytest.fixture
def behind_a_pooler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """New connections go through a pooler, by transaction or (parameter) by session."""
    by_transaction = getattr(request, "param", "transaction") == "transaction"
    connection.ensure_connection()
    with pooler(int(connection.settings_dict["PORT"]), by_transaction=by_transaction) as port:
        monkeypatch.setitem(connection.settings_dict, "PORT", str(port))
        yield


def refusals() -> list[str]:
    return [str(one.id) for one in run_checks(databases=["default"]) if str(one.id).startswith("campaigns.")]


def test_a_plain_server_is_fine() -> None:
    Owner().close()
    assert refusals() == []


def test_a_loop_refuses_a_server_that_forgets(forgetful: None) -> None:
    with pytest.raises(UnsafeDatabase, match="synchronous_commit=off"):
        Owner()


def test_a_loop_refuses_a_pooler_that_deals_out_transactions(behind_a_pooler: None) -> None:
    with pytest.raises(UnsafeDatabase, match="PgBouncer in transaction mode"):
        Owner()
    assert refusals() == ["campaigns.E002"]


@pytest.mark.parametrize("behind_a_pooler", ["session"], indirect=True)
def test_a_pooler_that_keeps_sessions_together_is_fine(behind_a_pooler: None) -> None:
    with own_connections.connect() as own:
        row = own.execute("SELECT pg_backend_pid()").fetchone()
        assert row
        assert row[0] != own.info.backend_pid
    Owner().close()
    assert refusals() == []


def test_nobody_is_dialled_and_the_log_says_why(behind_a_pooler: None, caplog: pytest.LogCaptureFixture) -> None:
    people.contact(people.campaign())
    with caplog.at_level(logging.WARNING):
        assert dialing.drive_one() is False
    assert "PgBouncer in transaction mode" in caplog.text
    assert not CallAttempt.objects.exists()


def test_the_start_is_refused_by_migrate(behind_a_pooler: None) -> None:
    with pytest.raises(SystemCheckError, match=r"(?s)campaigns\.E002.*pool_mode = session"):
        call_command("migrate", verbosity=0, skip_checks=False)
