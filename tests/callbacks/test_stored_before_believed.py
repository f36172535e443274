"""200 is owed to the commit of the raw event. What could not be applied at once, the tick applies."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from campaigns import events
from campaigns.events import Arrival
from campaigns.models import CallAttempt, CallEvent
from campaigns.own_connections import parameters
from tests.callbacks import carrier

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def impatient() -> Iterator[None]:
    """Locks are waited for a tenth of a second only."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


def long_ago() -> None:
    CallEvent.objects.update(received_at=timezone.now() - timedelta(minutes=1))


@pytest.mark.usefixtures("impatient")
def test_a_callback_that_cannot_be_applied_now_is_answered_200_and_applied_by_the_tick(exotel: Client) -> None:
    attempt = carrier.placed()
    with psycopg.connect(**parameters()) as elsewhere:
        # Somebody works on the attempt; a foreign key may still point at it.
        elsewhere.execute("SELECT 1 FROM campaigns_callattempt WHERE id = %s FOR NO KEY UPDATE", [attempt.pk])
        assert carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid), "busy")).status_code == 200
        elsewhere.rollback()
    assert carrier.fresh(attempt).state == "placed"
    [event] = carrier.events(attempt)
    assert event.applied_at is None

    assert events.apply_leftovers() == 0  # too young: its own request may still be at it
    long_ago()
    assert events.apply_leftovers() == 1

    assert carrier.fresh(attempt).outcome == "busy"
    assert carrier.events(attempt)[0].applied_at is not None
    assert events.apply_leftovers() == 0


def stored(attempt: CallAttempt, status: str, **said: object) -> None:
    """A process stored it and died."""
    fields = {"status": status} | said
    arrival = Arrival("callback", events.digest_of(fields), attempt.pk, call_sid=str(attempt.sid), said=fields)
    assert events.store(arrival)


def test_what_a_dead_process_left_is_applied_in_the_order_of_arrival(db: None) -> None:
    attempt = carrier.placed()
    stored(attempt, "in-progress", answered=True)
    stored(attempt, "answered", talk_seconds=9)
    long_ago()
    events.apply_leftovers()
    ended = carrier.fresh(attempt)
    assert (ended.state, ended.outcome, ended.talk_seconds) == ("ended", "answered", 9)
    assert ended.answered_at is not None


def test_an_event_that_can_never_be_applied_holds_up_no_other(db: None) -> None:
    poisoned, healthy = carrier.placed(), carrier.placed()
    stored(poisoned, "answered", talk_seconds=10**12)
    stored(healthy, "busy")
    long_ago()
    assert events.apply_leftovers() == 2
    assert carrier.fresh(healthy).outcome == "busy"
    assert carrier.fresh(poisoned).state == "placed"


def test_a_callback_is_refused_with_an_error_when_it_cannot_be_stored(exotel: Client) -> None:
    """Then Exotel sends it again."""
    attempt = carrier.placed()
    exotel.raise_request_exception = False
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        answer = carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid)))
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
    assert answer.status_code == 503
    assert carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid))).status_code == 200
    assert carrier.fresh(attempt).outcome == "answered"
