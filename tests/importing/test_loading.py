"""A file into its list: who comes in, who does not and why, and that every row is accounted for."""

import csv
import io

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.importing import loading, one_at_a_time, uploads
from campaigns.importing.loading import Counts, NotDue
from campaigns.importing.one_at_a_time import Busy
from campaigns.importing.reading import NotACsv
from campaigns.models import Contact, ContactImport, ContactList, ImportIssue
from tests.importing.conftest import Upload

LIST = "Name,Mobile,City,Amount\n"
pytestmark = pytest.mark.django_db


def issues(contact_import: ContactImport) -> list[tuple[int, str, str]]:
    return [(issue.line, issue.kind, issue.reason) for issue in contact_import.issues.all()]


def test_people_are_stored_with_their_numbers_names_and_columns(upload: Upload) -> None:
    contact_import = upload(LIST + " Ravi  Kumar ,098765 43210, Pune ,'-500\n")
    assert loading.run(contact_import.pk) == Counts(rows=1, imported=1)
    ravi = Contact.objects.get()
    assert (ravi.phone, ravi.name, ravi.line) == ("+919876543210", "Ravi Kumar", 2)
    assert ravi.variables == {"City": "Pune", "Amount": "-500"}
    assert ravi.contact_import == contact_import
    assert ravi.contact_list.columns == ["City", "Amount"]


def test_a_number_twice_in_the_file_is_a_duplicate_of_its_first_line(upload: Upload) -> None:
    contact_import = upload(LIST + "Ravi,9876543210,,\nAsha,9123456780,,\nRavi K,+91 98765-43210,,\n")
    assert loading.run(contact_import.pk, chunk_rows=2) == Counts(rows=3, imported=2, duplicates=1)
    assert issues(contact_import) == [(4, "duplicate", "Same number as line 2")]
    assert Contact.objects.get(phone="+919876543210").name == "Ravi"


def test_a_number_already_in_the_list_is_a_duplicate_and_says_of_what(upload: Upload) -> None:
    loading.run(upload(LIST + "Ravi,9876543210,,\n").pk)
    second = upload("Mobile,Zone\n9876543210,West\n9123456780,East\n")
    assert loading.run(second.pk) == Counts(rows=2, imported=1, duplicates=1)
    assert issues(second) == [(2, "duplicate", "Already in this list: line 2 of people.csv")]
    assert ContactList.objects.get().columns == ["City", "Amount", "Zone"]


def test_the_same_number_may_stand_in_two_lists(upload: Upload) -> None:
    assert loading.run(upload(LIST + "Ravi,9876543210,,\n", "One").pk).imported == 1
    assert loading.run(upload(LIST + "Ravi,9876543210,,\n", "Two").pk).imported == 1


def test_a_bad_row_is_told_with_line_reason_value_and_its_cells(upload: Upload) -> None:
    contact_import = upload(LIST + "Ravi,9.19877E+11,Pune,1\nAsha,9123456780,Pune,2,3\n,,,\nOm,9876543210,Pune,4\n")
    assert loading.run(contact_import.pk) == Counts(rows=4, imported=1, rejected=3)
    first, second, third = contact_import.issues.all()
    assert (first.line, first.value, first.row) == (2, "9.19877E+11", ["Ravi", "9.19877E+11", "Pune", "1"])
    assert "Excel shortened" in first.reason
    assert "5 cells where the file has 4 columns" in second.reason
    assert third.reason == "The row is empty"


def test_numbers_are_read_in_the_country_of_the_list(upload: Upload) -> None:
    loading.run(upload("Phone\n8123 4567\n+91 98765 43210\n", region="SG").pk)
    assert list(Contact.objects.order_by("line").values_list("phone", "time_zone")) == [
        ("+6581234567", ""),
        ("+919876543210", "Asia/Kolkata"),
    ]


def test_progress_is_told_after_each_chunk(upload: Upload) -> None:
    seen: list[int] = []
    rows = "".join(f"P,90000{place:05},,\n" for place in range(10))
    loading.run(upload(LIST + rows).pk, lambda counts: seen.append(counts.rows), chunk_rows=4)
    assert seen == [4, 8, 10]


def test_an_import_that_has_ended_or_waits_for_its_columns_is_not_run(upload: Upload) -> None:
    done = upload(LIST + "Ravi,9876543210,,\n")
    loading.run(done.pk)
    with pytest.raises(NotDue):
        loading.run(done.pk)
    assert one_at_a_time.next_due() is None
    assert not loading.run_due()


def test_the_oldest_import_is_due_first(upload: Upload) -> None:
    first, second = upload(LIST + "Ravi,9876543210,,\n"), upload(LIST + "Asha,9123456780,,\n")
    assert one_at_a_time.next_due() == first.pk
    assert loading.run_due()
    assert one_at_a_time.next_due() == second.pk


