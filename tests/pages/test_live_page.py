"""The live page: one view for page and fragments, polling that ends, reasons for waiting."""

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import Campaign, CampaignContact, Pacer
from tests.pages import world

PARTS = ["verdict", "counts", "calls", "events", "pace", "time", "retries"]


@pytest.fixture
def campaign(db: None) -> Campaign:
    account = world.account()
    Pacer.objects.update(loop_seen_at=timezone.now())
    return world.launched(account, world.people(4))


@pytest.mark.parametrize("part", PARTS)
def test_a_fragment_is_a_part_of_the_page(client_of_meera: Client, campaign: Campaign, part: str) -> None:
    response = client_of_meera.get(f"/campaigns/{campaign.pk}/?part={part}", headers={"HX-Request": "true"})
    page = response.content.decode()
    assert response.status_code == 200
    assert f'id="live-{part}"' in page
    assert f"part={part}" in page
    assert "<html" not in page


@pytest.mark.parametrize("part", PARTS)
def test_polling_ends_with_286_when_the_campaign_has_ended(
    client_of_meera: Client, campaign: Campaign, part: str
) -> None:
    Campaign.objects.update(status="completed", ended_at=timezone.now())
    response = client_of_meera.get(f"/campaigns/{campaign.pk}/?part={part}&status=running")
    assert response.status_code == 286
    assert response["HX-Refresh"] == "true"
    assert "hx-get" not in response.content.decode()


def test_polling_goes_on_while_it_is_paused(client_of_meera: Client, campaign: Campaign) -> None:
    Campaign.objects.update(status="paused", paused_by="Dialer", paused_reason="Five refusals in a row.")
    response = client_of_meera.get(f"/campaigns/{campaign.pk}/?part=verdict&status=paused")
    assert response.status_code == 200
    assert "HX-Refresh" not in response
    assert "Held:" in response.content.decode()
    assert "Five refusals in a row." in response.content.decode()


def test_the_page_of_an_ended_campaign_polls_no_more(client_of_meera: Client, campaign: Campaign) -> None:
    Campaign.objects.update(status="completed", ended_at=timezone.now())
    CampaignContact.objects.update(state="done")
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert "Completed. 4 of 4 people done." in page
    assert "?part=" not in page


def test_a_held_account_is_told_with_the_carriers_words(client_of_meera: Client, campaign: Campaign) -> None:
    Pacer.objects.update(held_code="payment", held_reason="Exotel says: balance is low.", held_since=timezone.now())
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/?part=verdict").content.decode()
    assert "Held: Exotel says: balance is low." in page
    assert "Recharge the Exotel account" in page


def test_the_counts_add_up_to_everybody(client_of_meera: Client, campaign: Campaign) -> None:
    world.call(world.first_of(campaign))
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/?part=counts").content.decode()
    assert "Contacts by state: 1 done, 3 pending" in page
    assert "4 contacts" in page
    assert 'hx-swap-oob="true"' in page
    assert '<small id="tab-calls" hx-swap-oob="true">1</small>' in page
    assert '<small id="tab-calls">1</small>' in client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()


def test_people_are_found_by_state_name_and_last_digits(client_of_meera: Client, campaign: Campaign) -> None:
    world.call(world.first_of(campaign))
    base = f"/campaigns/{campaign.pk}/contacts"
    found = {
        query: client_of_meera.get(base + query).content.decode() for query in ("?state=done", "?q=003", "?q=vita 2")
    }
    assert ["Kavita 0" in page for page in found.values()] == [True, False, False]
    assert ["Kavita 3" in page for page in found.values()] == [False, True, False]
    assert ["Kavita 2" in page for page in found.values()] == [False, False, True]


def test_people_page_on_by_key(client_of_meera: Client, db: None) -> None:
    campaign = world.launched(world.account(), world.people(60))
    first = client_of_meera.get(f"/campaigns/{campaign.pk}/contacts").content.decode()
    after = campaign.contacts.order_by("pk")[49].pk
    assert f"?after={after}" in first
    second = client_of_meera.get(f"/campaigns/{campaign.pk}/contacts?after={after}").content.decode()
    assert second.count("<bdi>Kavita 5") == 10  # 50 to 59
