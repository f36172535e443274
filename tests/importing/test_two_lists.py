"""A campaign has somebody through two of its lists: leaving one of them does not take them out of its line."""

import pytest
from django.utils import timezone

from campaigns import enrolling, filters, outcomes
from campaigns.audit import COMMAND_LINE
from campaigns.importing import loading, removing
from campaigns.models import Campaign, CampaignContact, Contact, ContactImport
from tests import people
from tests.importing.conftest import Upload

pytestmark = pytest.mark.django_db
BOTH = "Name,Mobile,Due\nRavi,9000000001,4350\nAsha,9000000002,900\n"


@pytest.fixture
def wrong(upload: Upload) -> ContactImport:
    """The file of the first list, which has Ravi with another amount and somebody of its own."""
    return ready(upload, "Name,Mobile,Due\nRavi,9000000001,1\nOm,9000000003,1\n", "First")


def ready(upload: Upload, content: str, name: str) -> ContactImport:
    contact_import = upload(content, name)
    loading.run(contact_import.pk)
    return contact_import


def calling(*imports: ContactImport) -> Campaign:
    campaign = people.campaign(lists=[each.contact_list for each in imports], max_attempts=3)
    while enrolling.enrol_chunk(campaign.pk):
        pass
    return campaign


def undone(contact_import: ContactImport) -> None:
    assert removing.undo(contact_import, by=COMMAND_LINE)
    assert loading.run_due()


def ravi_of(campaign: Campaign) -> CampaignContact:
    return campaign.contacts.select_related("contact").get(phone="+919000000001")


def test_who_is_on_another_list_of_the_campaign_waits_on_with_what_that_says(
    wrong: ContactImport, upload: Upload
) -> None:
    right = ready(upload, BOTH, "Second")
    campaign = calling(wrong, right)
    assert ravi_of(campaign).variables == {"Due": "1"}
    undone(wrong)
    ravi = ravi_of(campaign)
    assert (ravi.state, ravi.variables, ravi.contact) == ("pending", {"Due": "4350"}, Contact.objects.get(name="Ravi"))
    assert set(campaign.contacts.values_list("name", flat=True)) == {"Ravi", "Asha"}
    assert not Contact.objects.filter(contact_list=wrong.contact_list).exists()


def test_a_call_that_is_open_may_be_repeated_through_the_other_list(wrong: ContactImport, upload: Upload) -> None:
    campaign = calling(wrong, ready(upload, BOTH, "Second"))
    campaign.retry_rules.create(outcome="busy", delay_minutes=1, times=3)
    call = people.attempt(ravi_of(campaign), outcome="busy")
    undone(wrong)
    outcomes.settle_contact(call, timezone.now())
    assert (ravi_of(campaign).state, ravi_of(campaign).variables) == ("retry", {"Due": "1"})


def test_a_list_of_another_campaign_keeps_nobody_in_line(wrong: ContactImport, upload: Upload) -> None:
    ready(upload, BOTH, "Second")
    campaign = calling(wrong)
    undone(wrong)
    assert not campaign.contacts.exists()


def test_who_was_taken_off_the_other_list_is_not_kept_in_line_by_it(wrong: ContactImport, upload: Upload) -> None:
    campaign = calling(wrong, right := ready(upload, BOTH, "Second"))
    Contact.objects.filter(contact_list=right.contact_list).update(kept=True)
    undone(wrong)
    assert set(campaign.contacts.values_list("name", flat=True)) == {"Asha"}


def test_a_number_in_another_country_is_called_by_the_clock_of_the_list_that_keeps_it(upload: Upload) -> None:
    wrong = ready(upload, "Name,Mobile\nLim,+6591234567\n", "First")
    campaign = calling(wrong)
    right = upload("Name,Mobile\nLim,91234567\n", "Second", region="SG")
    loading.run(right.pk)
    campaign.list_links.create(contact_list=right.contact_list)
    CampaignContact.objects.update(time_zone="")
    Campaign.objects.update(zones=[""])
    undone(wrong)
    lim = campaign.contacts.get()
    assert (lim.name, lim.time_zone) == ("Lim", "Asia/Singapore")
    campaign.refresh_from_db()
    assert campaign.zones == ["", "Asia/Singapore"]


def test_who_does_not_meet_the_campaigns_conditions_on_the_other_list_leaves_the_line(
    wrong: ContactImport, upload: Upload
) -> None:
    right = ready(upload, BOTH, "Second")
    campaign = calling(wrong, right)
    condition = filters.read_text("name = Asha", [right.contact_list])
    Campaign.objects.update(audience=filters.to_json([condition]))
    undone(wrong)
    assert set(campaign.contacts.values_list("name", flat=True)) == {"Asha"}
