"""A tick whose database is away ends with a line in the log, and the next one is not kept out."""

import logging

import pytest
from django.apps import apps as django_apps
from django.db import connection
from django.db.models.signals import post_migrate, pre_migrate

from campaigns import apps, dialing, enrolling, own_connections, tasks
from campaigns.importing import loading
from tests import people


@pytest.mark.django_db(transaction=True)
def test_a_tick_whose_connection_is_cut_ends_quietly_and_gives_the_lock_back(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), tasks._alone(8) as mine, connection.cursor() as cursor:
        assert mine
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert "tick 8 ended early" in caplog.text
    with tasks._alone(8) as mine:
        assert mine


@pytest.mark.django_db(transaction=True)
def test_a_tick_that_cannot_even_ask_for_its_lock_does_nothing(caplog: pytest.LogCaptureFixture) -> None:
    connection.ensure_connection()
    kept = connection.settings_dict["PORT"]
    connection.close()
    connection.settings_dict["PORT"] = "1"
    try:
        with caplog.at_level(logging.WARNING), tasks._alone(8) as mine:
            assert not mine
    finally:
        connection.settings_dict["PORT"] = kept
        connection.close()
    assert "tick 8 ended early" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_tick_that_somebody_else_runs_is_left_to_them() -> None:
    with own_connections.connect() as other:
        other.execute("SELECT pg_advisory_lock(%s, 8)", [tasks.TICK_LOCK])
        with tasks._alone(8) as mine:
            assert not mine
        other.execute("SELECT pg_advisory_unlock(%s, 8)", [tasks.TICK_LOCK])
        with tasks._alone(8) as mine:
            assert mine


@pytest.mark.django_db
def test_a_chore_that_fails_keeps_no_other_from_being_done(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []

    def fails() -> None:
        raise LookupError("this one")

    monkeypatch.setattr(tasks, "_CHORES", (lambda: done.append("before"), fails, lambda: done.append("after")))
    with pytest.raises(LookupError, match="this one"):
        tasks.housekeeping_tick()
    assert done == ["before", "after"]


@pytest.mark.django_db
def test_a_worker_that_stops_leaves_a_long_list_to_the_next_and_has_made_its_first_people_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(enrolling, "CHUNK", 2)
    says = {"message": "The same for all.", "keys": ""}
    campaign = people.campaign(lists=[people.contact_list(7)], mode="bot", bot="announcer", bot_options=says)
    dialing.stopping.set()
    tasks.prepare_tick()
    assert list(campaign.contacts.values_list("prepared", flat=True)) == [True, True]
    dialing.stopping.clear()
    tasks.prepare_tick()
    assert campaign.contacts.filter(prepared=True).count() == 7


@pytest.mark.django_db(transaction=True)
def test_two_imports_run_at_once_and_no_third(monkeypatch: pytest.MonkeyPatch) -> None:
    """More would take all threads from what must not wait: slots that expire, callbacks left behind, messages."""
    begun: list[int] = []
    monkeypatch.setattr(loading, "run_due", lambda: begun.append(1))
    with own_connections.connect() as other:
        for running, starts in ((1, 1), (2, 0)):
            other.execute("SELECT pg_advisory_lock(%s, %s)", [tasks.TICK_LOCK, tasks.IMPORTS[running - 1]])
            begun.clear()
            tasks.import_tick()
            assert len(begun) == starts


@pytest.mark.django_db
def test_a_migration_may_take_longer_than_a_page_and_afterwards_no_statement_may() -> None:
    config = django_apps.get_app_config("campaigns")
    with connection.cursor() as cursor:
        pre_migrate.send(config, using="default")
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)
        apps.hurry_again("default")
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("1min",)
    assert post_migrate.has_listeners(config)
