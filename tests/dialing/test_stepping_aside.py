"""Who may not be called now gets the reason and the next time, in bulk, and the queue goes on without spinning."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import intents, pacing
from campaigns.intents import Intent, Wait
from campaigns.models import Campaign, CampaignContact, Suppression
from tests import people


def closed_now() -> dict[str, Any]:
    """A window that is over in the campaign's zone (UTC), whatever the hour."""
    now = pacing.db_now()
    return {"window_start": (now - timedelta(hours=3)).time(), "window_end": (now - timedelta(hours=2)).time()}


def waited(campaign: Campaign, owner: int) -> Wait:
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Wait)
    return step


@pytest.mark.django_db
def test_a_campaign_outside_its_hours_waits_and_leaves_its_people_as_they_are(owner: int) -> None:
    campaign = people.campaign(time_zone="UTC", **closed_now())
    contact = people.contact(campaign)
    step = waited(campaign, owner)
    assert step.block.code == "hours"
    assert step.block.until is not None
    assert timedelta(hours=20) < step.block.until - pacing.db_now() < timedelta(hours=22)
    contact.refresh_from_db()
    assert (contact.state, contact.reason) == ("pending", "")


@pytest.mark.django_db
def test_a_person_whose_zone_is_outside_the_hours_steps_aside_until_they_open_there(owner: int) -> None:
    """Open where the campaign is; ten hours further east it is not."""
    now = pacing.db_now()
    window: dict[str, Any] = {
        "window_start": (now - timedelta(hours=1)).time(),
        "window_end": (now + timedelta(hours=2)).time(),
    }
    campaign = people.campaign(time_zone="UTC", zones=["", "Etc/GMT-10"], **window)
    (east,) = people.contacts(campaign, 1, time_zone="Etc/GMT-10")
    at_home = people.contact(campaign)
    step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Intent)
    assert step.request.number == at_home.phone
    east.refresh_from_db()
    assert (east.state, east.reason_code) == ("pending", "hours")
    assert "in Etc/GMT-10" in east.reason
    assert timedelta(hours=12) < east.due_at - now < timedelta(hours=14)


@pytest.mark.django_db
def test_a_campaign_waits_when_no_zone_of_its_people_is_open_and_says_when_the_first_one_is(owner: int) -> None:
    campaign = people.campaign(time_zone="UTC", zones=["", "Etc/GMT-10"], **closed_now())
    people.contact(campaign, time_zone="Etc/GMT-10")
    until = waited(campaign, owner).block.until
    assert until is not None
    assert timedelta(hours=10) < until - pacing.db_now() < timedelta(hours=12)


@pytest.mark.django_db
def test_a_person_in_a_zone_that_nobody_knows_is_skipped_and_stops_nobody(owner: int) -> None:
    campaign = people.campaign(zones=["", "Mars/Olympus"], time_zone="UTC", **people.ALL_DAY)
    (martian,) = people.contacts(campaign, 1, time_zone="Mars/Olympus")
    people.contact(campaign)
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)
    martian.refresh_from_db()
    assert (martian.state, martian.reason_code) == ("skipped", "zone")


@pytest.mark.django_db
def test_a_person_who_may_be_anywhere_in_a_wide_country_is_called_when_it_is_open_at_both_ends(owner: int) -> None:
    now = pacing.db_now()
    start, end = (now - timedelta(hours=1)).time(), (now + timedelta(hours=9)).time()
    ends = "Etc/GMT & Etc/GMT-10"  # at ten hours further east the window is over
    campaign = people.campaign(time_zone="UTC", zones=["", ends], window_start=start, window_end=end)
    (somewhere,) = people.contacts(campaign, 1, time_zone=ends)
    people.contact(campaign)
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)
    somewhere.refresh_from_db()
    assert (somewhere.state, somewhere.reason_code) == ("skipped", "hours")
    assert somewhere.reason.endswith("in Etc/GMT & Etc/GMT-10), at any hour.")


