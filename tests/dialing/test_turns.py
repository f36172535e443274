"""Whose turn it is: people by the time they are due, campaigns by what they got for their weight."""

from collections import Counter
from datetime import timedelta

import pytest

from campaigns import intents, pacing
from campaigns.intents import Intent
from campaigns.models import Campaign, CampaignContact, CampaignPace, ExotelAccount
from tests import people


def dialled(account: ExotelAccount, owner: int, times: int) -> list[Intent]:
    """That many intents, each after a rest."""
    found = []
    for _ in range(times):
        people.rest(*account.campaigns.all())
        step = intents.next_intent(account.pk, owner)
        assert isinstance(step, Intent), step
        found.append(step)
    return found


def shares(account: ExotelAccount, owner: int, times: int) -> Counter[int]:
    return Counter(step.campaign_id for step in dialled(account, owner, times))


@pytest.mark.django_db
def test_people_are_called_in_the_order_in_which_they_are_due(owner: int) -> None:
    campaign = people.campaign()
    first, second, third = people.contacts(campaign, 3)
    now = pacing.db_now()
    CampaignContact.objects.filter(pk=first.pk).update(state="retry", due_at=now - timedelta(seconds=1))
    CampaignContact.objects.filter(pk=second.pk).update(due_at=now - timedelta(seconds=30))
    CampaignContact.objects.filter(pk=third.pk).update(state="retry", due_at=now - timedelta(seconds=40))
    numbers = [step.request.number for step in dialled(campaign.account, owner, 3)]
    assert numbers == [third.phone, second.phone, first.phone]


@pytest.mark.django_db
def test_a_retry_is_not_called_before_its_time(owner: int) -> None:
    campaign = people.campaign()
    soon, _ = people.contacts(campaign, 2)
    later = pacing.db_now() + timedelta(minutes=1)
    CampaignContact.objects.filter(pk=soon.pk).update(state="retry", due_at=later)
    dialled(campaign.account, owner, 1)
    people.rest(campaign)
    assert not isinstance(intents.next_intent(campaign.account_id, owner), Intent)


@pytest.mark.django_db
def test_campaigns_take_turns(owner: int) -> None:
    account = people.account()
    one, other = people.campaign(account), people.campaign(account)
    for campaign in (one, other):
        people.contacts(campaign, 10)
    order = [step.campaign_id for step in dialled(account, owner, 6)]
    assert order == [one.pk, other.pk] * 3


@pytest.mark.django_db
def test_a_campaign_of_three_times_the_weight_gets_three_times_the_calls(owner: int) -> None:
    account = people.account()
    light, heavy = people.campaign(account), people.campaign(account, weight=3)
    for campaign in (light, heavy):
        people.contacts(campaign, 30)
    assert shares(account, owner, 20) == {light.pk: 5, heavy.pk: 15}


@pytest.mark.django_db
def test_a_campaign_that_cannot_dial_keeps_nobody_waiting(owner: int) -> None:
    account = people.account()
    full = people.campaign(account, max_concurrent=1, weight=100)
    free = people.campaign(account)
    for campaign in (full, free):
        people.contacts(campaign, 5)
    assert shares(account, owner, 5) == {full.pk: 1, free.pk: 4}


@pytest.mark.django_db
def test_a_campaign_that_could_not_dial_for_long_does_not_take_all_turns_when_it_can(owner: int) -> None:
    """Its hours opened after the other one had dialled all night."""
    account = people.account()
    busy, idle = people.campaign(account), people.campaign(account)
    CampaignPace.objects.filter(campaign=busy).update(served=10_000)
    for campaign in (busy, idle):
        people.contacts(campaign, 20)
    found = shares(account, owner, 20)
    assert found[busy.pk] >= 8


@pytest.mark.django_db
def test_a_weight_of_nothing_stops_nobody(owner: int) -> None:
    campaign = people.campaign(weight=0)
    people.contact(campaign)
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)
    assert Campaign.objects.get(pk=campaign.pk).pace.served == 1


@pytest.mark.django_db
def test_the_campaigns_own_pace_holds_beside_the_accounts(owner: int) -> None:
    campaign = people.campaign(calls_per_second="0.5")
    people.contacts(campaign, 2)
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)
    step = intents.next_intent(campaign.account_id, owner)
    assert not isinstance(step, Intent)
    assert (step.block.code, step.block.reason) == ("campaign-pace", "The campaign dials 0.5 calls a second.")
    assert 0.5 < step.seconds <= 1


@pytest.mark.django_db
def test_the_accounts_pace_holds_for_all_its_campaigns_together(owner: int) -> None:
    account = people.account(calls_per_minute=60)
    for _ in range(2):
        people.contacts(people.campaign(account), 5)
    assert isinstance(intents.next_intent(account.pk, owner), Intent)
    step = intents.next_intent(account.pk, owner)
    assert not isinstance(step, Intent)
    assert (step.block.code, step.block.reason) == ("account-pace", "The account dials 54 calls a minute.")
