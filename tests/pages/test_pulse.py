"""The account's pulse: the same figures as the page beside it, and how many things need somebody."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import heartbeat
from campaigns.models import Campaign, Heartbeat, Pacer
from tests.pages import world


@pytest.fixture
def campaign(db: None) -> Campaign:
    account = world.account()
    heartbeat.beat()
    Pacer.objects.update(loop_seen_at=timezone.now())
    return world.launched(account, world.people(4))


def _pulse(client: Client) -> str:
    return client.get("/fragments/account-pulse").content.decode()


def test_a_page_asks_for_the_pulse_at_once_and_its_answer_only_every_five_seconds(
    client_of_meera: Client, campaign: Campaign
) -> None:
    assert 'hx-trigger="load delay:500ms, every 5s, catch-up"' in client_of_meera.get("/calls/").content.decode()
    assert 'hx-trigger="every 5s, catch-up"' in _pulse(client_of_meera)


@pytest.mark.parametrize("path", ["/", "/campaigns/{}/?part=counts"])
def test_what_refreshes_slots_refreshes_the_pulse_as_well(
    client_of_meera: Client, campaign: Campaign, path: str
) -> None:
    world.call(world.first_of(campaign), "", state="answered", slot_released_at=None, ended_at=None)
    part = client_of_meera.get(path.format(campaign.pk), headers={"HX-Request": "true"}).content.decode()
    # Into the pulse, not in its place: its own request may be on its way, and would come back to nobody.
    pulse = part[part.index('<div hx-swap-oob="innerHTML:#account-pulse">') :]
    assert 'id="account-pulse"' not in part
    assert "<b>1</b> / 30" in pulse


def test_the_mark_beside_the_overview_counts_what_needs_somebody(client_of_meera: Client, campaign: Campaign) -> None:
    assert "needs you" not in _pulse(client_of_meera)
    Pacer.objects.update(held_code="payment", held_reason="Balance is low.", held_since=timezone.now())
    assert '<span class="sr">needs you: </span>1</span>' in _pulse(client_of_meera)
    assert '<span class="sr">needs you: </span>1</span>' in client_of_meera.get("/").content.decode()


def test_a_worker_that_is_gone_is_told_on_every_page(client_of_meera: Client, campaign: Campaign) -> None:
    Pacer.objects.update(loop_seen_at=timezone.now() - timedelta(minutes=2, seconds=3))
    Heartbeat.objects.all().delete()
    assert (
        "Nothing will be dialled: no worker has been seen for 2 min." in client_of_meera.get("/lists/").content.decode()
    )


def test_every_part_that_comes_beside_another_has_its_place_on_the_page(client_of_meera: Client, db: None) -> None:
    """htmx says an error on the console for each that has none; also before the first campaign."""
    page = client_of_meera.get("/").content.decode()
    swapped = client_of_meera.get("/", headers={"HX-Request": "true"}).content.decode()
    beside = [*re.findall(r'id="([\w-]+)"[^>]*hx-swap-oob="true"', swapped), "account-pulse"]
    assert {"overview-funnel", "overview-gauge", "nav-count", "pulse-chip"} <= set(beside)
    assert [part for part in beside if f'id="{part}"' not in page] == []
