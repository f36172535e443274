"""A file that would take most of a list off it asks first; a list takes one file at a time."""

import pytest
from django.db import IntegrityError, OperationalError, connection

from campaigns.audit import COMMAND_LINE
from campaigns.importing import loading, removing, replacing, uploads
from campaigns.importing.one_at_a_time import IMPORT_LOCK, LIST_LOCK, Busy, next_due, only_one
from campaigns.importing.options import REPLACE, Options
from campaigns.importing.replacing import MostWouldLeave
from campaigns.models import AuditEntry, Contact, ContactImport
from tests.importing.conftest import Upload

pytestmark = pytest.mark.django_db
LIST = "Name,Mobile\nRavi,9000000001\nAsha,9000000002\nOm,9000000003\n"
OTHERS = "Name,Mobile\nRavi,9000000001\nMeera,9000000004\nLata,9000000005\n"


def replace(upload: Upload, content: str, leaving: int = 0) -> ContactImport:
    contact_import = upload(content)
    ContactImport.objects.filter(pk=contact_import.pk).update(options=Options(how=REPLACE, leaving=leaving).stored())
    return contact_import


def names() -> set[str]:
    return set(Contact.objects.values_list("name", flat=True))


def asked(upload: Upload) -> ContactImport:
    """An import that has found that two of three would leave."""
    loading.run(upload(LIST).pk)
    contact_import = replace(upload, OTHERS)
    assert loading.run_due()
    contact_import.refresh_from_db()
    return contact_import


def test_where_more_would_leave_than_stay_nobody_leaves_before_somebody_says_so(upload: Upload) -> None:
    asking = asked(upload)
    assert (asking.status, asking.leaving, asking.removed) == ("failed", 2, 0)
    assert asking.error.startswith("2 people would leave the list and 1 stays.")
    assert names() == {"Ravi", "Asha", "Om", "Meera", "Lata"}
    assert replacing.let_them_leave(asking, by=COMMAND_LINE)
    assert loading.run_due()
    asking.refresh_from_db()
    assert (asking.status, asking.removed, asking.error, asking.rows) == ("done", 2, "", 3)
    assert names() == {"Ravi", "Meera", "Lata"}
    assert AuditEntry.objects.get(action="let people leave").details["people"] == 2


def test_no_more_leave_than_somebody_has_agreed_to(upload: Upload) -> None:
    loading.run(upload(LIST).pk)
    with pytest.raises(MostWouldLeave):
        loading.run(replace(upload, OTHERS, leaving=1).pk)
    loading.run(replace(upload, OTHERS, leaving=2).pk)
    assert names() == {"Ravi", "Meera", "Lata"}


def test_who_was_taken_off_the_list_before_neither_leaves_nor_stays(upload: Upload) -> None:
    loading.run(upload(LIST).pk)
    Contact.objects.exclude(name="Ravi").update(kept=True)
    loading.run(replace(upload, OTHERS).pk)
    assert not ContactImport.objects.filter(status="failed").exists()


def test_a_later_file_ends_the_asking_because_its_people_would_leave_too(upload: Upload) -> None:
    asking = asked(upload)
    upload("Name,Mobile\nNew,9000000009\n")
    assert not replacing.let_them_leave(asking, by=COMMAND_LINE)
    assert loading.run_due()
    assert not replacing.let_them_leave(asking, by=COMMAND_LINE)
    assert "New" in names()


def test_an_import_that_asks_is_not_queued_anew_by_its_columns_and_can_be_undone(upload: Upload) -> None:
    asking = asked(upload)
    assert not uploads.queue(asking, "Mobile", "Name", by=COMMAND_LINE)
    assert removing.undo(asking, by=COMMAND_LINE)
    assert loading.run_due()
    assert names() == {"Ravi", "Asha", "Om"}


# -------------------------------------------------------------------------------------------- one file at a time
def test_a_file_waits_for_an_older_one_of_its_list_and_not_for_those_of_others(upload: Upload) -> None:
    first, second, other = upload(LIST), upload(OTHERS), upload(LIST, "Other")
    with only_one(first.pk):
        assert next_due() == other.pk
        with pytest.raises(Busy):
            loading.run(second.pk)
    assert next_due() == first.pk


def test_an_undo_waits_while_another_file_goes_into_the_list(upload: Upload) -> None:
    loading.run((first := upload(LIST)).pk)
    second = upload(OTHERS)
    with only_one(second.pk):
        assert removing.undo(first, by=COMMAND_LINE)
        assert next_due() is None
    assert next_due() == first.pk


def test_whoever_imports_at_once_sees_to_the_files_in_front_first(upload: Upload) -> None:
    loading.run(upload(LIST).pk)
    died = replace(upload, OTHERS, leaving=9)
    ContactImport.objects.filter(pk=died.pk).update(status="running")
    last = upload("Name,Mobile\nNew,9000000009\n")
    ContactImport.objects.filter(pk=last.pk).update(status="uploaded")
    loading.run_now(last, "Mobile", "Name", by=COMMAND_LINE)
    assert names() == {"Ravi", "Meera", "Lata", "New"}  # and not without New, whom the replacing file does not have


def test_a_list_that_is_held_keeps_its_files_waiting(upload: Upload) -> None:
    waiting = upload(LIST)
    with connection.cursor() as cursor:
        for key, pk in ((LIST_LOCK, waiting.contact_list_id), (IMPORT_LOCK, waiting.pk)):
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [key, pk])
            assert next_due() is None
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [key, pk])
    assert next_due() == waiting.pk


def test_a_file_that_the_database_gave_up_on_lets_those_of_other_lists_go_first(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowded, other = upload(LIST), upload(LIST, "Other")

    def run(*_: object) -> None:
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(loading, "_run", run)
    with pytest.raises(OperationalError):
        loading.run_due()
    assert next_due() == other.pk
    assert ContactImport.objects.get(pk=crowded.pk).status == "queued"


def test_an_undo_that_comes_to_a_fault_of_ours_ends_and_can_be_tried_again(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    loading.run((contact_import := upload(LIST)).pk)
    assert removing.undo(contact_import, by=COMMAND_LINE)

    def stuck(*_: object) -> None:
        raise IntegrityError("duplicate key value violates unique constraint")

    with monkeypatch.context() as broken:
        broken.setattr(removing, "undo_all", stuck)
        assert loading.run_due()
    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.error) == ("failed", loading.STUCK)
    assert removing.undo(contact_import, by=COMMAND_LINE)
    assert loading.run_due()
    assert not names()
