"""An import is taken back: who was never called is gone, who was changed is as before, who was called stays."""

import pytest
from django.utils import timezone

from campaigns import control, enrolling, off_list, outcomes, suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.importing import giving_back, loading, one_at_a_time, removing
from campaigns.importing.loading import Counts
from campaigns.importing.options import BY_ID, MERGE, Options
from campaigns.models import AuditEntry, CampaignContact, Contact, ContactImport, ContactList
from tests import people
from tests.importing.conftest import Upload

pytestmark = pytest.mark.django_db
ROWS = "Name,Mobile,City\n" + "".join(f"P{place},90000{place:05},Pune\n" for place in range(25))


def imported(upload: Upload, content: str = ROWS, name: str = "People") -> ContactImport:
    contact_import = upload(content, name)
    loading.run(contact_import.pk, chunk_rows=10)
    contact_import.refresh_from_db()
    return contact_import


def undone(contact_import: ContactImport) -> ContactImport:
    assert removing.undo(contact_import, by=COMMAND_LINE)
    assert loading.run_due()
    contact_import.refresh_from_db()
    return contact_import


def test_an_undone_import_leaves_nobody_behind(upload: Upload) -> None:
    told = undone(imported(upload))
    assert (told.status, told.undone, told.kept) == ("undone", 25, 0)
    assert not Contact.objects.exists()
    assert ContactList.objects.get().columns == []
    assert list(AuditEntry.objects.filter(action__contains="und").values_list("action", flat=True).order_by("pk")) == [
        "undo import",
        "import undone",
    ]


def test_only_the_people_of_that_import_go(upload: Upload) -> None:
    imported(upload, "Mobile\n9123456780\n")
    undone(imported(upload))
    assert Contact.objects.get().phone == "+919123456780"


def test_whoever_was_called_stays_and_says_so_and_whoever_waits_leaves_the_line(upload: Upload) -> None:
    contact_import = imported(upload)
    campaign = people.campaign(lists=[contact_import.contact_list])
    while enrolling.enrol_chunk(campaign.pk):
        pass
    called, failed, skipped = CampaignContact.objects.order_by("pk")[:3]
    CampaignContact.objects.filter(pk=called.pk).update(state="done", tries=1)
    people.attempt(failed, "refused")
    CampaignContact.objects.filter(pk=failed.pk).update(state="pending")
    CampaignContact.objects.filter(pk=skipped.pk).update(state="skipped")
    told = undone(contact_import)
    assert (told.undone, told.kept) == (23, 2)
    assert set(Contact.objects.values_list("phone", "flag")) == {
        (called.phone, removing.KEPT_BY_UNDO),
        (failed.phone, removing.KEPT_BY_UNDO),
    }
    assert set(campaign.contacts.values_list("pk", flat=True)) == {called.pk, failed.pk, skipped.pk}


def test_the_mended_file_brings_people_into_line_again(upload: Upload) -> None:
    contact_import = imported(upload)
    campaign = people.campaign(lists=[contact_import.contact_list])
    while enrolling.enrol_chunk(campaign.pk):
        pass
    undone(contact_import)
    imported(upload, "Name,Mobile\nRavi,9000000003\n")
    while enrolling.enrol_all():
        pass
    assert campaign.contacts.get().name == "Ravi"


def test_an_undo_that_was_killed_goes_on_behind_its_last_chunk(upload: Upload) -> None:
    contact_import = imported(upload)
    assert removing.undo(contact_import, by=COMMAND_LINE)
    assert removing._undo_chunk(contact_import.pk, 10)
    assert Contact.objects.count() == 15
    assert one_at_a_time.next_due() == contact_import.pk
    assert loading.run_due()
    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.undone, Contact.objects.count()) == ("undone", 25, 0)


def test_an_import_can_be_undone_once_and_not_while_it_runs(upload: Upload) -> None:
    contact_import = upload(ROWS)
    assert not removing.undo(contact_import, by=COMMAND_LINE)
    loading.run(contact_import.pk)
    undone(contact_import)
    assert not removing.undo(contact_import, by=COMMAND_LINE)


def test_a_cancelled_import_keeps_what_came_in_and_can_be_undone(upload: Upload) -> None:
    contact_import = upload(ROWS)

    def after_the_first_chunk(_: Counts) -> None:
        assert removing.cancel(contact_import, by=COMMAND_LINE)

    loading.run(contact_import.pk, after_the_first_chunk, chunk_rows=10)
    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.rows, Contact.objects.count()) == ("cancelled", 10, 10)
    assert not removing.cancel(contact_import, by=COMMAND_LINE)
    assert undone(contact_import).undone == 10
    assert not Contact.objects.exists()