def test_an_import_that_another_process_runs_is_left_alone(upload: Upload) -> None:
    contact_import = upload(LIST + "Ravi,9876543210,,\n")
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s, %s)", [one_at_a_time.IMPORT_LOCK, contact_import.pk])
        assert one_at_a_time.next_due() is None
        with pytest.raises(Busy):
            loading.run(contact_import.pk)
        other.execute("SELECT pg_advisory_unlock_all()")
        assert one_at_a_time.next_due() == contact_import.pk


def test_a_chunk_gives_up_when_another_process_went_on_meanwhile(upload: Upload) -> None:
    contact_import = upload(LIST + "Ravi,9876543210,,\nAsha,9123456780,,\n")

    def overtaken(_: Counts) -> None:
        ContactImport.objects.filter(pk=contact_import.pk).update(rows=2)

    with pytest.raises(Busy):
        loading.run(contact_import.pk, overtaken, chunk_rows=1)
    assert Contact.objects.count() == 1


def test_a_file_that_is_gone_fails_the_import_in_words(upload: Upload) -> None:
    contact_import = upload(LIST + "Ravi,9876543210,,\n")
    contact_import.file.delete(save=False)
    assert loading.run_due()
    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.error) == ("failed", uploads.LOST)
    assert one_at_a_time.next_due() is None


def test_a_file_that_we_stumble_over_ends_as_failed_and_the_next_has_its_turn(upload: Upload) -> None:
    stumbling, sound = upload(LIST + "Ravi,9876543210,,\n"), upload(LIST + "Asha,9123456780,,\n")
    ContactImport.objects.filter(pk=stumbling.pk).update(options={"other_phones": 5})
    assert loading.run_due()
    stumbling.refresh_from_db()
    assert (stumbling.status, stumbling.error) == ("failed", loading.BROKEN)
    assert one_at_a_time.next_due() == sound.pk
    assert loading.run_due()
    assert Contact.objects.get().name == "Asha"


def test_the_counts_of_a_finished_import_stand_on_its_row(upload: Upload) -> None:
    contact_import = upload(LIST + "Ravi,9876543210,,\nRavi,9876543210,,\nAsha,1,,\n")
    loading.run(contact_import.pk)
    contact_import.refresh_from_db()
    assert loading.counts(contact_import) == Counts(rows=3, imported=1, duplicates=1, rejected=1)
    assert (contact_import.status, contact_import.bytes_read) == ("done", contact_import.size)


cells = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.sampled_from(["9876543210", "+91 98765 43210", "9123456780", "9.1E+11", "12", "", "98765 43211"])
table = st.lists(st.tuples(numbers, cells, cells), min_size=1, max_size=25)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table, st.sampled_from([",", ";", "\t", "|"]), st.sampled_from(["\n", "\r\n"]), st.integers(1, 9))
def test_every_row_is_imported_a_duplicate_or_rejected(
    upload: Upload, people: list[tuple[str, str, str]], delimiter: str, end: str, chunk_rows: int
) -> None:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerows([("Mobile", "Name", "City"), *people])
    Contact.objects.all().delete()
    contact_import = upload(text.getvalue().encode("utf-8-sig"))
    counts = loading.run(contact_import.pk, chunk_rows=chunk_rows)
    assert counts.rows == len(people) == counts.imported + counts.duplicates + counts.rejected
    assert counts.imported == Contact.objects.count()
    kinds = contact_import.issues.values_list("kind", flat=True)
    assert [*kinds].count(ImportIssue.Kind.REJECTED) == counts.rejected
    assert [*kinds].count(ImportIssue.Kind.DUPLICATE) == counts.duplicates


def test_a_file_that_cannot_be_read_leaves_nothing_behind(upload: Upload) -> None:
    with pytest.raises(NotACsv):
        upload("Name,Mobile\n")
    assert not ContactList.objects.exists()
    assert not ContactImport.objects.exists()


@pytest.mark.parametrize("column", ["contact_list_id", "contact_import_id"])
def test_nobody_is_on_a_list_or_of_an_import_that_does_not_exist(upload: Upload, column: str) -> None:
    contact_import = upload(LIST + "Ravi,9876543210,,\n")
    given = {"contact_list_id": contact_import.contact_list_id, "contact_import_id": contact_import.pk, column: 999_999}
    with pytest.raises(IntegrityError, match="there is no"), transaction.atomic():
        Contact.objects.create(phone="+919876543210", **given)


def test_a_list_with_people_on_it_cannot_be_deleted_behind_their_backs(upload: Upload) -> None:
    contact_import = upload(LIST + "Ravi,9876543210,,\n")
    loading.run(contact_import.pk)
    ContactImport.objects.filter(contact_list=contact_import.contact_list_id).delete()
    with connection.cursor() as cursor, pytest.raises(IntegrityError), transaction.atomic():
        cursor.execute("DELETE FROM campaigns_contactlist")
    Contact.objects.all().delete()
    assert ContactList.objects.all().delete()[0] > 0
