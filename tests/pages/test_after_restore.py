"""What the pages say of a database that has forgotten calls; none of them lets anybody dial on."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import gaps
from campaigns.models import Campaign, Gap, Pacer
from tests.pages import world


@pytest.fixture
def campaign(db: None) -> Campaign:
    """Running when the gap is found."""
    made = world.launched(world.account(), world.people(3))
    now = timezone.now()
    Gap.objects.create(
        account=made.account,
        found_at=now,
        known_until=now - timedelta(minutes=40),
        called_until=now - timedelta(minutes=11),
        witnessed=900,
        ready_at=now + timedelta(minutes=20),
    )
    assert not gaps.clear(made.account_id)
    made.refresh_from_db()
    return made


def page(client: Client, address: str) -> str:
    return client.get(address).content.decode()


def test_the_overview_says_what_happened_and_what_to_do(client_of_meera: Client, campaign: Campaign) -> None:
    overview = page(client_of_meera, "/")
    assert "29 min are missing" in overview
    assert "resume_campaign ID --after-restore" in overview
    assert "would be called again" in overview


def test_the_campaign_is_paused_with_the_reason(client_of_meera: Client, campaign: Campaign) -> None:
    live = page(client_of_meera, f"/campaigns/{campaign.pk}/")
    assert "Paused" in live
    assert "29 min are missing" in live


def test_resume_does_not_resume_and_names_the_command(client_of_meera: Client, campaign: Campaign) -> None:
    answer = client_of_meera.post(f"/campaigns/{campaign.pk}/resume", follow=True).content.decode()
    assert "--after-restore" in answer
    campaign.refresh_from_db()
    assert campaign.status == "paused"


def test_the_settings_have_no_button_that_lifts_it(client_of_meera: Client, campaign: Campaign) -> None:
    settings = page(client_of_meera, "/settings/")
    assert "29 min are missing" in settings
    assert "Mended: dial again" not in settings
    address = f"/settings/accounts/{campaign.account_id}/lift-hold"
    assert "--after-restore" in client_of_meera.post(address, follow=True).content.decode()
    assert Pacer.objects.get(account=campaign.account).held_code == "restored"
