"""Ten minutes in which Exotel takes calls and never says what became of them, minute by minute in simulated time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count

import pytest
from django.db import transaction

from campaigns import dialing, holds, intents, pacing, settling
from campaigns.exotel.answers import Accepted, ConnectAnswer, Unknown
from campaigns.intents import Intent
from campaigns.models import Campaign
from tests import people

pytestmark = pytest.mark.django_db
START = datetime.fromisoformat("2026-11-20T12:00:00+00:00")
BEFORE = timedelta(seconds=10)
OUTAGE = timedelta(minutes=10)
MOST_UNSURE = 15  # the issue asks for fewer than 20; what is out at the beginning, and a call now and then to see
USUAL, DEADLINE = timedelta(seconds=0.5), timedelta(seconds=10)


class Carrier:
    """Answers every question; of a call it says nothing from START on until the outage is over: at once, or it lets
    the request wait for as long as anybody waits (`hangs`)."""

    def __init__(self, *, hangs: bool) -> None:
        self._hangs, self._sids = hangs, count()

    def answer(self, at: datetime) -> tuple[datetime, ConnectAnswer]:
        """When something is said about a call that is asked for now, and what."""
        if not START <= at < START + OUTAGE:
            return at + USUAL, Accepted(f"sid-{next(self._sids)}", 200, "", 0.1)
        if self._hangs:
            return at + DEADLINE, Unknown("no answer within 10 s", None)
        return at + USUAL, Unknown("Exotel answered 503", 503)


class Dialler:
    """Dials as the loop does, with its room for requests that are out and a clock of our own."""

    def __init__(self, campaign: Campaign, owner: int, carrier: Carrier, monkeypatch: pytest.MonkeyPatch) -> None:
        self._campaign, self._owner, self._carrier = campaign, owner, carrier
        self._monkeypatch = monkeypatch
        self._room = dialing.Room()
        self._out: list[tuple[datetime, int, ConnectAnswer]] = []

    def minutes(self, until: timedelta) -> Iterator[datetime]:
        """Each instant, after it was looked at."""
        now = START - BEFORE
        while now < START + until:
            self._monkeypatch.setattr(pacing, "CLOCK", f"'{now.isoformat()}'::timestamptz")
            self._hear(now)
            waits = self._dial(now)
            yield now
            # Four times a second; while nobody is out and nobody may be called, less often.
            now += timedelta(seconds=5 if waits and not self._out else 0.25)

    def _hear(self, now: datetime) -> None:
        while self._out and self._out[0][0] <= now:
            _, attempt_id, answer = self._out[0]
            self._room.heard([answer], len(self._out))
            settling.settle(attempt_id, answer)
            self._out.pop(0)

    def _dial(self, now: datetime) -> bool:
        """Let those go whose turn it is while there is room; whether the account is held."""
        while True:
            if len(self._out) >= int(self._room.size):
                return False
            step = intents.next_intent(self._campaign.account_id, self._owner)
            if not isinstance(step, Intent):
                break
            heard_at, answer = self._carrier.answer(now)
            self._out.append((heard_at, step.attempt_id, answer))
        if step.block.code in holds.PROBED:
            with transaction.atomic():
                pacer = pacing.lock(self._campaign.account_id)
                if not pacer.probing and pacer.probe_at and pacer.probe_at <= now:
                    holds.asked(pacer, now, answers=True)
        return step.block.code in holds.PROBED


@pytest.mark.parametrize("hangs", [False, True], ids=["503 at once", "no word"])
def test_ten_minutes_cost_fewer_than_twenty_people_and_the_account_goes_on_by_itself(
    owner: int, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    account = people.account(calls_per_minute=600)
    campaign = people.campaign(account, calls_per_second=5, ring_timeout=5, time_limit=5)
    people.contacts(campaign, 200, due_at=START - BEFORE)
    dialler = Dialler(campaign, owner, Carrier(hangs=hangs), monkeypatch)
    named, over = "", campaign.attempts.filter(state="placed", intent_at__gte=START + OUTAGE)
    for now in dialler.minutes(OUTAGE + holds.LONGEST_REST + timedelta(seconds=30)):
        if not named and now >= START + timedelta(seconds=30):
            named = people.pacer(campaign.account).held_code
            assert campaign.attempts.filter(intent_at__gte=START).count() <= MOST_UNSURE
        if now > START + OUTAGE and over.count() >= 5:
            break
    assert named == holds.UNKNOWNS
    assert holds.UNKNOWNS_IN_ROW <= campaign.contacts.filter(state="uncertain").count() <= MOST_UNSURE
    assert people.pacer(campaign.account).held_code == ""
    assert over.count() >= 5
