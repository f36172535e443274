"""Campaigns that share an account: each gets its part, and none waits long for its first call."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from campaigns import control, intents, pacing
from campaigns.audit import COMMAND_LINE
from campaigns.intents import Intent
from campaigns.models import Campaign, CampaignContact, ExotelAccount
from tests import people

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
A_MINUTE = 60  # requests, of which 54 are dials


class Clock:
    """The database's clock, set by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.now = NOON
        self.go(timedelta())

    def go(self, on: timedelta) -> None:
        self.now += on
        self._monkeypatch.setattr(pacing, "CLOCK", f"'{self.now.isoformat()}'::timestamptz")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def account() -> ExotelAccount:
    return people.account(calls_per_minute=A_MINUTE, max_concurrent=100_000)


def campaign(of: ExotelAccount, queue: int, **fields: object) -> Campaign:
    """A campaign with so many people who are due long since."""
    made = people.campaign(of, max_concurrent=99_999, **fields)  # type: ignore[arg-type]
    people.contacts(made, [f"+9198{made.pk % 1000:03}{number:05}" for number in range(queue)])
    CampaignContact.objects.filter(campaign=made).update(due_at=NOON - timedelta(days=1))
    return made


def calls(of: ExotelAccount, owner: int, clock: Clock, times: int) -> Iterator[tuple[int, datetime]]:
    """Whose call it was and when, so many times, as fast as the account may dial."""
    for _ in range(times):
        step = intents.next_intent(of.pk, owner)
        assert isinstance(step, Intent), step
        yield step.campaign_id, clock.now
        clock.go(pacing.dial_step(of))


def first_call(of: Campaign, found: list[tuple[int, datetime]]) -> datetime:
    return next(at for campaign_id, at in found if campaign_id == of.pk)


def test_weights_of_one_two_and_three_share_a_thousand_calls_in_that_proportion(owner: int, clock: Clock) -> None:
    shared = account()
    campaigns = [campaign(shared, 520, weight=weight) for weight in (1, 2, 3)]
    found = list(calls(shared, owner, clock, 1_000))
    for one in campaigns:
        due = 1_000 * one.weight / 6
        got = sum(campaign_id == one.pk for campaign_id, _ in found)
        assert abs(got - due) <= due / 10
        assert first_call(one, found) - NOON <= timedelta(seconds=10)


def test_a_newcomer_has_its_first_call_within_ten_seconds_and_takes_not_all_turns(owner: int, clock: Clock) -> None:
    shared = account()
    old = [campaign(shared, 60, weight=weight) for weight in (1, 3)]
    list(calls(shared, owner, clock, 60))
    new = campaign(shared, 60, status="draft", weight=2, is_test=True)
    control.launch(new.pk, by=COMMAND_LINE)
    people.proven(new)
    launched = clock.now
    found = list(calls(shared, owner, clock, 30))
    assert first_call(new, found) - launched <= timedelta(seconds=10)
    assert abs(sum(campaign_id == new.pk for campaign_id, _ in found) - 10) <= 2
    for one in old:
        assert first_call(one, found) - launched <= timedelta(seconds=10)


def test_who_comes_back_from_a_pause_has_its_first_call_within_ten_seconds(owner: int, clock: Clock) -> None:
    shared = account()
    rested, busy = campaign(shared, 40), campaign(shared, 80, weight=3)
    list(calls(shared, owner, clock, 8))
    control.pause(rested.pk, by=COMMAND_LINE)
    list(calls(shared, owner, clock, 40))
    control.resume(rested.pk, by=COMMAND_LINE)
    resumed = clock.now
    found = list(calls(shared, owner, clock, 16))
    for one in (rested, busy):
        assert first_call(one, found) - resumed <= timedelta(seconds=10)
