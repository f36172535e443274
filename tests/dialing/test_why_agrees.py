"""“Why not called yet?” says the truth: *now* exactly when an intent of this instant goes to the person, and its next
time is the first instant at which one does. Small worlds are drawn, and next_intent is asked in transactions that are
rolled back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import intents, pacing, why
from campaigns.intents import Intent
from campaigns.lifecycle import AttemptState, CampaignStatus, ContactState
from campaigns.models import Breaker, Campaign, CampaignContact, CampaignPace, ExotelAccount, Pacer, Suppression
from tests import people

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NUMBERS = ("+919000001001", "+919000001002", "+919000001003")
ZONES = ("", "Asia/Kolkata", "Asia/Singapore", "Nowhere/Atall", "America/New_York & America/Los_Angeles")
SHIFTS = (timedelta(seconds=1), timedelta(minutes=7), timedelta(hours=3), timedelta(hours=26))


@dataclass(frozen=True)
class World:
    account: dict[str, Any]
    pacer: dict[str, Any]
    campaigns: Sequence[tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None, Sequence[dict[str, Any]]]]
    suppressed: Sequence[str]
    calls: Sequence[tuple[str, str, int]]  # (number, state, minutes ago), of another campaign


def moments(*minutes: float) -> st.SearchStrategy[datetime]:
    return st.sampled_from([NOON + timedelta(minutes=each) for each in minutes])


PEOPLE = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["pending"] * 4 + ["retry", "done", "skipped", "uncertain"]),
        "due_at": moments(-60, -5, -1, 0, 0.01, 3, 600),
        "prepared": st.sampled_from([True, True, True, False]),
        "time_zone": st.sampled_from(ZONES[:1] * 3 + ZONES),
    }
)
BREAKERS = st.fixed_dictionaries(
    {
        "trial": st.booleans(),
        "bad_talks": st.sampled_from([0, 2, 3, 4]),
        "bad_calls": st.sampled_from([0, 4, 11, 12]),
        "held_code": st.sampled_from(["", "", "bot-trouble", "calls-fail"]),
        "probe_at": moments(-1, 0, 0.5),
        "probing": st.booleans(),
    }
)
CAMPAIGNS = st.tuples(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(["running"] * 5 + ["paused", "draining", "completed"]),
            "mode": st.sampled_from(["flow", "bot"]),
            "bot": st.just("echo"),
            "weight": st.sampled_from([1, 1, 3]),
            "max_concurrent": st.sampled_from([1, 2, 500]),
            "calls_per_second": st.sampled_from(["999", "0.5"]),
            "window_start": st.sampled_from([time(0), time(0), time(9), time(13), time(20)]),
            "window_end": st.sampled_from([time(0), time(21), time(12)]),
            "time_zone": st.sampled_from(["UTC", "Asia/Kolkata"]),
            "ends_at": st.one_of(st.none(), st.none(), moments(-1, 0, 2, 700)),
            "zones": st.sampled_from([[""], ["", "Asia/Singapore"], []]),
        }
    ),
    st.fixed_dictionaries({"next_dial_at": moments(-5, 0, 0.02, 1, 500), "served": st.integers(0, 3)}),
    st.one_of(st.none(), st.none(), BREAKERS),
    st.lists(PEOPLE, min_size=1, max_size=3),
)
WORLDS = st.builds(
    World,
    account=st.fixed_dictionaries(
        {
            "max_concurrent": st.sampled_from([1, 2, 500]),
            "daily_cap": st.sampled_from([0, 0, 1, 2]),
            "calls_per_minute": st.sampled_from([60, 60_000]),
        }
    ),
    pacer=st.fixed_dictionaries(
        {
            "next_dial_at": moments(-5, -5, 0, 0.03, 1),
            "backoff_until": st.one_of(st.none(), st.none(), moments(-1, 0, 0.5)),
            "held_code": st.sampled_from(["", "", "", "unknowns"]),
            "probe_at": st.one_of(st.none(), moments(-1, 0.5)),
            "probing": st.booleans(),
            "most_streams": st.sampled_from([None, None, 1, 2]),
        }
    ),
    campaigns=st.lists(CAMPAIGNS, min_size=1, max_size=2),
    suppressed=st.lists(st.sampled_from(NUMBERS), max_size=1),
    calls=st.lists(
        st.tuples(
            st.sampled_from(NUMBERS), st.sampled_from(["dialing", "placed", "ended", "refused"]), st.integers(0, 1500)
        ),
        max_size=2,
        unique_by=lambda call: call[0],
    ),
)


def build(world: World) -> ExotelAccount:
    account = people.account(**world.account)
    Pacer.objects.filter(account=account).update(**world.pacer)
    for fields, pace, breaker, crowd in world.campaigns:
        campaign = people.campaign(account, **fields)
        if breaker:
            Breaker.objects.create(campaign=campaign, **breaker)
        CampaignPace.objects.filter(campaign=campaign).update(**pace)
        for number, person in zip(NUMBERS, crowd, strict=False):
            people.contacts(campaign, [number], **person)
    for number in world.suppressed:
        Suppression.objects.create(phone=number, reason="asked")
    if world.calls:
        _call(people.campaign(account, status=CampaignStatus.PAUSED), world.calls)
    return account


def _call(elsewhere: Campaign, calls: Sequence[tuple[str, str, int]]) -> None:
    for number, state, ago in calls:
        at = NOON - timedelta(minutes=ago)
        over = {"slot_released_at": at} if state in (AttemptState.ENDED, AttemptState.REFUSED) else {}
        [person] = people.contacts(elsewhere, [number], state=ContactState.DONE)
        people.attempt(person, state, intent_at=at, **over)


def set_clock(monkeypatch: pytest.MonkeyPatch, at: datetime) -> None:
    monkeypatch.setattr(pacing, "db_now", lambda: at)
    monkeypatch.setattr(pacing, "CLOCK", f"'{at.isoformat()}'::timestamptz", raising=False)


def granted(account: ExotelAccount, owner: int) -> int | None:
    """The campaign contact that the next intent goes to; nothing is kept of it."""
    with transaction.atomic():
        step = intents.next_intent(account.pk, owner)
        found = CampaignContact.objects.filter(attempts=step.attempt_id).get() if isinstance(step, Intent) else None
        transaction.set_rollback(True)
    return found.pk if found else None


def crowd_of(account: ExotelAccount) -> list[CampaignContact]:
    rows = CampaignContact.objects.filter(campaign__account=account).select_related("campaign__account")
    return list(rows.order_by("pk"))


often = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@often
@given(world=WORLDS)
def test_it_says_now_exactly_when_the_intent_would_be_granted(
    world: World, owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        account = build(world)
        set_clock(monkeypatch, NOON)
        now = {person.pk for person in crowd_of(account) if why.explain(person, NOON).now}
        whose = granted(account, owner)
        transaction.set_rollback(True)
    assert now == ({whose} if whose else set())


@often
@given(world=WORLDS)
def test_its_next_time_is_the_first_instant_at_which_the_intent_is_granted(
    world: World, owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction.atomic():
        account = build(world)
        set_clock(monkeypatch, NOON)
        for person in crowd_of(account):
            answer = why.explain(person, NOON)
            if answer.next_at and answer.next_at > NOON:
                set_clock(monkeypatch, answer.next_at)
                assert granted(account, owner) == person.pk
                for before in (timedelta(microseconds=1), (answer.next_at - NOON) / 2):
                    set_clock(monkeypatch, answer.next_at - before)
                    assert granted(account, owner) != person.pk
            elif answer.state in ("never", "over"):
                for shift in SHIFTS:
                    set_clock(monkeypatch, NOON + shift)
                    assert granted(account, owner) != person.pk
        transaction.set_rollback(True)