@pytest.mark.django_db
def test_the_legal_ceiling_holds_on_a_real_account_however_wide_the_window_was_set(owner: int) -> None:
    """All day was set; but it is 23 o'clock where the person is, whatever the hour here."""
    account = people.account(kind="exotel")
    campaign = people.campaign(account, purpose="recovery")
    east = (23 - pacing.db_now().hour) % 24
    night = f"Etc/GMT{-(east if east <= 12 else east - 24):+d}"  # these zones spell their sign the other way round
    people.contacts(campaign, 1, time_zone=night)
    Campaign.objects.filter(pk=campaign.pk).update(zones=[night])
    assert waited(campaign, owner).block.code == "hours"


@pytest.mark.django_db
def test_a_person_called_often_enough_today_steps_aside_until_the_day_has_passed(owner: int) -> None:
    account = people.account(daily_cap=2)
    called, other = people.campaign(account), people.campaign(account, status="completed")
    phone, now = people.phone(), pacing.db_now()
    for hours in (5, 3):
        ended = people.contacts(other, [phone])[0] if hours == 5 else other.contacts.get()
        people.attempt(ended, "ended", intent_at=now - timedelta(hours=hours))
    (capped,) = people.contacts(called, [phone])
    waited(called, owner)
    capped.refresh_from_db()
    assert (capped.reason_code, capped.reason) == ("daily-cap", "Called 2 times in 24 hours; at most 2.")
    assert abs(capped.due_at - (now + timedelta(hours=19))) < timedelta(seconds=5)


@pytest.mark.django_db
def test_what_never_rang_does_not_count_against_the_daily_cap(owner: int) -> None:
    campaign = people.campaign(people.account(daily_cap=1))
    contact = people.contact(campaign)
    people.attempt(contact, "refused")
    assert isinstance(intents.next_intent(campaign.account_id, owner), Intent)


@pytest.mark.django_db
def test_stepping_aside_costs_a_statement_a_reason_not_a_statement_a_person(owner: int) -> None:
    campaign = people.campaign()
    for contact in people.contacts(campaign, 40):
        Suppression.objects.create(phone=contact.phone, reason="Asked")
    free = people.contact(campaign)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        step = intents.next_intent(campaign.account_id, owner)
    assert isinstance(step, Intent)
    assert step.request.number == free.phone
    assert len(queries) < 35


@pytest.mark.django_db
def test_a_queue_full_of_people_who_step_aside_is_moved_in_few_short_transactions(owner: int) -> None:
    campaign = people.campaign(people.account(daily_cap=1))
    other = people.campaign(campaign.account, status="completed")
    phones = [people.phone() for _ in range(400)]
    for contact in people.contacts(other, phones):
        people.attempt(contact, "ended")
    people.contacts(campaign, phones)
    looks = 1
    while waited(campaign, owner).block.code == "busy-queue":
        looks += 1
    assert looks <= 4
    assert not CampaignContact.objects.filter(campaign=campaign, due_at__lte=pacing.db_now()).exists()


@pytest.mark.django_db
def test_an_empty_queue_says_what_it_waits_for(owner: int) -> None:
    campaign = people.campaign(enrolled_at=None)
    assert waited(campaign, owner).block.code == "enrolling"
    Campaign.objects.filter(pk=campaign.pk).update(enrolled_at=pacing.db_now())
    assert waited(campaign, owner).block.code == "nobody-left"
    unready = people.contact(campaign, prepared=False)
    assert waited(campaign, owner).block.code == "preparing"
    due_at = pacing.db_now() + timedelta(minutes=5)
    CampaignContact.objects.filter(pk=unready.pk).update(prepared=True, due_at=due_at, state="retry")
    step = waited(campaign, owner)
    assert (step.block.code, step.block.until) == ("retry-later", due_at)
    assert step.seconds <= 1
