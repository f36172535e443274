"""Calls whose turns are near share a transaction; who is granted, and when, is the same as one by one."""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import control, intents, pacing, suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.eligibility import campaign_step
from campaigns.intents import TOGETHER, Intent, Wait
from campaigns.models import CallAttempt, Campaign, CampaignContact, ExotelAccount
from tests import people

pytestmark = pytest.mark.django_db

FAST = 6_000_000  # requests a minute of an account whose pace bounds nothing


def granted(of: Campaign, owner: int, *, most: int = TOGETHER) -> Sequence[Intent]:
    step = intents.next_intents(of.account_id, owner, most=most)
    assert not isinstance(step, Wait), step
    return step


def called(step: Sequence[Intent]) -> list[str]:
    return [CallAttempt.objects.get(pk=intent.attempt_id).phone for intent in step]


def at_pace(of: ExotelAccount, *, calls_per_second: float = 200, **fields: Any) -> Campaign:
    return people.campaign(of, calls_per_second=calls_per_second, **fields)


def fast(**fields: int) -> ExotelAccount:
    return people.account(calls_per_minute=FAST, **fields)


def test_turns_that_are_near_are_granted_in_line_order_a_step_apart(owner: int) -> None:
    campaign = at_pace(fast(), calls_per_second=100)
    line = people.contacts(campaign, 9)
    step = granted(campaign, owner)
    assert called(step) == [one.phone for one in line[:TOGETHER]]
    turns = [intent.leaves_at for intent in step]
    assert {later - earlier for earlier, later in itertools.pairwise(turns)} == {campaign_step(campaign)}
    assert all(intent.leaves_at <= intent.looked_at + pacing.AHEAD for intent in step)
    assert people.pacer(campaign.account).next_dial_at > turns[-1]


def test_a_campaign_with_nobody_due_keeps_nobody_from_being_granted_together(owner: int) -> None:
    account = fast()
    at_pace(account)  # got least of the account, and comes first
    campaign = at_pace(account)
    people.contacts(campaign, TOGETHER)
    assert len(granted(campaign, owner)) == TOGETHER


def test_while_another_account_calls_too_each_call_has_a_transaction_of_its_own(owner: int) -> None:
    campaign = at_pace(fast())
    people.contacts(campaign, TOGETHER)
    at_pace(people.account(name="Another"))
    assert len(granted(campaign, owner)) == 1


def test_a_campaign_that_is_behind_at_the_gate_waits_and_keeps_nobody_else_waiting(owner: int) -> None:
    account = fast()
    behind, other = at_pace(account, calls_per_second=1), at_pace(account)
    for campaign in (behind, other):
        people.contacts(campaign, [f"+9198{campaign.pk % 1000:03}{number:05}" for number in range(4)])

    def line(pace: str) -> float:
        return -0.6 if pace == f"campaign {behind.pk}" else float("-inf")

    step = intents.next_intents(account.pk, owner, line=line)
    assert not isinstance(step, Wait)
    assert {intent.campaign_id for intent in step} == {other.pk}
    control.pause(other.pk, by=COMMAND_LINE)
    people.rest(behind)
    step = intents.next_intents(account.pk, owner, line=line)
    assert isinstance(step, Wait)
    assert (step.block.code, step.block.reason) == ("campaign-pace", "The campaign's last call waits for its turn.")
    assert abs(step.seconds - 0.34) < 0.05  # it may be granted so much ahead of its turn
    assert not isinstance(intents.next_intents(account.pk, owner, line=lambda _: -0.9), Wait)


def test_a_pace_whose_turns_are_far_apart_grants_one_call_at_a_time(owner: int) -> None:
    campaign = at_pace(fast(), calls_per_second=10)
    people.contacts(campaign, 5)
    assert len(granted(campaign, owner)) == 1


def test_no_turn_further_ahead_than_a_grant_may_be_is_taken(owner: int) -> None:
    campaign = at_pace(fast(), calls_per_second=40)  # 25 ms: at once, and two turns within 60 ms
    people.contacts(campaign, 5)
    assert len(granted(campaign, owner)) == 3


