"""`why_not_called CAMPAIGN NUMBER`: the same answer as the page's, as a sentence with its checks or as one object."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from campaigns.models import Campaign, CampaignContact, Pacer
from tests import people

pytestmark = pytest.mark.django_db


def said(campaign: Campaign, number: str, *options: str) -> str:
    out = StringIO()
    call_command("why_not_called", str(campaign.pk), number, *options, stdout=out)
    return out.getvalue()


def running() -> Campaign:
    campaign = people.campaign()
    Pacer.objects.update(loop_seen_at=timezone.now())
    return campaign


def test_it_says_now_for_the_next_in_line() -> None:
    campaign = running()
    person = people.contact(campaign)
    text = said(campaign, person.phone)
    assert text.startswith(
        f"+91 90000 ••{person.phone[-2:]}: Called now, or within a second.".replace("+91 90000 ", "+91\xa090000\xa0")
    )
    assert "  yes  Not on do-not-call" in text


def test_as_an_object_it_names_the_check_and_the_next_time() -> None:
    campaign = running()
    person = people.contact(campaign)
    due = timezone.now() + timedelta(minutes=5)
    CampaignContact.objects.filter(pk=person.pk).update(state="retry", due_at=due)
    found = json.loads(said(campaign, person.phone, "--json"))
    assert (found["state"], found["now"], found["code"], found["next_at"]) == ("waiting", False, "due", due.isoformat())
    assert [check["code"] for check in found["checks"] if check["state"] == "stop"] == ["due"]


def test_somebody_who_is_not_in_the_campaign_is_told_why_not() -> None:
    campaign = running()
    assert "on none of the campaign’s lists" in said(campaign, "+91 90000 01999")
    listed = people.contact_list(["+919000001998"])
    campaign.list_links.create(contact_list=listed)
    assert "is still being added" in said(campaign, "90000 01998")
    Campaign.objects.update(status="completed")
    assert "after the campaign had ended" in said(campaign, "90000 01998")


def test_a_number_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="“12”"):
        said(running(), "12")
