"""A committed pause admits no later intent."""

import threading
from datetime import datetime

import pytest

from campaigns import control, intents, pacing
from campaigns.audit import COMMAND_LINE
from campaigns.intents import Intent, Wait
from campaigns.models import CallAttempt, Campaign
from tests import people
from tests.dialing.driving import racing

ROUNDS = 50


@pytest.mark.django_db(transaction=True)
def test_no_intent_is_granted_after_a_pause_is_committed(owner: int) -> None:
    """Fifty times: a loop that takes what it gets, and a pause somewhere in the middle."""
    campaign = people.campaign(
        people.account(calls_per_minute=6_000_000, max_concurrent=100_000), max_concurrent=99_999
    )
    people.contacts(campaign, [f"+91900010{number:04d}" for number in range(3_000)])
    raced = sum(_raced(campaign, owner, after=round_ % 5) for round_ in range(ROUNDS))
    assert raced > ROUNDS  # the pause came among intents, not before them all


def _raced(campaign: Campaign, owner: int, after: int) -> int:
    """Pause once `after` intents were granted; how many were granted in all."""
    Campaign.objects.filter(pk=campaign.pk).update(status="running")
    before = CallAttempt.objects.count()
    enough = threading.Semaphore(0)

    def dial() -> None:
        for _ in range(200):
            step = intents.next_intent(campaign.account_id, owner)
            if isinstance(step, Intent):
                enough.release()
            elif not step.work:
                return

    def pause() -> datetime:
        for _ in range(after):
            assert enough.acquire(timeout=10)
        control.pause(campaign.pk, by=COMMAND_LINE)
        return pacing.db_now()

    _, paused_at = racing(dial, pause)
    assert paused_at is not None
    assert not CallAttempt.objects.filter(intent_at__gt=paused_at).exists()
    return CallAttempt.objects.count() - before


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["draft", "scheduled", "paused", "draining", "completed", "cancelled"])
def test_only_a_running_campaign_dials(owner: int, status: str) -> None:
    campaign = people.campaign(status=status)
    people.contact(campaign)
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Wait)
    assert (step.block.code, step.work) == ("nothing", False)


@pytest.mark.django_db
def test_an_intent_remembers_the_generation_that_granted_it(owner: int) -> None:
    campaign = people.campaign()
    people.contacts(campaign, 2)
    intents.next_intent(campaign.account_id, owner)
    control.pause(campaign.pk, by=COMMAND_LINE)
    control.resume(campaign.pk, by=COMMAND_LINE)
    people.rest(campaign)
    intents.next_intent(campaign.account_id, owner)
    assert list(CallAttempt.objects.order_by("pk").values_list("generation", flat=True)) == [1, 3]