def test_the_accounts_pace_bounds_them_as_the_campaigns_does(owner: int) -> None:
    campaign = at_pace(people.account(calls_per_minute=2_700))  # 40.5 calls a second
    people.contacts(campaign, 5)
    assert len(granted(campaign, owner)) == 3


def test_a_pace_beyond_what_a_loop_can_do_grants_one_call_at_a_time(owner: int) -> None:
    campaign = at_pace(fast(), calls_per_second=300)
    people.contacts(campaign, 5)
    assert len(granted(campaign, owner)) == 1


def test_no_more_are_granted_than_the_loop_has_room_for(owner: int) -> None:
    campaign = at_pace(fast())
    people.contacts(campaign, 5)
    assert len(granted(campaign, owner, most=2)) == 2


@pytest.mark.parametrize("of_account", [True, False])
def test_no_more_are_granted_than_slots_are_free(owner: int, of_account: bool) -> None:
    campaign = at_pace(fast(max_concurrent=2 if of_account else 50), max_concurrent=50 if of_account else 2)
    people.contacts(campaign, 5)
    assert len(granted(campaign, owner)) == 2
    assert pacing.slots_used(campaign.account_id) == {campaign.pk: 2}


def test_a_half_open_account_tries_one_call(owner: int) -> None:
    campaign = at_pace(fast())
    people.contacts(campaign, 5)
    pacer = people.pacer(campaign.account)
    pacer.held_code, pacer.probing = "unreachable", True
    pacer.save()
    assert len(granted(campaign, owner)) == 1
    assert isinstance(intents.next_intents(campaign.account_id, owner), Wait)


def test_the_queue_may_be_shorter_than_the_turns(owner: int) -> None:
    campaign = at_pace(fast())
    people.contacts(campaign, 2)
    assert len(granted(campaign, owner)) == 2


def test_campaigns_share_what_is_granted_together_by_weight(owner: int) -> None:
    account = fast()
    campaigns = [at_pace(account, weight=weight) for weight in (1, 2, 3)]
    for campaign in campaigns:
        people.contacts(campaign, [f"+9198{campaign.pk % 1000:03}{number:05}" for number in range(40)])
    found: Counter[int] = Counter()
    while found.total() < 60:
        step = granted(campaigns[0], owner)
        assert len(step) == TOGETHER
        found.update(intent.campaign_id for intent in step)
        people.rest(*campaigns)
    assert [found[one.pk] for one in campaigns] == [10, 20, 30]


def test_a_number_in_two_campaigns_is_called_once(owner: int) -> None:
    account = fast()
    campaigns = [at_pace(account) for _ in range(2)]
    for campaign in campaigns:
        people.contacts(campaign, ["+919800000001"])
    assert len(granted(campaigns[0], owner)) == 1
    assert CallAttempt.objects.count() == 1


def test_who_may_not_be_called_ends_what_is_granted_together_and_steps_aside_next(owner: int) -> None:
    campaign = at_pace(fast())
    line = people.contacts(campaign, 4)
    suppressing.suppress([line[1].phone], reason="Asked not to be called", by=COMMAND_LINE)
    assert called(granted(campaign, owner)) == [line[0].phone]
    assert called(granted(campaign, owner)) == [line[2].phone, line[3].phone]
    assert CampaignContact.objects.get(pk=line[1].pk).reason_code == "suppressed"


def test_four_together_take_two_thirds_of_the_trips_of_four_by_themselves(owner: int) -> None:
    campaign = at_pace(fast())
    people.contacts(campaign, 3 * TOGETHER)
    granted(campaign, owner)  # what is read once and prepared once
    with CaptureQueriesContext(connection) as alone:
        for _ in range(TOGETHER):
            granted(campaign, owner, most=1)
    with CaptureQueriesContext(connection) as together:
        granted(campaign, owner)
    assert len(together) <= 0.67 * len(alone)
