"""What becomes of an import later: cancelled, discarded, undone, merged, imported a second time."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.test import Client, override_settings
from django.utils import timezone

from campaigns.importing import loading
from campaigns.models import AuditEntry, Contact, ContactImport, ContactList
from tests.pages.test_contact_lists import imported, send, text_of


@pytest.fixture(autouse=True)
def _media(tmp_path: Path) -> Iterator[None]:
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield


def test_an_import_is_undone_from_its_report(client_of_meera: Client) -> None:
    contact_import = imported(client_of_meera)
    address = f"/imports/{contact_import.pk}/"
    assert "Undo this import" in text_of(client_of_meera, address)
    assert client_of_meera.post(f"{address}undo")["Location"] == address
    waiting = client_of_meera.get(address, HTTP_HX_REQUEST="true")
    assert (waiting.status_code, "Undoing" in waiting.content.decode()) == (200, True)
    assert loading.run_due()
    text = text_of(client_of_meera, address)
    assert "The import was undone" in text
    assert "2 people are off the list again" in text
    assert "Undo this import" not in text
    assert not re.search(r"in [0-9.]+ s ", text)
    assert not Contact.objects.exists()
    again = client_of_meera.post(f"{address}undo", follow=True).content.decode()
    assert "cannot be undone now" in again


def test_an_import_that_waits_or_runs_is_cancelled(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    address = f"/imports/{contact_import.pk}/"
    client_of_meera.post(f"{address}map", {"phone_column": "Mobile"})
    assert "Cancel the import" in text_of(client_of_meera, address)
    client_of_meera.post(f"{address}cancel")
    assert "The import was cancelled" in text_of(client_of_meera, address)
    assert not loading.run_due()
    assert AuditEntry.objects.filter(action="cancel import").exists()


def test_an_upload_without_columns_is_discarded(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    assert client_of_meera.post(f"/imports/{contact_import.pk}/cancel")["Location"] == "/lists/"
    assert "Waiting for its columns" not in text_of(client_of_meera, "/lists/")
    assert not ContactList.objects.exists()
    assert not default_storage.exists(str(contact_import.file))
    assert AuditEntry.objects.get(action="cancel import").details["file"] == contact_import.file_name


def test_a_discarded_upload_takes_no_list_with_it_that_was_there_before(client_of_meera: Client) -> None:
    contact_list = imported(client_of_meera).contact_list
    contact_import = send(client_of_meera, contact_list=str(contact_list.pk))
    client_of_meera.post(f"/imports/{contact_import.pk}/cancel")
    contact_import.refresh_from_db()
    assert (contact_import.status, contact_import.file.name) == ("cancelled", "")
    assert not default_storage.listdir("imports")[1][1:]
    assert ContactList.objects.get() == contact_list


def test_the_list_of_two_discarded_uploads_goes_with_the_second(client_of_meera: Client) -> None:
    first = send(client_of_meera)
    second = send(client_of_meera, contact_list=str(first.contact_list_id))
    client_of_meera.post(f"/imports/{first.pk}/cancel")
    assert ContactList.objects.exists()
    client_of_meera.post(f"/imports/{second.pk}/cancel")
    assert not ContactList.objects.exists()


def test_how_fast_it_goes_and_how_long_it_takes_is_told(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    client_of_meera.post(f"/imports/{contact_import.pk}/map", {"phone_column": "Mobile"})
    told = []

    def look(_: loading.Counts) -> None:
        told.append(text_of(client_of_meera, f"/imports/{contact_import.pk}/"))

    loading.run(contact_import.pk, look, chunk_rows=2)
    assert "rows a second, about" in told[0]


def test_a_file_that_waits_says_how_many_are_before_it(client_of_meera: Client) -> None:
    first, second = send(client_of_meera, name="First"), send(client_of_meera, name="Second")
    for one in (first, second):
        client_of_meera.post(f"/imports/{one.pk}/map", {"phone_column": "Mobile"})
    assert "before it" not in text_of(client_of_meera, f"/imports/{first.pk}/")
    assert "1 file is before it." in text_of(client_of_meera, f"/imports/{second.pk}/")


def test_a_file_that_replaces_the_list_says_when_people_leave(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    whole = {"status": "running", "bytes_read": contact_import.size, "started_at": timezone.now()}
    ContactImport.objects.update(options={"how": "replace"}, removed=3, **whole)
    text = text_of(client_of_meera, f"/imports/{contact_import.pk}/")
    assert "All rows are read. Whoever is not in the file leaves the list now." in text
    assert "3 people left the list" in text
    assert "a second, about" not in text


def test_the_same_file_is_noticed_before_its_columns_are_chosen(client_of_meera: Client) -> None:
    imported(client_of_meera, name="Pune")
    again = send(client_of_meera, name="Other")
    text = text_of(client_of_meera, f"/imports/{again.pk}/map")
    assert "This very file was imported before: 2 contacts into Pune" in text
    assert "Discard it" in text


def test_a_file_for_a_list_with_people_may_replace_them(client_of_meera: Client) -> None:
    first = imported(client_of_meera, name="Pune")
    given = send(client_of_meera, "Name,Mobile\nNew,9000000099\n", contact_list=str(first.contact_list_id))
    address = f"/imports/{given.pk}/"
    assert "People who are on the list already" in text_of(client_of_meera, f"{address}map")
    form = {"phone_column": "Mobile", "name_column": "Name", "how": "replace", "name": "March"}
    wrong = client_of_meera.post(f"{address}map", form | {"match_by": "id"})
    assert "Choose the column that holds your id" in wrong.content.decode()
    client_of_meera.post(f"{address}map", form)
    assert loading.run_due()
    text = text_of(client_of_meera, address)
    assert "Shall 2 people leave the list?" in text
    assert "2 people would leave the list and nobody stays." in text
    assert Contact.objects.count() == 3
    assert client_of_meera.post(f"{address}let-leave")["Location"] == address
    assert loading.run_due()
    assert Contact.objects.get().name == "New"
    text = text_of(client_of_meera, address)
    assert "March , people.csv" in text
    assert "2 people left the list: the file does not have them." in text
    assert ContactImport.objects.get(pk=given.pk).removed == 2
    assert "does not ask any more" in client_of_meera.post(f"{address}let-leave", follow=True).content.decode()