def enrolled(upload: Upload) -> tuple[ContactImport, list[CampaignContact]]:
    contact_import = imported(upload)
    campaign = people.campaign(lists=[contact_import.contact_list], max_attempts=3)
    while enrolling.enrol_chunk(campaign.pk):
        pass
    return contact_import, list(CampaignContact.objects.order_by("pk"))


def test_nobody_whose_import_was_undone_waits_for_a_further_call(upload: Upload) -> None:
    contact_import, (retry, again, refused, *_) = enrolled(upload)
    CampaignContact.objects.filter(pk=retry.pk).update(state="retry", tries=1)
    CampaignContact.objects.filter(pk=again.pk).update(state="pending", tries=1)
    people.attempt(refused, "refused")
    assert undone(contact_import).kept == 3
    assert set(CampaignContact.objects.values_list("pk", "state", "reason_code")) == {
        (one.pk, "skipped", "undone") for one in (retry, again, refused)
    }


def test_a_call_that_was_under_way_when_its_import_was_undone_is_not_repeated(upload: Upload) -> None:
    contact_import, (busy, unsent, *_) = enrolled(upload)
    busy.campaign.retry_rules.create(outcome="busy", delay_minutes=1, times=3)
    calls = people.attempt(busy, outcome="busy"), people.attempt(unsent)
    undone(contact_import)
    outcomes.settle_contact(calls[0], timezone.now())
    outcomes.back_in_line(calls[1], None, "")
    assert dict(CampaignContact.objects.values_list("pk", "state")) == {busy.pk: "done", unsent.pk: "skipped"}


def test_a_later_campaign_calls_who_was_kept_only_after_a_file_names_them(upload: Upload) -> None:
    contact_import, (called, *_) = enrolled(upload)
    CampaignContact.objects.filter(pk=called.pk).update(state="done", tries=1)
    undone(contact_import)
    later = people.campaign(lists=[contact_import.contact_list])
    while enrolling.enrol_all():
        pass
    assert not later.contacts.exists()
    assert not enrolling.appended(later.pk)
    imported(upload, f"Name,Mobile\nAgain,{called.phone}\n")
    third = people.campaign(lists=[contact_import.contact_list])
    while enrolling.enrol_all():
        pass
    assert third.contacts.get().phone == called.phone
    assert Contact.objects.get().flag == ""


def test_whom_a_later_file_has_named_stays_when_the_first_is_undone(upload: Upload) -> None:
    first = imported(upload)
    second = upload("Name,Mobile\nRavi,9000000003\n")
    ContactImport.objects.filter(pk=second.pk).update(options=Options(how=MERGE).stored())
    loading.run(second.pk)
    told = undone(first)
    assert (told.undone, told.kept) == (24, 1)
    ravi = Contact.objects.get()
    assert (ravi.name, ravi.flag, ravi.kept) == ("Ravi", "", False)


def test_who_left_the_list_is_not_dialled_with_the_uncertain(upload: Upload) -> None:
    contact_import, (gone, *_) = enrolled(upload)
    people.attempt(gone)
    undone(contact_import)
    people.contacts(gone.campaign, state="uncertain", reason_code="not-placed")
    CampaignContact.objects.filter(pk=gone.pk).update(state="uncertain", reason_code="not-placed")
    assert control.dial_uncertain(gone.campaign_id, by=COMMAND_LINE) == 1
    gone.refresh_from_db()
    assert (gone.state, gone.reason_code) == ("skipped", off_list.LEFT_CODE)


def test_proof_that_somebody_was_not_dialled_offers_nobody_who_left_the_list(upload: Upload) -> None:
    contact_import, (gone, *_) = enrolled(upload)
    call = people.attempt(gone, "unknown")
    undone(contact_import)
    outcomes.prove_absent(call.pk)
    gone.refresh_from_db()
    assert (gone.state, gone.reason_code) == ("skipped", off_list.LEFT_CODE)


def changed(upload: Upload, content: str, *, how: str = MERGE) -> ContactImport:
    """Imported, two rows a chunk, by an id in the column Id."""
    contact_import = upload(content)
    options = Options(external_id="Id", how=how, match_by=BY_ID)
    ContactImport.objects.filter(pk=contact_import.pk).update(options=options.stored())
    loading.run(contact_import.pk, chunk_rows=2)
    return contact_import


