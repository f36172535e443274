"""The page that matches columns: a file that looks wrong is read in another encoding, or from another sheet."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from django.test import Client, override_settings

from campaigns.importing import loading
from campaigns.models import Contact, ContactImport
from tests.importing.test_workbooks import workbook
from tests.pages.test_contact_lists import send, text_of

GREEK = "Name,Mobile,City\nΆννα,9876543210,Αθήνα\n".encode("cp1253")
PEOPLE: Sequence[Sequence[object]] = [["Name", "Mobile"], ["Ravi", 9876543210]]
OTHERS: Sequence[Sequence[object]] = [
    ["Client", "Cell", "City"],
    ["Asha", "9123456780", "Pune"],
    ["Om", "9123456781", "Nashik"],
]


@pytest.fixture(autouse=True)
def media(tmp_path: Path) -> Iterator[Path]:
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield tmp_path / "media"


def page(client: Client, contact_import: ContactImport) -> str:
    return client.get(f"/imports/{contact_import.pk}/map").content.decode()


def read_again(client: Client, contact_import: ContactImport, **chosen: str) -> str:
    """'' when it is read so from now on, else the page that says why not."""
    answer = client.post(f"/imports/{contact_import.pk}/read", chosen)
    contact_import.refresh_from_db()
    if answer.status_code == 302:
        assert answer["Location"] == f"/imports/{contact_import.pk}/map#preview"
        return ""
    assert answer.status_code == 400
    return answer.content.decode()


def test_what_was_found_out_is_preselected_and_another_encoding_shows_the_rows_anew(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera, GREEK)
    before = page(client_of_meera, contact_import)
    assert '<option value="cp1252" selected>Western Windows</option>' in before
    assert "Άννα" not in before
    assert read_again(client_of_meera, contact_import, encoding="cp1253") == ""
    after = page(client_of_meera, contact_import)
    assert '<option value="cp1253" selected>' in after
    assert "Άννα" in after
    client_of_meera.post(f"/imports/{contact_import.pk}/map", {"phone_column": "Mobile", "name_column": "Name"})
    assert loading.run_due()
    assert Contact.objects.get().variables == {"City": "Αθήνα"}


def test_an_encoding_that_loses_letters_is_refused_in_a_sentence(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera, GREEK)
    refused = read_again(client_of_meera, contact_import, encoding="utf-8")
    assert (
        "Read as Unicode (UTF-8), 9 characters of its first lines would be lost. It stays Western Windows." in refused
    )
    assert contact_import.encoding == "cp1252"
    assert "Match the columns" in refused


@pytest.mark.parametrize("encoding", ["utf-16", "klingon", ""])
def test_an_encoding_that_nobody_offers_is_refused_in_a_sentence(client_of_meera: Client, encoding: str) -> None:
    contact_import = send(client_of_meera)
    assert "field__error" in read_again(client_of_meera, contact_import, encoding=encoding)
    assert contact_import.encoding == "utf-8"


def test_a_file_that_says_its_encoding_leaves_no_choice(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera, "\ufeffName,Mobile\nRavi,9876543210\n".encode())
    assert "Read it again" not in page(client_of_meera, contact_import)
    assert "Unicode (UTF-8)" in text_of(client_of_meera, f"/imports/{contact_import.pk}/map")


def test_another_sheet_of_the_workbook_is_taken(client_of_meera: Client, media: Path) -> None:
    contact_import = send(client_of_meera, workbook(PEOPLE, OTHERS), "people.xlsx")
    assert '<option value="A" selected>A</option>' in page(client_of_meera, contact_import)
    assert read_again(client_of_meera, contact_import, sheet="B") == ""
    assert (contact_import.sheet, contact_import.file_name) == ("B", "people.xlsx, sheet B")
    assert contact_import.header == ["Client", "Cell", "City"]
    assert "Nashik" in page(client_of_meera, contact_import)
    client_of_meera.post(f"/imports/{contact_import.pk}/map", {"phone_column": "Cell", "name_column": "Client"})
    assert loading.run_due()
    assert Contact.objects.count() == 2
    assert sorted(one.suffix for one in (media / "imports").iterdir()) == [".csv", ".xlsx"]


def test_the_workbook_is_gone_once_a_sheet_is_imported_or_discarded(
    client_of_meera: Client, media: Path, django_capture_on_commit_callbacks: object
) -> None:
    first = send(client_of_meera, workbook(PEOPLE, OTHERS), "people.xlsx")
    second = send(client_of_meera, workbook(PEOPLE, OTHERS), "again.xlsx")
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        client_of_meera.post(f"/imports/{first.pk}/map", {"phone_column": "Mobile"})
    client_of_meera.post(f"/imports/{second.pk}/cancel")
    assert not list((media / "imports").glob("*.xlsx"))
    assert not ContactImport.objects.exclude(workbook="").exists()


def test_a_sheet_that_cannot_be_read_is_refused_and_the_other_stays(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera, workbook(PEOPLE, [], OTHERS), "people.xlsx")
    assert "The sheet “B” is empty." in read_again(client_of_meera, contact_import, sheet="B")
    assert "field__error" in read_again(client_of_meera, contact_import, sheet="Z")
    assert contact_import.sheet == "A"
    assert "Ravi" in page(client_of_meera, contact_import)


def test_a_workbook_of_one_sheet_leaves_no_choice_and_is_not_kept(client_of_meera: Client, media: Path) -> None:
    contact_import = send(client_of_meera, workbook(PEOPLE), "people.xlsx")
    assert "Read it again" not in page(client_of_meera, contact_import)
    assert not list((media / "imports").glob("*.xlsx"))


def test_a_file_that_is_being_imported_is_not_read_another_way(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera, GREEK)
    client_of_meera.post(f"/imports/{contact_import.pk}/map", {"phone_column": "Mobile"})
    client_of_meera.post(f"/imports/{contact_import.pk}/read", {"encoding": "cp1253"})
    contact_import.refresh_from_db()
    assert contact_import.encoding == "cp1252"
