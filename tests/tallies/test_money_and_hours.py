"""What calls cost and how often people answer, by the hour: sums kept by the database beside every change."""

from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from campaigns import tallies
from campaigns.lifecycle import AttemptState, Outcome
from campaigns.models import CallAttempt, Campaign, Tally
from tests import people

pytestmark = pytest.mark.django_db

ENDED = AttemptState.ENDED


def _spent(campaign: Campaign) -> Decimal:
    return tallies.spent(tallies.of_campaign(campaign.pk))


def _hours(at: datetime) -> dict[datetime, tuple[int, int]]:
    return tallies.answers_each_half_hour("simulator", at)


def test_a_price_told_later_is_added_and_a_corrected_one_replaces_it() -> None:
    campaign = people.campaign()
    call = people.attempt(people.contact(campaign), ENDED, outcome=Outcome.ANSWERED)
    assert _spent(campaign) == 0
    CallAttempt.objects.filter(pk=call.pk).update(price=Decimal("0.75"))
    assert _spent(campaign) == Decimal("0.75")
    CallAttempt.objects.filter(pk=call.pk).update(price=Decimal("1.5001"))
    assert _spent(campaign) == Decimal("1.5001")
    CallAttempt.objects.filter(pk=call.pk).delete()
    assert _spent(campaign) == 0


def test_todays_money_is_that_of_todays_calls() -> None:
    campaign, now = people.campaign(), timezone.now()
    for hours, price in ((1, "2"), (30, "5")):
        at = now - timedelta(hours=hours)
        people.attempt(people.contact(campaign), ENDED, outcome=Outcome.ANSWERED, price=Decimal(price), intent_at=at)
    assert tallies.since([campaign.pk], now - timedelta(hours=2))["spent"] == 2 * tallies.COST_UNIT


def test_a_recount_finds_money_that_is_wrong_and_leaves_what_is_right() -> None:
    campaign = people.campaign()
    people.attempt(people.contact(campaign), ENDED, outcome=Outcome.ANSWERED, price=Decimal("0.9"))
    people.attempt(people.contact(campaign), ENDED, outcome=Outcome.BUSY, price=Decimal(0))
    assert tallies.verify(campaign.pk, timezone.now()) == {}
    Tally.objects.create(about=f"campaign:{campaign.pk}", measure="spent", n=77)
    assert tallies.verify(campaign.pk, timezone.now()) == {(0, "spent"): -77}
    assert _spent(campaign) == Decimal("0.9")


def test_answers_are_counted_by_half_hour_without_refusals_and_trial_calls() -> None:
    at = timezone.now().replace(minute=40, second=0, microsecond=0) - timedelta(hours=3)
    campaign, trial = people.campaign(), people.campaign(is_test=True)
    for outcome in (Outcome.ANSWERED, Outcome.BUSY, Outcome.REFUSED):
        people.attempt(people.contact(campaign), ENDED, outcome=outcome, intent_at=at)
    people.attempt(people.contact(trial), ENDED, outcome=Outcome.ANSWERED, intent_at=at)
    assert _hours(at - timedelta(hours=1)) == {at.replace(minute=30): (1, 2)}


def test_an_outcome_that_the_details_correct_moves_over() -> None:
    at = timezone.now() - timedelta(hours=3)
    call = people.attempt(people.contact(people.campaign()), ENDED, outcome=Outcome.NO_ANSWER, intent_at=at)
    CallAttempt.objects.filter(pk=call.pk).update(outcome=Outcome.ANSWERED)
    assert list(_hours(at - timedelta(hours=1)).values()) == [(1, 1)]


def test_half_hours_outlive_minutes_by_four_weeks() -> None:
    now = datetime(2026, 11, 20, 12, tzinfo=ZoneInfo("Asia/Kolkata"))
    for days in (1, 5, 30):
        Tally.objects.create(
            about="hours:simulator", measure="reached", n=1, minute=tallies.minute_of(now - timedelta(days=days))
        )
        Tally.objects.create(
            about="campaign:1", measure="dialled", n=1, minute=tallies.minute_of(now - timedelta(days=days))
        )
    tallies.forget_old_minutes(now)
    assert Tally.objects.filter(about="hours:simulator").count() == 2
    assert Tally.objects.filter(about="campaign:1").count() == 1
