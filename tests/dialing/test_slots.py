"""A slot is held from the intent to the first evidence that the call is over, and there are never more than N."""

import random
import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import intents, outcomes, pacing, stream_use, sweeping, turns
from campaigns.exotel.client import ExotelClient
from campaigns.exotel.details import StreamUse
from campaigns.intents import Intent, Wait
from campaigns.models import CallAttempt, ExotelAccount, Pacer
from campaigns.turns import Slots
from tests import people
from tests.dialing.driving import racing


def intents_until_refused(account: ExotelAccount, owner: int) -> None:
    """Take intents until one is refused for want of a slot."""
    for _ in range(500):
        step = intents.next_intent(account.pk, owner)
        if isinstance(step, Wait) and step.block.code in ("account-slots", "campaign-slots"):
            return


@pytest.mark.django_db(transaction=True)
def test_eight_threads_that_race_for_ten_slots_get_ten(owner: int) -> None:
    account = people.account(max_concurrent=10, calls_per_minute=6_000_000)
    people.contacts(people.campaign(account, calls_per_second=999), 60)
    racing(*[lambda: intents_until_refused(account, owner)] * 8)
    assert pacing.slots_used(account.pk) == {account.campaigns.get().pk: 10}
    assert CallAttempt.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_two_campaigns_that_race_share_the_slots_of_their_account(owner: int) -> None:
    account = people.account(max_concurrent=7, calls_per_minute=6_000_000)
    for _ in range(2):
        people.contacts(people.campaign(account, max_concurrent=4), 20)
    racing(*[lambda: intents_until_refused(account, owner)] * 4)
    used = pacing.slots_used(account.pk)
    assert sum(used.values()) == 7
    assert max(used.values()) == 4


@pytest.mark.django_db
def test_the_campaigns_own_limit_holds_and_says_so(owner: int) -> None:
    campaign = people.campaign(max_concurrent=1)
    people.contacts(campaign, 2)
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Wait)
    assert (step.block.code, step.block.reason) == ("campaign-slots", "All 1 slots of the campaign are in use.")
    assert 0 < step.seconds <= 0.25


@pytest.mark.django_db
def test_a_slot_that_is_given_back_is_used_again(owner: int) -> None:
    campaign = people.campaign(people.account(max_concurrent=1))
    people.contacts(campaign, 2)
    first = intents.next_intent(campaign.account_id, owner)
    assert isinstance(first, Intent)
    assert outcomes.release_slot(first.attempt_id, "stream")
    assert not outcomes.release_slot(first.attempt_id, "callback")
    people.rest(campaign)
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)


@pytest.mark.django_db
def test_a_loop_that_counts_now_and_then_grants_what_one_that_counts_each_time_would(owner: int) -> None:
    account = people.account(max_concurrent=5, calls_per_minute=6_000_000)
    one, two = (people.campaign(account, max_concurrent=most, calls_per_second=999) for most in (2, 4))
    people.contacts(one, 40)
    people.contacts(two, 40)
    slots, chance, granted = Slots(), random.Random(7), 0
    for _ in range(200):
        step = intents.next_intent(account.pk, owner, slots)
        granted += isinstance(step, Intent)
        used = pacing.slots_used(account.pk)
        assert sum(used.values()) <= 5
        assert used.get(one.pk, 0) <= 2
        assert used.get(two.pk, 0) <= 4
        if isinstance(step, Wait) and step.block.code == "account-slots":
            assert sum(used.values()) == 5
        if isinstance(step, Wait) and step.block.code == "campaign-slots":
            assert used.get(one.pk) == 2 or used.get(two.pk) == 4
        for held in CallAttempt.objects.filter(slot_released_at=None):
            if chance.random() < 0.1:
                outcomes.release_slot(held.pk, "stream")
        people.rest(one)
        people.rest(two)
    assert granted > 30


@pytest.mark.django_db
def test_open_calls_are_counted_only_when_somebody_would_have_to_wait_for_a_slot(
    owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "COUNT_EVERY", 3600.0)
    account = people.account(max_concurrent=3, calls_per_minute=6_000_000)
    campaign = people.campaign(account, max_concurrent=3, calls_per_second=999)
    people.contacts(campaign, 10)
    slots, counts = Slots(), []
    for _ in range(5):
        people.rest(campaign)
        with CaptureQueriesContext(connection) as asked:
            intents.next_intent(account.pk, owner, slots)
        counts.append(sum("EXECUTE slots_used" in query["sql"] for query in asked.captured_queries))
    assert counts == [1, 0, 0, 1, 1]


