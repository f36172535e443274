"""Accepted POSTs that come together are settled together, and whatever is not usual about one of them is still seen."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import intents, outcomes, pacing, placing, settling
from campaigns.exotel.answers import Accepted, ConnectAnswer, RefusalKind, Refused, Unknown
from campaigns.intents import Intent
from campaigns.models import CallAttempt, CallEvent, Campaign, CampaignContact, CampaignPace, ExotelAccount
from campaigns.outcomes import Statement
from campaigns.turns import Slots
from tests import people

pytestmark = pytest.mark.django_db


def accepted(attempt: CallAttempt, sid: str = "") -> tuple[int, ConnectAnswer]:
    return attempt.pk, Accepted(sid or f"sid-{attempt.pk:08}", 200, "{}", 0.1)


def dialled(campaign: Campaign, number: int = 1) -> list[CallAttempt]:
    """Attempts that are out, as the loop wrote them."""
    return [people.attempt(contact) for contact in people.contacts(campaign, number)]


def states(attempts: list[CallAttempt]) -> list[str]:
    return [CallAttempt.objects.get(pk=attempt.pk).state for attempt in attempts]


def settle(account: ExotelAccount, *answers: tuple[int, ConnectAnswer]) -> None:
    settling.settle_all(account.pk, answers)


@pytest.mark.parametrize("ring_timeout", [20, 45])
def test_each_is_placed_with_its_own_sid_and_counted(ring_timeout: int) -> None:
    account = people.account()
    one, other = (people.campaign(account, ring_timeout=ring_timeout) for _ in range(2))
    attempts = [*dialled(one, 3), *dialled(other, 2)]
    CampaignPace.objects.update(bad_requests_in_row=4)
    settle(account, *map(accepted, attempts))
    rows = list(CallAttempt.objects.order_by("pk"))
    assert [(row.state, row.sid, row.http_status) for row in rows] == [
        ("placed", f"sid-{row.pk:08}", 200) for row in rows
    ]
    for row in rows:
        assert row.check_at is not None
        assert row.placed_at is not None
        assert row.check_at - row.placed_at == min(
            outcomes.RING_GRACE + timedelta(seconds=ring_timeout), outcomes.LOOK_IN
        )
    assert CampaignContact.objects.filter(state="in-call").count() == 5
    assert sorted(CampaignPace.objects.values_list("accepted", "bad_requests_in_row")) == [(2, 0), (3, 0)]
    assert people.pacer(account).recent == "+++++"


def test_together_says_the_same_as_one_by_one() -> None:
    account = people.account()
    together, alone = dialled(people.campaign(account), 2)
    settle(account, accepted(together), accepted(dialled(people.campaign(account))[0]))
    settling.settle(*accepted(alone))
    ignored = {"id", "campaign_contact_id", "phone", "sid", "ordinal"}
    times = {"intent_at", "slot_expires_at", "proof_at", "placed_at", "check_at"}
    found: list[dict[str, object]] = [
        dict(CallAttempt.objects.filter(pk=attempt.pk).values().get()) for attempt in (together, alone)
    ]
    one, other = ({name: row[name] for name in row.keys() - ignored - times} for row in found)
    assert one == other
    events = [CallEvent.objects.filter(attempt=attempt).values().get() for attempt in (together, alone)]
    assert events[0]["note"] == events[1]["note"] == "Accepted"
    assert events[0]["fields"] == events[1]["fields"]
    assert all(event["applied_at"] for event in events)


def test_a_callback_that_was_faster_keeps_its_word() -> None:
    campaign = people.campaign()
    fast, slow = dialled(campaign, 2)
    now = pacing.db_now()
    outcomes.apply(fast.pk, Statement(source="callback", at=now, sid=f"sid-{fast.pk:08}", status="busy"))
    settle(campaign.account, accepted(fast), accepted(slow))
    assert states([fast, slow]) == ["ended", "placed"]
    assert CampaignPace.objects.get(campaign=campaign).accepted == 2


def test_an_unknown_call_whose_answer_comes_late_is_placed_and_the_person_is_in_call() -> None:
    campaign = people.campaign()
    late, other = dialled(campaign, 2)
    settling.settle(late.pk, Unknown("no whole answer"))
    settle(campaign.account, accepted(late), accepted(other))
    assert states([late, other]) == ["placed", "placed"]
    assert CampaignContact.objects.filter(state="in-call").count() == 2


def test_a_sid_that_belongs_to_another_attempt_leaves_that_one_uncertain_and_places_the_others() -> None:
    campaign = people.campaign()
    first, twin, other = dialled(campaign, 3)
    settle(campaign.account, accepted(first, "sid-of-both"), accepted(twin, "sid-of-both"), accepted(other))
    assert states([first, twin, other]) == ["placed", "unknown", "placed"]


def test_answers_count_in_the_order_in_which_they_came() -> None:
    """A first 400 after an accepted call is that person's end; before any it would pause the campaign."""
    campaign = people.campaign()
    good, bad = dialled(campaign, 2)
    settle(campaign.account, accepted(good), (bad.pk, Refused(400, "no", "", None, RefusalKind.INVALID_REQUEST)))
    assert states([good, bad]) == ["placed", "refused"]
    assert Campaign.objects.get(pk=campaign.pk).status == "running"


def test_what_is_settled_twice_is_told_once() -> None:
    campaign = people.campaign()
    attempts = dialled(campaign, 2)
    for _ in range(2):
        settle(campaign.account, *map(accepted, attempts))
    assert states(attempts) == ["placed", "placed"]
    assert list(CallEvent.objects.values_list("copies", flat=True)) == [2, 2]


def test_an_accepted_call_ends_a_back_off() -> None:
    campaign = people.campaign()
    pacer = people.pacer(campaign.account)
    pacer.backoff_seconds, pacer.held_code, pacer.probe_at = 8, "unknowns", pacing.db_now()
    pacer.save()
    settle(campaign.account, *map(accepted, dialled(campaign, 2)))
    pacer.refresh_from_db()
    assert (pacer.backoff_seconds, pacer.held_code) == (0, "")


def test_sixteen_cost_no_more_trips_than_two(owner: int) -> None:
    campaign = people.campaign()
    pacer = people.pacer(campaign.account)
    pacer.recent = "+" * 20
    pacer.save()
    attempts = dialled(campaign, 16)
    with CaptureQueriesContext(connection) as trips:
        settle(campaign.account, *map(accepted, attempts))
    assert states(attempts) == ["placed"] * 16
    assert len(trips) <= 6  # with the savepoint of this test's transaction


def test_an_intent_costs_three_trips(owner: int) -> None:
    campaign = people.campaign(people.account(daily_cap=3))
    people.contacts(campaign, 2)
    slots = Slots()
    assert isinstance(intents.next_intent(campaign.account_id, owner, slots), Intent)
    people.rest(campaign)
    with CaptureQueriesContext(connection) as trips:
        assert isinstance(intents.next_intent(campaign.account_id, owner, slots), Intent)
    assert len(trips) <= 5  # with the savepoint of this test's transaction


def test_nothing_to_place_is_nothing_to_do() -> None:
    assert placing.place(people.account().pk, []) == set()
