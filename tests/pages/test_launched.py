"""History and plan of a launched campaign: every act, paged; what it was launched with."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from campaigns import audit, control
from campaigns.audit import COMMAND_LINE, DIALER
from campaigns.models import AuditEntry, Campaign
from tests.pages import world


@pytest.fixture
def campaign(db: None) -> Campaign:
    return world.launched(world.account(), world.people(4), max_attempts=3, calls_per_second=Decimal(1))


def _history(client: Client, campaign: Campaign, query: str = "") -> str:
    return client.get(f"/campaigns/{campaign.pk}/history{query}").content.decode()


def test_the_history_tells_every_act_with_who_did_it(client_of_meera: Client, campaign: Campaign) -> None:
    client_of_meera.post(f"/campaigns/{campaign.pk}/pause")
    page = _history(client_of_meera, campaign)
    assert [word in page for word in ("Created", "Launched", "Paused", "Meera Kulkarni")] == [True] * 4
    assert "History <small>3</small>" in page


def test_what_befell_the_account_is_told_while_the_campaign_was_there(
    client_of_meera: Client, campaign: Campaign
) -> None:
    audit.record(DIALER, "slowed", f"account:{campaign.account_id}", reason="Exotel refused a call with 429.")
    audit.record(DIALER, "hold", f"account:{campaign.account_id}", reason="Long ago.")
    AuditEntry.objects.filter(action="hold").update(at=campaign.created_at - timedelta(days=1))
    page = _history(client_of_meera, campaign)
    assert "Slowed down by Exotel" in page
    assert "Exotel refused a call with 429." in page
    assert "Long ago." not in page


def test_a_long_history_pages_on_and_loses_nothing(client_of_meera: Client, campaign: Campaign) -> None:
    now = timezone.now()
    for place in range(70):
        audit.record(COMMAND_LINE, "adjust", f"campaign:{campaign.pk}", reason=f"change {place:02}")
        AuditEntry.objects.filter(details__reason=f"change {place:02}").update(at=now + timedelta(seconds=place))
    first = _history(client_of_meera, campaign)
    assert "change 69" in first
    assert "change 05" not in first
    older = first.split('href="?')[1].split('"')[0].replace("&amp;", "&")
    second = _history(client_of_meera, campaign, f"?{older}")
    assert all(f"change {place:02}" in first + second for place in range(70))
    assert "Launched" in second


def test_the_plan_tells_what_was_launched(client_of_meera: Client, campaign: Campaign) -> None:
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/plan").content.decode()
    assert "Pune EMI</bdi></a>, 4 people" in page
    assert "60 calls a minute" in page
    assert "3 calls at most" in page


def test_a_draft_has_its_review_instead(client_of_meera: Client, db: None) -> None:
    draft = world.draft(world.account(), world.people())
    response = client_of_meera.get(f"/campaigns/{draft.pk}/plan")
    assert (response.status_code, response["Location"]) == (302, f"/campaigns/{draft.pk}/")


def test_edit_live_leads_to_everything_that_may_be_changed(client_of_meera: Client, campaign: Campaign) -> None:
    change = f'href="/campaigns/{campaign.pk}/change"'
    assert change in client_of_meera.get(f"/campaigns/{campaign.pk}/").content.decode()
    assert change in _history(client_of_meera, campaign)
    control.stop(campaign.pk, by=COMMAND_LINE)
    assert change not in _history(client_of_meera, campaign)
