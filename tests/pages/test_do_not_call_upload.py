"""A file of numbers for the do-not-call list."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from campaigns.models import AuditEntry, Suppression


def _upload(client: Client, text: str | bytes, reason: str = "Asked by mail") -> str:
    content = text if isinstance(text, bytes) else text.encode()
    file = SimpleUploadedFile("dnc.csv", content, "text/csv")
    sent = {"upload": "yes", "file": file, "reason_of_all": reason}
    return client.post("/do-not-call/", sent).content.decode()


def test_good_lines_are_added_and_bad_ones_are_told_with_their_line(client_of_meera: Client) -> None:
    page = _upload(client_of_meera, "phone,name\n9000000001,A\nnot a number,B\n+91 90000 00002,C\n9000000001,D\n")
    assert set(Suppression.objects.values_list("phone", "reason", "source")) == {
        ("+919000000001", "Asked by mail", "file"),
        ("+919000000002", "Asked by mail", "file"),
    }
    assert "1 line was not added." in page
    assert "Line 3:" in page
    assert AuditEntry.objects.get(action="suppress").details["added"] == 2


def test_a_column_of_reasons_wins_and_its_gaps_take_the_reason_of_all(client_of_meera: Client) -> None:
    _upload(client_of_meera, "phone;Reason\n9000000001;Court order\n9000000002;\n")
    found = dict(Suppression.objects.values_list("phone", "reason"))
    assert found == {"+919000000001": "Court order", "+919000000002": "Asked by mail"}


def test_a_file_without_a_heading_is_read_too(client_of_meera: Client) -> None:
    _upload(client_of_meera, "9000000001\n9000000002\n")
    assert Suppression.objects.count() == 2


def test_who_stands_there_already_is_counted_and_keeps_the_first_reason(client_of_meera: Client) -> None:
    Suppression.objects.create(phone="+919000000001", reason="First")
    page = _upload(client_of_meera, "phone\n9000000001\n9000000002\n")
    assert '<span class="sum__fig">1</span><span class="sum__lab">there already</span>' in page
    assert Suppression.objects.get(phone="+919000000001").reason == "First"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04 an Excel file", "CSV"),
        (b"name,city\nKavita,Pune\n", "No column of the file holds phone numbers."),
    ],
)
def test_a_file_without_numbers_is_refused_in_words(client_of_meera: Client, content: bytes, words: str) -> None:
    assert words in _upload(client_of_meera, content)
    assert not Suppression.objects.exists()


def test_without_a_reason_nobody_is_added(client_of_meera: Client) -> None:
    assert "Say why, for whoever asks later." in _upload(client_of_meera, "phone\n9000000001\n", reason="")
    assert not Suppression.objects.exists()
