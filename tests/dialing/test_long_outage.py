"""Ten minutes in which Exotel takes calls and never says what became of them, minute by minute in simulated time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

import pytest
from django.db import transaction

from campaigns import holds, intents, pacing, settling
from campaigns.exotel.answers import Accepted, ConnectAnswer, Unknown
from campaigns.intents import Intent
from campaigns.models import Campaign
from tests import people

pytestmark = pytest.mark.django_db
START = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
OUTAGE = timedelta(minutes=10)


class Carrier:
    """Answers every question; of a call it says nothing until the outage is over."""

    def __init__(self) -> None:
        self._sids = count()

    def answer(self, at: datetime) -> ConnectAnswer:
        if at < START + OUTAGE:
            return Unknown("Exotel answered 503", 503)
        return Accepted(f"sid-{next(self._sids)}", 200, "", 0.1)


def minutes(campaign: Campaign, owner: int, monkeypatch: pytest.MonkeyPatch, until: timedelta) -> Iterator[datetime]:
    """Dial as the loop does, with a clock of our own; each instant looked at."""
    carrier, now = Carrier(), START
    while now < START + until:
        monkeypatch.setattr(pacing, "CLOCK", f"'{now.isoformat()}'::timestamptz")
        step = intents.next_intent(campaign.account_id, owner)
        if isinstance(step, Intent):
            settling.settle(step.attempt_id, carrier.answer(now))
        elif step.block.code in holds.PROBED:
            with transaction.atomic():
                pacer = pacing.lock(campaign.account_id)
                if not pacer.probing and pacer.probe_at and pacer.probe_at <= now:
                    holds.asked(pacer, now, answers=True)
        yield now
        now += timedelta(seconds=0.5)


def test_ten_minutes_cost_fewer_than_twenty_people_and_the_account_goes_on_by_itself(
    owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = people.campaign(people.account(calls_per_minute=200), ring_timeout=5, time_limit=5)
    people.contacts(campaign, 200, due_at=START)
    unsure = campaign.contacts.filter(state="uncertain")
    named = ""
    for now in minutes(campaign, owner, monkeypatch, OUTAGE + holds.LONGEST_REST + timedelta(seconds=10)):
        if now == START + timedelta(seconds=30):
            named = people.pacer(campaign.account).held_code
            assert campaign.attempts.count() <= 20
    assert named == holds.UNKNOWNS
    assert unsure.count() < 20
    assert people.pacer(campaign.account).held_code == ""
    assert campaign.attempts.filter(state="placed").exists()
