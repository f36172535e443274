"""A file for a list that exists: its people are added, brought up to date, or take the place of all others."""

import pytest

from campaigns import enrolling
from campaigns.audit import COMMAND_LINE
from campaigns.importing import loading, removing, uploads
from campaigns.importing.loading import Counts
from campaigns.importing.options import BY_ID, MERGE, REPLACE, Options
from campaigns.importing.reading import NotACsv
from campaigns.models import CampaignContact, Contact, ContactImport
from tests import people
from tests.importing.conftest import Upload

pytestmark = pytest.mark.django_db
FIRST = "Name,Mobile,City,Loan\nRavi,9876543210,Pune,L1\nAsha,9123456780,Nashik,L2\nOm,9123456781,Goa,L3\n"


def imported(upload: Upload, content: str, chunk_rows: int = 2, **options: str | int) -> ContactImport:
    contact_import = upload(content)
    given = Options(external_id="Loan" if "Loan" in content else "", **options)  # type: ignore[arg-type]
    ContactImport.objects.filter(pk=contact_import.pk).update(options=given.stored())
    loading.run(contact_import.pk, chunk_rows=chunk_rows)
    contact_import.refresh_from_db()
    return contact_import


def test_merging_brings_people_up_to_date_and_adds_the_new_ones(upload: Upload) -> None:
    imported(upload, FIRST)
    told = imported(
        upload, "Name,Mobile,City,Due\n,9876543210,Mumbai,5\nMeera,9000000001,,7\nAgain,9876543210,x,9\n", how=MERGE
    )
    assert loading.counts(told) == Counts(rows=3, imported=2, duplicates=1)
    assert told.updated == 1
    ravi = Contact.objects.get(phone="+919876543210")
    assert (ravi.name, ravi.variables) == ("Ravi", {"City": "Mumbai", "Due": "5", "Loan": "L1"})
    assert told.issues.get().reason == "Same number as line 2"
    assert Contact.objects.count() == 4


def test_merging_by_id_gives_a_person_their_new_number(upload: Upload) -> None:
    imported(upload, FIRST)
    rows = "Asha,9000000002,Nashik,L2\nRavi,9123456781,Pune,L1\nNew,9000000003,Pune,L9\nAsha B,9000000004,,L2\n"
    told = imported(upload, "Name,Mobile,City,Loan\n" + rows, chunk_rows=10, how=MERGE, match_by=BY_ID)
    assert loading.counts(told) == Counts(rows=4, imported=2, duplicates=2)
    assert told.updated == 1
    assert list(told.issues.values_list("line", "reason")) == [
        (3, "Already in this list: line 4 of people.csv"),  # Ravi's new number is Om's
        (5, "Same person as an earlier line, by your id"),
    ]
    assert dict(Contact.objects.values_list("external_id", "phone")) == {
        "L1": "+919876543210",
        "L2": "+919000000002",
        "L3": "+919123456781",
        "L9": "+919000000003",
    }


def test_undoing_a_merge_gives_back_what_it_replaced(upload: Upload) -> None:
    imported(upload, FIRST)
    before = list(Contact.objects.order_by("pk").values("phone", "name", "variables", "line", "changed_by"))
    merged = imported(upload, "Name,Mobile,City\nX,9876543210,Y\nZ,9000000001,\n", how=MERGE)
    assert removing.undo(merged, by=COMMAND_LINE)
    assert loading.run_due()
    merged.refresh_from_db()
    assert (merged.status, merged.undone) == ("undone", 2)
    assert list(Contact.objects.order_by("pk").values("phone", "name", "variables", "line", "changed_by")) == before


def test_replacing_removes_whoever_is_not_in_the_file_unless_they_were_called(upload: Upload) -> None:
    first = imported(upload, FIRST)
    campaign = people.campaign(lists=[first.contact_list])
    while enrolling.enrol_chunk(campaign.pk):
        pass
    CampaignContact.objects.filter(phone="+919123456781").update(state="done", tries=1)
    told = imported(upload, "Name,Mobile\nRavi,9876543210\nNew,9000000001\n", how=REPLACE, leaving=2)
    assert (told.imported, told.updated, told.removed, told.kept) == (2, 1, 1, 1)
    assert dict(Contact.objects.values_list("phone", "flag")) == {
        "+919876543210": "",
        "+919123456781": removing.KEPT_BY_REPLACE,
        "+919000000001": "",
    }
    assert set(campaign.contacts.values_list("phone", flat=True)) == {"+919876543210", "+919123456781"}


def test_the_same_file_again_is_noticed_until_it_is_undone(upload: Upload) -> None:
    first = imported(upload, FIRST)
    second = upload(FIRST, "Other list")
    assert uploads.same_file(second) == first
    assert uploads.same_file(upload(FIRST + "X,9000000009,,\n")) is None
    removing.undo(first, by=COMMAND_LINE)
    removing.cancel(second, by=COMMAND_LINE)
    loading.run_due()
    assert uploads.same_file(upload(FIRST, "Third")) is None


def test_a_list_without_ids_is_not_emptied_by_a_file_with_ids(upload: Upload) -> None:
    imported(upload, FIRST.replace("Loan", "Ref"))
    told = imported(upload, FIRST, how=REPLACE, match_by=BY_ID)
    assert (told.imported, told.updated, told.removed) == (3, 3, 0)
    assert set(Contact.objects.values_list("external_id", flat=True)) == {"L1", "L2", "L3"}


def test_whom_a_replacing_row_names_by_number_or_id_stays(upload: Upload) -> None:
    imported(upload, FIRST)
    rows = "Ravi B,9876543210,Pune,\nAsha,9123456781,Pune,L2\n"  # no id; a new number that is Om's
    told = imported(upload, "Name,Mobile,City,Loan\n" + rows, how=REPLACE, match_by=BY_ID)
    assert (told.imported, told.duplicates, told.removed) == (1, 1, 0)
    assert dict(Contact.objects.values_list("external_id", "name")) == {"L1": "Ravi B", "L2": "Asha", "L3": "Om"}


def test_who_was_named_first_by_their_number_is_still_brought_up_to_date_by_their_id(upload: Upload) -> None:
    imported(upload, FIRST)
    rows = "Ravi,9123456781,Pune,L1\nX,9000000009,,\nOm,9000000008,Goa,L3\n"
    told = imported(upload, "Name,Mobile,City,Loan\n" + rows, how=REPLACE, match_by=BY_ID)
    assert (told.updated, told.removed) == (1, 1)
    assert Contact.objects.get(external_id="L3").phone == "+919000000008"


def test_a_file_without_anybody_replaces_nobody(upload: Upload) -> None:
    imported(upload, FIRST)
    with pytest.raises(NotACsv):
        imported(upload, "Name,Mobile\nRavi,none\nAsha,none\n", how=REPLACE)
    told = ContactImport.objects.latest("pk")
    assert (told.status, told.removed, Contact.objects.count()) == ("failed", 0, 3)
    assert told.error.startswith("Nobody in this file can be imported")
