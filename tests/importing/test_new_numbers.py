"""A file matched by id gives people other numbers: the lines of campaigns follow, nobody is dialled at the old one."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import control, enrolling, off_list, outcomes, suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.importing import issues, loading, removing
from campaigns.importing.loading import Counts
from campaigns.importing.options import APPEND, BY_ID, BY_PHONE, MERGE, REPLACE
from campaigns.models import Campaign, CampaignContact, Contact, ContactImport, Suppression
from tests import people
from tests.importing.conftest import Upload
from tests.importing.test_merging import FIRST, imported

pytestmark = pytest.mark.django_db
ASHA, NEW = "+919123456780", "+919000000002"


@pytest.fixture
def campaign(upload: Upload) -> Campaign:
    """It calls Ravi, Asha and Om (L1, L2, L3), busy people three times, and has not begun."""
    made = people.campaign(lists=[imported(upload, FIRST).contact_list], max_attempts=3)
    made.retry_rules.create(outcome="busy", delay_minutes=1, times=3)
    while enrolling.enrol_chunk(made.pk):
        pass
    return made


def renumbered(upload: Upload, number: str = NEW, how: str = MERGE) -> ContactImport:
    return imported(upload, f"Name,Mobile,City,Loan\nAsha,{number},,L2\n", how=how, match_by=BY_ID)


def asha(campaign: Campaign) -> CampaignContact:
    return campaign.contacts.get(name="Asha")


def test_who_waits_for_a_first_call_is_called_at_the_new_number(campaign: Campaign, upload: Upload) -> None:
    renumbered(upload, "+6591234567")
    campaign.refresh_from_db()
    assert (asha(campaign).phone, asha(campaign).time_zone) == ("+6591234567", "Asia/Singapore")
    assert "Asia/Singapore" in campaign.zones


def test_the_number_comes_back_into_the_line_when_the_file_is_undone(campaign: Campaign, upload: Upload) -> None:
    assert removing.undo(renumbered(upload), by=COMMAND_LINE)
    assert loading.run_due()
    assert (asha(campaign).phone, asha(campaign).state) == (ASHA, "pending")


@pytest.mark.parametrize("state", ["pending", "retry"])
def test_who_was_dialled_at_the_old_number_is_not_dialled_there_again(
    campaign: Campaign, upload: Upload, state: str
) -> None:
    CampaignContact.objects.filter(name="Asha").update(state=state, tries=1)
    renumbered(upload)
    one = asha(campaign)
    assert (one.phone, one.state, one.reason_code) == (ASHA, "skipped", off_list.MOVED_CODE)


def test_a_call_at_the_old_number_is_not_repeated_there(campaign: Campaign, upload: Upload) -> None:
    call = people.attempt(asha(campaign), outcome="busy")
    renumbered(upload)
    outcomes.settle_contact(call, timezone.now())
    assert asha(campaign).state == "done"


def test_who_is_uncertain_is_not_dialled_at_the_old_number_after_all(campaign: Campaign, upload: Upload) -> None:
    CampaignContact.objects.filter(name="Asha").update(state="uncertain", reason_code="not-placed")
    renumbered(upload)
    assert control.dial_uncertain(campaign.pk, by=COMMAND_LINE) == 0
    assert (asha(campaign).state, asha(campaign).reason_code) == ("skipped", off_list.MOVED_CODE)


def test_a_number_that_the_campaign_calls_already_is_not_called_twice(campaign: Campaign, upload: Upload) -> None:
    people.contacts(campaign, [NEW])
    renumbered(upload)
    assert (asha(campaign).phone, asha(campaign).state) == (ASHA, "skipped")


@pytest.mark.parametrize("match_by", [BY_ID, BY_PHONE])
@pytest.mark.parametrize("how", [APPEND, MERGE, REPLACE])
def test_who_asked_not_to_be_called_gets_no_new_number(
    campaign: Campaign, upload: Upload, how: str, match_by: str
) -> None:
    suppressing.suppress([ASHA], reason="asked", by=COMMAND_LINE)
    rows = "Ravi,9876543210,,L1\nAsha,9000000002,,L2\nOm,9123456781,,L3\n"
    told = imported(upload, "Name,Mobile,City,Loan\n" + rows, how=how, match_by=match_by)
    others = {"duplicates": 2} if how == APPEND else {"imported": 2}
    assert (loading.counts(told), told.removed) == (Counts(rows=3, rejected=1, **others), 0)
    rejected = told.issues.filter(kind="rejected")
    assert list(rejected.values_list("line", "reason")) == [(3, issues.OPTED_OUT)]
    assert not Contact.objects.filter(phone=NEW).exists()
    assert Contact.objects.get(external_id="L2").phone == asha(campaign).phone == ASHA


def test_a_no_in_a_call_at_the_old_number_holds_for_the_new_one(campaign: Campaign, upload: Upload) -> None:
    call = people.attempt(asha(campaign), "answered")
    renumbered(upload)
    outcomes.record_disposition(call.pk, key="9", label="Stop", kind="stop", details={})
    assert set(Suppression.objects.values_list("phone", flat=True)) == {ASHA, NEW}


def test_a_number_that_another_row_of_the_file_gives_up_can_be_taken(campaign: Campaign, upload: Upload) -> None:
    rows = "Ravi,9123456780,,L1\nAsha,9123456781,,L2\nOm,9000000002,,L3\n"
    told = imported(upload, "Name,Mobile,City,Loan\n" + rows, chunk_rows=10, how=MERGE, match_by=BY_ID)
    assert (told.updated, told.duplicates) == (3, 0)
    given = dict(campaign.contacts.values_list("name", "phone"))
    assert given == {"Ravi": ASHA, "Asha": "+919123456781", "Om": NEW}


def test_somebody_in_a_call_is_locked_so_that_its_end_sees_the_new_number(campaign: Campaign, upload: Upload) -> None:
    CampaignContact.objects.filter(name="Asha").update(state="in-call", tries=1)
    with CaptureQueriesContext(connection) as asked:
        renumbered(upload)
    locks = [query["sql"] for query in asked.captured_queries if "FOR NO KEY UPDATE" in query["sql"]]
    assert sum("campaigns_campaigncontact" in sql for sql in locks) == 1
    assert asha(campaign).phone == ASHA