@pytest.mark.django_db
def test_a_slot_that_was_taken_again_behind_the_loops_back_counts_soon(
    owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "COUNT_EVERY", 0.05)
    account = people.account(max_concurrent=2, calls_per_minute=6_000_000)
    campaign = people.campaign(account, max_concurrent=2, calls_per_second=999)
    people.contacts(campaign, 5)
    slots, granted = Slots(), []
    for _ in range(2):
        people.rest(campaign)
        step = intents.next_intent(account.pk, owner, slots)
        assert isinstance(step, Intent)
        granted.append(step.attempt_id)
        outcomes.release_slot(step.attempt_id, "stream")
    CallAttempt.objects.filter(pk__in=granted).update(slot_released_at=None)
    time.sleep(0.06)
    people.rest(campaign)
    step = intents.next_intent(account.pk, owner, slots)
    assert isinstance(step, Wait)
    assert step.block.code in ("account-slots", "campaign-slots")


@pytest.mark.django_db
def test_a_count_that_grows_old_in_the_middle_of_a_turn_breaks_nothing(
    owner: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign = people.campaign(calls_per_second=999)
    people.contacts(campaign, 30)
    slots = Slots()
    for looks in range(5):
        assert isinstance(intents.next_intent(campaign.account_id, owner, slots), Intent)
        people.rest(campaign)
        slots.count(campaign.account_id)
        good = iter([True] * looks)
        clock = SimpleNamespace(monotonic=lambda good=good: float("-inf") if next(good, False) else float("inf"))
        with monkeypatch.context() as patched:
            patched.setattr(turns, "time", clock)
            assert isinstance(intents.next_intent(campaign.account_id, owner, slots), Intent)
        people.rest(campaign)


@pytest.mark.django_db
def test_an_unknown_call_keeps_its_slot_until_it_must_be_over() -> None:
    now = pacing.db_now()
    campaign = people.campaign()
    over = people.attempt(people.contact(campaign), "unknown", slot_expires_at=now - timedelta(seconds=1))
    people.attempt(people.contact(campaign), "unknown", slot_expires_at=now + timedelta(seconds=60))
    assert sweeping.expire_slots() == 1
    assert pacing.slots_used(campaign.account_id) == {campaign.pk: 1}
    over.refresh_from_db()
    assert (over.state, over.slot_evidence) == ("unknown", "expired")


@pytest.mark.django_db
def test_a_slot_is_held_as_long_as_the_call_may_last_and_the_post_before_it(owner: int) -> None:
    campaign = people.campaign(ring_timeout=45, time_limit=300)
    people.contact(campaign)
    intents.next_intent(campaign.account_id, owner)
    attempt = CallAttempt.objects.get()
    assert attempt.slot_expires_at - attempt.intent_at == timedelta(seconds=45 + 300 + 10)
    assert attempt.proof_at - attempt.slot_expires_at == timedelta(seconds=campaign.account.reporting_lag)


@pytest.mark.django_db
def test_a_bots_calls_are_no_more_than_exotel_has_streams_and_a_flows_may_be(owner: int) -> None:
    account = people.account()
    talks = people.campaign(account, mode="bot", bot="echo")
    flow = people.campaign(account)
    Pacer.objects.filter(account=account).update(most_streams=2)
    people.contacts(flow, 1)
    people.attempt(people.contact(flow), "placed")
    for _ in range(2):
        people.rest(talks, flow)
        people.attempt(people.contact(talks), "placed")
    people.contacts(talks, 1)
    granted = intents.next_intent(account.pk, owner)
    assert isinstance(granted, Intent)
    assert granted.campaign_id == flow.pk
    people.rest(talks, flow)
    waits = intents.next_intent(account.pk, owner)
    assert isinstance(waits, Wait)
    CallAttempt.objects.filter(campaign=talks).update(slot_released_at=pacing.db_now())
    assert isinstance(intents.next_intent(account.pk, owner), Intent)


@pytest.mark.django_db
def test_the_number_of_streams_that_exotel_names_counts_from_the_next_call_on(monkeypatch: pytest.MonkeyPatch) -> None:
    account = people.account()
    monkeypatch.setattr(ExotelClient, "active_streams", lambda _: StreamUse(1, 7))
    stream_use.read(account, pacing.db_now())
    assert people.pacer(account).most_streams == 7
