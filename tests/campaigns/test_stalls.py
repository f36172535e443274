"""Eleven stalls made on purpose, each explained in the one sentence that pages and commands show."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone

from campaigns import holds, pacing, progress, stalls
from campaigns.holds import Hold
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import Campaign, CampaignContact, ExotelAccount, Pacer
from campaigns.progress import Waiting
from tests import people
from tests.dialing.driving import until

pytestmark = pytest.mark.django_db


def running(of: ExotelAccount | None = None, *, due: int = 1, **fields: Any) -> Campaign:
    """A campaign that a live loop drives."""
    campaign = people.campaign(of, **{"launched_at": timezone.now() - timedelta(minutes=5)} | fields)
    people.contacts(campaign, due)
    Pacer.objects.update(loop_seen_at=timezone.now(), loop_owner=1)
    return campaign


def waiting(campaign: Campaign) -> Waiting:
    found = progress.waiting(Campaign.objects.select_related("account").get(pk=campaign.pk))
    assert found is not None
    return found


def ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


def no_worker(campaign: Campaign) -> None:
    Pacer.objects.update(loop_seen_at=ago(1))


def held(campaign: Campaign) -> None:
    holds.put(people.pacer(campaign.account), Hold("payment", "No credit left.", probes=False), ago(1))


def backing_off(campaign: Campaign) -> None:
    Pacer.objects.update(backoff_until=ago(-1))


def outside_hours(campaign: Campaign) -> None:
    begins = (timezone.now() + timedelta(hours=2)).time().replace(microsecond=0)
    ends = (timezone.now() + timedelta(hours=3)).time().replace(microsecond=0)
    Campaign.objects.update(window_start=begins, window_end=ends, time_zone="UTC")


def silent(campaign: Campaign) -> None:
    Campaign.objects.update(max_concurrent=2)
    for _ in range(2):
        person = people.contact(campaign)
        people.attempt(person, AttemptState.PLACED, intent_at=ago(3))


def waiting_for_retries(campaign: Campaign) -> None:
    CampaignContact.objects.update(state=ContactState.RETRY, due_at=ago(-20), reason_code="retry-rule")


def people_elsewhere_asleep(campaign: Campaign) -> None:
    CampaignContact.objects.update(due_at=ago(-200), reason_code="hours")


def enrolling(campaign: Campaign) -> None:
    CampaignContact.objects.update(state=ContactState.DONE)
    Campaign.objects.update(enrolled_at=None)


def only_uncertain(campaign: Campaign) -> None:
    CampaignContact.objects.update(state=ContactState.UNCERTAIN)


def starved(campaign: Campaign) -> None:
    other = people.campaign(campaign.account, name="KYC renewal")
    people.attempt(people.contact(other), AttemptState.PLACED, intent_at=ago(0.05))


CAUSES: tuple[tuple[Callable[[Campaign], None], str, str], ...] = (
    (no_worker, "no-worker", "worker"),
    (held, "payment", "No credit left."),
    (backing_off, "rate-limited", "Exotel says the account is too fast (429); nobody was dialled."),
    (outside_hours, "hours", "Outside calling hours"),
    (silent, "silent-calls", "in use, 2 of them by calls of which Exotel has told nothing since it was placed."),
    (waiting_for_retries, "retry-later", "Everybody left waits for a retry."),
    (people_elsewhere_asleep, "retry-later", "Everybody left is outside calling hours where they are."),
    (enrolling, "enrolling", "People are still being added to the campaign."),
    (only_uncertain, "only-uncertain", "Nobody is left to call but 1 person is uncertain"),
    (starved, "shared-pace", "calls a minute are shared with KYC renewal."),
)
TIMED = {"rate-limited", "hours", "retry-later"}


@pytest.mark.parametrize(("cause", "code", "words"), CAUSES, ids=[cause.__name__ for cause, *_ in CAUSES])
def test_each_cause_is_named_rightly(cause: Callable[[Campaign], None], code: str, words: str) -> None:
    campaign = running()
    cause(campaign)
    found = waiting(campaign)
    assert found.code == code
    assert words in found.reason
    assert (found.until is not None) == (code in TIMED)


def test_talks_that_fill_the_slots_are_not_called_silent() -> None:
    campaign = running(max_concurrent=1)
    people.attempt(people.contact(campaign), AttemptState.ANSWERED, intent_at=ago(3))
    assert waiting(campaign).code == "campaign-slots"


def test_a_campaign_that_had_a_call_just_now_is_not_starved() -> None:
    campaign = running()
    starved(campaign)
    people.attempt(people.contact(campaign), AttemptState.ANSWERED, intent_at=ago(0))
    assert progress.waiting(Campaign.objects.select_related("account").get(pk=campaign.pk)) is None


@contextmanager
def locked_by_psql(pacer: int) -> Iterator[None]:
    """Somebody in a terminal holds the pacer's row; an intent waits for it."""
    settings = connection.get_connection_params()
    known = {name: settings[name] for name in ("host", "port", "user", "password", "dbname") if settings.get(name)}
    with psycopg.connect(**known, application_name="psql") as somebody:
        somebody.execute("SELECT FROM campaigns_pacer WHERE account_id = %s FOR UPDATE", [pacer])
        waiter = threading.Thread(target=_intent, args=(pacer,))
        waiter.start()
        yield
        somebody.rollback()
        waiter.join(20)


def _intent(account_id: int) -> None:
    try:
        with transaction.atomic():
            pacing.lock(account_id)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_lock_in_the_database_is_named_with_its_holder() -> None:
    campaign = running()
    no_worker(campaign)
    with locked_by_psql(campaign.account_id):
        until(stalls.lock_wait, 10)
        found = waiting(campaign)
    assert (found.code, found.held) == ("database-lock", True)
    assert "“psql” (process " in found.reason
    assert stalls.lock_wait() == ""