def numbers() -> dict[str, str]:
    return {name: phone[-2:] for name, phone in Contact.objects.values_list("name", "phone")}


WITH_IDS = "Name,Mobile,Id\nA,9000000001,1\nB,9000000002,2\nC,9000000003,3\n"


def test_numbers_that_went_from_one_to_the_next_go_back_to_whom_they_were_of(upload: Upload) -> None:
    changed(upload, WITH_IDS)
    merged = changed(
        upload, "Name,Mobile,Id\nC,9000000009,3\n,,\nB,9000000003,2\n,,\nA,9000000002,1\n,,\nD,9000000001,4\n"
    )
    assert numbers() == {"A": "02", "B": "03", "C": "09", "D": "01"}
    told = undone(merged)
    assert numbers() == {"A": "01", "B": "02", "C": "03"}
    assert (told.undone, told.kept) == (4, 0)


def test_of_two_whose_number_it_was_one_gets_it_back_and_the_undo_ends(upload: Upload) -> None:
    changed(upload, WITH_IDS)
    merged = changed(upload, "Name,Mobile,Id\nA,9000000007,1\nB,9000000008,2\n")
    b = Contact.objects.get(name="B")  # as if another file had given them A's number before this one changed it
    Contact.objects.filter(pk=b.pk).update(before={**(b.before or {}), "phone": "+919000000001"})
    told = undone(merged)
    assert (told.status, told.undone, told.kept) == ("undone", 1, 1)
    assert numbers() == {"A": "01", "B": "08", "C": "03"}
    assert list(Contact.objects.exclude(flag="").values_list("name", "flag")) == [("B", giving_back.NOT_GIVEN_BACK)]
    assert not Contact.objects.exclude(before=None).exists()


def test_an_undo_that_was_killed_while_it_gave_back_goes_on_there(upload: Upload) -> None:
    changed(upload, WITH_IDS)
    merged = changed(upload, "Name,Mobile,Id\nA,9000000007,1\nB,9000000008,2\nC,9000000009,3\nD,9000000001,4\n")
    assert removing.undo(merged, by=COMMAND_LINE)
    while removing._undo_chunk(merged.pk, 2):
        pass
    assert removing._give_back_chunk(merged.pk, 2)
    assert loading.run_due()
    merged.refresh_from_db()
    assert (merged.status, merged.undone) == ("undone", 4)
    assert numbers() == {"A": "01", "B": "02", "C": "03"}


def test_who_asked_not_to_be_called_at_the_new_number_does_not_get_the_old_one_back(upload: Upload) -> None:
    changed(upload, WITH_IDS)
    merged = changed(upload, "Name,Mobile,Id\nA,9000000007,1\n")
    suppressing.suppress(["+919000000007"], reason="asked", by=COMMAND_LINE)
    told = undone(merged)
    assert (numbers()["A"], told.kept) == ("07", 1)


def test_who_had_refused_is_off_the_list_again_after_the_undo_even_without_their_number(upload: Upload) -> None:
    first = changed(upload, WITH_IDS)
    Contact.objects.filter(name="A").update(kept=True, flag=off_list.REFUSED)
    merged = changed(upload, "Name,Mobile,Id,Consent\nA,9000000007,1,yes\n")
    Contact.objects.filter(name="A").update(kept=False)
    campaign = people.campaign(lists=[first.contact_list])
    while enrolling.enrol_chunk(campaign.pk):
        pass
    Contact.objects.filter(name="B").update(phone="+919000000001")  # another file has given them A's number
    assert undone(merged).kept == 1
    a = Contact.objects.get(name="A")
    assert (a.phone, a.kept, a.flag) == ("+919000000007", True, off_list.REFUSED)
    assert CampaignContact.objects.get(contact=a).state == "skipped"


def test_who_refused_after_the_import_is_not_brought_back_by_its_undo(upload: Upload) -> None:
    changed(upload, WITH_IDS)
    merged = changed(upload, "Name,Mobile,Id\nA,9000000007,1\n")
    Contact.objects.filter(name="A").update(kept=True, flag=off_list.REFUSED)
    undone(merged)
    a = Contact.objects.get(name="A")
    assert (a.phone, a.kept, a.flag) == ("+919000000001", True, off_list.REFUSED)
