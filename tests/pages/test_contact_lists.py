"""The pages of contact lists: empty, upload, columns, import, report, list."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import AsyncClient, Client, override_settings

from campaigns.importing import loading
from campaigns.importing.reading import MOST_COLUMNS
from campaigns.models import AuditEntry, Contact, ContactImport, ContactList, User
from campaigns.views.lists import SAMPLE
from tests import people
from tests.pages import world

PEOPLE = (
    "Name,Mobile,City\n"
    "Kavita,090000 00012,Pune\n"
    "Rakesh,9.19877E+11,Nashik\n"
    "Kavita D,+91 90000-00012,Pune\n"
    "Imran,+65 8123 4567,=HYPERLINK(1)\n"
    "Sunita,12345,=2+5\n"
)


@pytest.fixture(autouse=True)
def _media(tmp_path: Path) -> Iterator[None]:
    with override_settings(MEDIA_ROOT=tmp_path / "media"):
        yield


def send(client: Client, content: str | bytes = PEOPLE, file_name: str = "people.csv", **form: str) -> ContactImport:
    raw = content.encode() if isinstance(content, str) else content
    given = {"contact_list": "", "name": "", "region": "IN"} | form
    response = client.post("/lists/upload", given | {"file": SimpleUploadedFile(file_name, raw)})
    assert response.status_code == 302, response.content.decode()
    contact_import = ContactImport.objects.latest("pk")
    assert response["Location"] == f"/imports/{contact_import.pk}/map"
    return contact_import


def imported(client: Client, content: str | bytes = PEOPLE, **form: str) -> ContactImport:
    contact_import = send(client, content, **form)
    response = client.post(f"/imports/{contact_import.pk}/map", {"phone_column": "Mobile", "name_column": "Name"})
    assert response["Location"] == f"/imports/{contact_import.pk}/"
    assert loading.run_due()
    contact_import.refresh_from_db()
    return contact_import


def text_of(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode())).replace("\xa0", " ")


def test_no_list_yet_leads_to_the_upload_and_to_a_sample(client_of_meera: Client) -> None:
    page = client_of_meera.get("/lists/").content.decode()
    assert "No list yet" in page
    assert 'href="/lists/upload"' in page
    assert 'href="/lists/sample.csv"' in page


def test_every_row_of_the_sample_can_be_imported(client_of_meera: Client) -> None:
    response = client_of_meera.get("/lists/sample.csv")
    contact_import = imported(client_of_meera, b"".join(response.streaming_content))  # type: ignore[attr-defined]
    assert contact_import.imported == contact_import.rows == SAMPLE.count("\r\n") - 1


@pytest.mark.parametrize("address", ["/lists/", "/lists/upload", "/lists/sample.csv", "/imports/1/", "/lists/1/"])
def test_a_stranger_sees_nothing(stranger: Client, address: str) -> None:
    assert stranger.get(address)["Location"].startswith("/sign-in")


def test_a_file_goes_into_a_new_list_named_after_it(client_of_meera: Client, meera: User) -> None:
    contact_import = send(client_of_meera, file_name="Pune EMI.csv")
    assert contact_import.contact_list.name == "Pune EMI"
    assert contact_import.created_by == meera
    assert "Pune EMI" not in str(contact_import.file.name)
    assert AuditEntry.objects.filter(action="upload", actor=meera).exists()


def test_a_file_too_large_for_memory_is_read_from_disk(client_of_meera: Client) -> None:
    rows = "".join(f"P{place},90000{place:05},{'x' * 100}\n" for place in range(25_000))
    contact_import = send(client_of_meera, "Name,Mobile,City\n" + rows)
    assert contact_import.size > 2_621_440
    assert contact_import.header == ["Name", "Mobile", "City"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04" + bytes(200), "people.csv: This Excel workbook is damaged"),
        (b"%PDF-1.4", "This is a PDF"),
        (b"", "The file is empty"),
        (b"Name,Mobile\n", "no rows below it"),
        (b'Name,Mobile\n"Ravi,9876543210\n', "line 2"),
    ],
)
def test_a_file_that_is_no_csv_is_refused_and_nothing_typed_is_lost(
    client_of_meera: Client, content: bytes, words: str
) -> None:
    form = {"name": "Pune EMI", "region": "SG", "file": SimpleUploadedFile("people.csv", content)}
    response = client_of_meera.post("/lists/upload", form)
    page = response.content.decode().replace("&quot;", '"')
    assert response.status_code == 400
    assert words in page
    assert 'value="Pune EMI"' in page
    assert '<option value="SG" selected>' in page
    assert not ContactList.objects.exists()


def test_a_missing_file_a_taken_name_and_a_file_too_large_are_told(client_of_meera: Client) -> None:
    send(client_of_meera, name="Pune EMI")
    page = client_of_meera.post("/lists/upload", {"name": "x"}).content.decode()
    assert "Choose the CSV or Excel file to upload." in page
    form = {"name": "Pune EMI", "file": SimpleUploadedFile("p.csv", PEOPLE.encode())}
    assert "exists already. Choose it to add to it." in client_of_meera.post("/lists/upload", form).content.decode()
    with override_settings(UPLOAD_MAX_BYTES=20):
        form = {"name": "Other", "file": SimpleUploadedFile("p.csv", PEOPLE.encode())}
        assert "larger than" in client_of_meera.post("/lists/upload", form).content.decode()
    assert ContactList.objects.count() == 1


def test_the_columns_are_guessed_and_the_first_rows_shown_as_they_will_be_stored(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    address = f"/imports/{contact_import.pk}/map"
    page = client_of_meera.get(address).content.decode()
    assert '<option value="Mobile" selected>' in page
    assert '<option value="Name" selected>' in page
    text = text_of(client_of_meera, address)
    assert "+91 90000 00012 090000 00012" in text
    assert "Rejected: Excel shortened the number" in text
    assert "Same number as line 2" in text


def test_other_columns_can_be_looked_at_without_importing(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    form = {"phone_column": "City", "name_column": "", "preview": "1"}
    response = client_of_meera.post(f"/imports/{contact_import.pk}/map", form)
    assert "Rejected: Letters in the number" in response.content.decode()
    contact_import.refresh_from_db()
    assert contact_import.status == "uploaded"


@pytest.mark.parametrize("phone_column", ["", "Nobody's"])
def test_no_phone_column_is_refused_in_words(client_of_meera: Client, phone_column: str) -> None:
    contact_import = send(client_of_meera, "City,Remark\nPune,x\n")
    assert "No column looks like phone numbers." in text_of(client_of_meera, f"/imports/{contact_import.pk}/map")
    response = client_of_meera.post(f"/imports/{contact_import.pk}/map", {"phone_column": phone_column})
    assert response.status_code == 400
    contact_import.refresh_from_db()
    assert contact_import.status == "uploaded"


def test_the_phone_column_cannot_be_the_name_column(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    form = {"phone_column": "Mobile", "name_column": "Mobile"}
    response = client_of_meera.post(f"/imports/{contact_import.pk}/map", form)
    assert "This column holds the phone numbers." in response.content.decode()


def test_a_file_that_is_gone_is_told(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    contact_import.file.delete(save=False)
    response = client_of_meera.get(f"/imports/{contact_import.pk}/map")
    assert response.status_code == 410
    assert "Upload it again." in response.content.decode()


def test_progress_is_polled_thrice_a_second_and_ends_with_286(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    address = f"/imports/{contact_import.pk}/"
    client_of_meera.post(f"{address}map", {"phone_column": "Mobile", "name_column": "Name"})
    waiting = client_of_meera.get(address, HTTP_HX_REQUEST="true")
    assert waiting.status_code == 200
    assert 'hx-trigger="every 350ms' in waiting.content.decode()
    assert loading.run_due()
    ended = client_of_meera.get(address, HTTP_HX_REQUEST="true")
    assert ended.status_code == 286
    assert "hx-trigger" not in ended.content.decode()
    assert "<html" not in ended.content.decode()


def test_the_report_adds_up_and_names_every_row_that_stayed_out(client_of_meera: Client) -> None:
    contact_import = imported(client_of_meera)
    text = text_of(client_of_meera, f"/imports/{contact_import.pk}/")
    assert "Imported 2 contacts" in text
    assert "5 rows in the file = 2 imported + 1 duplicates + 2 rejected" in text
    assert "line 3, Mobile : 9.19877E+11" in text
    assert "+91 90000 ••12 Same number as line 2" in text
    assert "Duplicates" in text_of(client_of_meera, f"/imports/{contact_import.pk}/?kind=duplicate")


def test_rejects_can_be_opened_in_a_spreadsheet_mended_and_uploaded_again(client_of_meera: Client) -> None:
    contact_import = imported(client_of_meera)
    response = client_of_meera.get(f"/imports/{contact_import.pk}/rejects.csv")
    assert "attachment" in response["Content-Disposition"]
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    header, first, second = csv.reader(io.StringIO(text))
    assert header == ["Name", "Mobile", "City", "Dialer line", "Dialer reason"]
    assert first[:4] == ["Rakesh", "9.19877E+11", "Nashik", "3"]
    assert second[:4] == ["Sunita", "12345", "'=2+5", "6"]
    again = imported(client_of_meera, text.replace("12345", "90000 12345"), name="Mended")
    assert (again.imported, again.rejected) == (1, 1)
    assert Contact.objects.get(name="Sunita").variables == {"City": "=2+5"}


def test_rejects_are_streamed_by_the_asynchronous_server(client_of_meera: Client, meera: User) -> None:
    contact_import = imported(client_of_meera)

    async def downloaded() -> bytes:
        client = AsyncClient()
        await client.aforce_login(meera)
        response = await client.get(f"/imports/{contact_import.pk}/rejects.csv")
        return b"".join([chunk async for chunk in response.streaming_content])  # type: ignore[attr-defined]

    assert b"Rakesh" in async_to_sync(downloaded)()


def test_a_list_shows_its_people_with_masked_numbers_and_its_imports(client_of_meera: Client) -> None:
    contact_import = imported(client_of_meera, name="Pune EMI")
    text = text_of(client_of_meera, f"/lists/{contact_import.contact_list_id}/")
    assert "2 people" in text
    assert "Kavita +91 90000 ••12 Pune" in text
    assert "90000 00012" not in text
    assert "people.csv" in text
    index = text_of(client_of_meera, "/lists/")
    assert "Pune EMI 2" in index
    assert "2 rejected" in index


def test_people_are_added_to_a_list_that_exists(client_of_meera: Client) -> None:
    first = imported(client_of_meera, name="Pune EMI")
    address = f"/lists/upload?list={first.contact_list_id}"
    assert f'<option value="{first.contact_list_id}" selected>' in client_of_meera.get(address).content.decode()
    again = imported(client_of_meera, contact_list=str(first.contact_list_id))
    assert again.contact_list_id == first.contact_list_id
    assert (again.imported, again.duplicates) == (0, 3)


def test_a_list_of_many_is_paged(client_of_meera: Client) -> None:
    rows = "".join(f"P{place},90000{place:05},x\n" for place in range(120))
    contact_import = imported(client_of_meera, "Name,Mobile,City\n" + rows)
    address = f"/lists/{contact_import.contact_list_id}/"
    page = client_of_meera.get(address).content.decode()
    following = re.search(r'href="\?(after=\d+)"', page)
    assert following
    assert "P50" in client_of_meera.get(f"{address}?{following[1]}").content.decode()


def test_an_upload_that_waits_for_its_columns_is_found_again(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera)
    assert "Waiting for its columns:" in text_of(client_of_meera, "/lists/")
    assert client_of_meera.get(f"/imports/{contact_import.pk}/")["Location"] == f"/imports/{contact_import.pk}/map"


def test_lists_are_found_by_name_and_by_what_is_up_with_them(client_of_meera: Client, db: None) -> None:
    account = world.account()
    called, other = world.people(2, "Pune EMI"), world.people(1, "Nashik branch")
    world.launched(account, called)
    other.imports.create(file_name="a.csv", status="done", rejected=3)

    def names(query: str) -> list[str]:
        page = client_of_meera.get(f"/lists/{query}").content.decode()
        return [one.name for one in (called, other) if f"<bdi>{one.name}</bdi></a>" in page]

    assert names("") == ["Pune EMI", "Nashik branch"]
    assert names("?q=nash") == ["Nashik branch"]
    assert names("?show=in-use") == ["Pune EMI"]
    assert names("?show=look") == ["Nashik branch"]
    assert "none matches" in client_of_meera.get("/lists/?q=zzz").content.decode()


def test_the_drop_on_the_list_of_lists_makes_a_list_of_the_file(client_of_meera: Client, db: None) -> None:
    world.people()
    file = SimpleUploadedFile("branch of Nashik.csv", b"Name,Mobile\nAsha,9000001001\n", "text/csv")
    answer = client_of_meera.post("/lists/upload", {"file": file}, follow=True)
    assert "Match the columns" in answer.content.decode()


RICH = (
    "Name,Mobile,Alt mobile,Amount,Due date\n"
    'Kavita,90000 00012,90000 00013,"1,200",25-11-2026\n'
    "Rakesh,12,90000 00014,950,26-11-2026\n"
    "Imran,9000000015,,980,2026-11-26\n"
    + "".join(f"P{place},90000001{place:02},,{place},2026-11-26\n" for place in range(30))
    + "Om,9000000016,,soon,2026-11-26\n"
)


def test_kinds_and_further_numbers_are_guessed_and_shown_as_they_will_be_stored(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera, RICH)
    page = client_of_meera.get(f"/imports/{contact_import.pk}/map").content.decode()
    assert page.count('<option value="Alt mobile" selected>') == 1
    assert page.count('<option value="number" selected>') == 1
    assert page.count('<option value="date" selected>') == 1
    text = text_of(client_of_meera, f"/imports/{contact_import.pk}/map")
    assert "+91 90000 00012 90000 00012 also +91 90000 00013 Kavita 1,200 25-11-2026" in text
    assert "number taken from another column" in text


def test_the_columns_of_the_widest_file_are_matched(client_of_meera: Client) -> None:
    names = ["Mobile", *(f"c{place}" for place in range(MOST_COLUMNS - 1))]
    contact_import = send(client_of_meera, ",".join(names) + "\n9000000012" + ",x" * (MOST_COLUMNS - 1) + "\n")
    page = client_of_meera.get(f"/imports/{contact_import.pk}/map").content.decode()
    fields = dict.fromkeys(re.findall(r'<(?:select|input)[^>]* name="([^"]+)"', page), "")
    assert len(fields) > MOST_COLUMNS
    sent = fields | {"phone_column": "Mobile", "preview": 1}
    answer = client_of_meera.post(f"/imports/{contact_import.pk}/map", sent)
    assert answer.status_code == 200


def test_who_imports_into_a_running_campaign_is_told_that_it_calls_at_once(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera, RICH)
    assert "is running" not in text_of(client_of_meera, f"/imports/{contact_import.pk}/map")
    people.campaign(name="October EMI", lists=[contact_import.contact_list])
    text = text_of(client_of_meera, f"/imports/{contact_import.pk}/map")
    assert "October EMI is running: new people of this file are called at once." in text


def test_the_report_tells_repairs_flags_and_other_lists(client_of_meera: Client) -> None:
    imported(client_of_meera, "Name,Mobile\nA,9000000015\n", name="Pune")
    contact_import = imported(client_of_meera, RICH, name="All")
    text = text_of(client_of_meera, f"/imports/{contact_import.pk}/")
    assert "34 rows in the file = 33 imported + 0 duplicates + 1 rejected" in text
    assert "1 row has a value that is not of its column’s kind" in text
    assert "1 person is on Pune too" in text
    flagged = text_of(client_of_meera, f"/imports/{contact_import.pk}/?kind=flagged")
    assert "Amount: “soon” is no number" in flagged
    assert "Amount: “soon” is no number" in text_of(client_of_meera, f"/lists/{contact_import.contact_list_id}/")


def test_rows_with_a_wrong_value_are_rejected_where_that_is_chosen(client_of_meera: Client) -> None:
    contact_import = send(client_of_meera, RICH)
    form = {"phone_column": "Mobile", "name_column": "Name", "second_phone": "Alt mobile", "wrong_values": "reject"}
    client_of_meera.post(f"/imports/{contact_import.pk}/map", form)
    assert loading.run_due()
    contact_import.refresh_from_db()
    assert (contact_import.imported, contact_import.rejected) == (33, 1)
    assert contact_import.issues.get().reason == "Amount: “soon” is no number"


def test_a_persons_page_tells_further_numbers_and_what_is_dialled(client_of_meera: Client) -> None:
    contact_import = imported(client_of_meera, RICH)
    Contact.objects.update(alternatives=["+919000000013"], external_id="L1", language="hi", flag="Look at this")
    person = Contact.objects.filter(contact_list=contact_import.contact_list_id).first()
    assert person
    text = text_of(client_of_meera, f"/contacts/{person.pk}/")
    assert "Look at this" in text
    assert "Other numbers +91 90000 ••13 kept; only the number above is dialled Your id L1 Language hi" in text
