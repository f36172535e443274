"""“Why not called yet?”: a drawer with an address of its own, its fragment, and the way there and back."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.models import Campaign, CampaignContact, Pacer
from tests.pages import world

pytestmark = pytest.mark.django_db


def launched() -> Campaign:
    campaign = world.launched(world.account(), world.people(), max_attempts=3)
    Pacer.objects.update(loop_seen_at=timezone.now())
    return campaign


def asked(client: Client, person: CampaignContact, part: str = "") -> str:
    rest = f"&part={part}" if part else ""
    return client.get(f"/campaigns/{person.campaign_id}/contacts?why={person.pk}{rest}").content.decode()


def test_somebody_who_is_next_is_called_now(client_of_meera: Client) -> None:
    campaign = launched()
    text = asked(client_of_meera, world.first_of(campaign))
    assert "Called now, or within a second." in text
    assert '<dialog class="drawer"' in text
    assert "Never called in this campaign." in text


def test_somebody_behind_others_is_told_when_their_turn_comes(client_of_meera: Client) -> None:
    campaign = launched()
    text = asked(client_of_meera, campaign.contacts.latest("pk"))
    assert "Next call about" in text
    assert "2 people are due before this one." in text


def test_a_retry_says_when_and_why(client_of_meera: Client) -> None:
    campaign = launched()
    person = world.first_of(campaign)
    world.call(person, "busy")
    CampaignContact.objects.filter(pk=person.pk).update(
        state="retry",
        due_at=timezone.now() + timedelta(minutes=26, seconds=5),
        reason="Busy; the retry rule calls again.",
    )
    campaign.contacts.exclude(pk=person.pk).update(state="done")
    text = asked(client_of_meera, person)
    assert "in 26 min." in text
    assert "Busy; the retry rule calls again." in text
    assert text.count('class="is-stop"') == 1
    assert "would pass" in text


def test_the_fragment_is_the_body_of_the_drawer_alone(client_of_meera: Client) -> None:
    text = asked(client_of_meera, world.first_of(launched()), "why")
    assert "verdict__line" in text
    assert "<dialog" not in text
    assert "<html" not in text


def test_do_not_call_is_final_and_a_worker_that_is_gone_is_told(client_of_meera: Client) -> None:
    person = world.first_of(launched())
    suppressing.suppress([person.phone], reason="asked", by=COMMAND_LINE)
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(minutes=5))
    Campaign.objects.update(launched_at=timezone.now() - timedelta(minutes=9))
    text = asked(client_of_meera, person)
    assert "Will not be called." in text
    assert "worker" in text


def test_the_list_leads_there_and_the_cross_back_to_the_same_list(client_of_meera: Client) -> None:
    campaign = launched()
    person = world.first_of(campaign)
    text = client_of_meera.get(f"/campaigns/{campaign.pk}/contacts?state=pending").content.decode()
    assert f'href="?state=pending&amp;why={person.pk}"' in text
    text = client_of_meera.get(f"/campaigns/{campaign.pk}/contacts?state=pending&why={person.pk}").content.decode()
    assert f'href="?state=pending#why-{person.pk}"' in text
    assert f"/contacts?why={person.pk}" in client_of_meera.get(f"/contacts/in-campaign/{person.pk}/").content.decode()


def test_somebody_of_another_campaign_is_not_found(client_of_meera: Client) -> None:
    campaign = launched()
    assert client_of_meera.get(f"/campaigns/{campaign.pk}/contacts?why=999999").status_code == 404
