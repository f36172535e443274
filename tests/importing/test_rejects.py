"""Rejects are mended in a spreadsheet and uploaded again: every cell comes back as it stood in the first file."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.importing import loading, reading, report
from campaigns.models import Contact, ContactImport
from campaigns.spreadsheets import plain_cell, safe_cell
from tests.importing.conftest import Upload

HARD = st.text(alphabet="'=+-@ \t\u3000\uff1d\uff0bab1", max_size=6) | st.text(max_size=20)


def handed_out(contact_import: ContactImport) -> str:
    return "".join(report.rejects_csv(contact_import))


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


@given(HARD)
def test_what_keeps_a_cell_from_being_a_formula_comes_off_again(cell: str) -> None:
    assert plain_cell(safe_cell(cell)) == cell


@pytest.mark.parametrize("cell", ["'s-Hertogenbosch", "'Tis =", "'", "''", "'a"])
def test_an_apostrophe_of_their_own_stays(cell: str) -> None:
    assert plain_cell(cell) == safe_cell(cell) == cell


@pytest.mark.django_db
def test_names_and_values_come_back_from_the_rejects_as_they_were(upload: Upload) -> None:
    first = upload("Name,Mobile,=note,City\n-Ravi,12,=2+2,'s-Hertogenbosch\n' =Asha,34,\uff1dx,'-Pune\n")
    loading.run(first.pk)
    text = handed_out(first)
    assert table(text)[0] == ["Name", "Mobile", "'=note", "City", "Dialer line", "Dialer reason"]
    assert table(text)[1][:5] == ["'-Ravi", "12", "'=2+2", "'s-Hertogenbosch", "2"]
    assert table(text)[2][:4] == ["'' =Asha", "34", "'\uff1dx", "''-Pune"]
    loading.run(upload(text.replace("12", "9876543210").replace("34", "9123456780"), "Mended").pk)
    ravi, asha = Contact.objects.order_by("line")
    assert (ravi.name, ravi.variables) == ("-Ravi", {"=note": "=2+2", "City": "'s-Hertogenbosch"})
    # a cell of the first file that carried somebody else's mark is read as it would have been there
    assert (asha.name, asha.variables) == ("=Asha", {"=note": "\uff1dx", "City": "-Pune"})


@pytest.mark.django_db
def test_rejects_of_rejects_carry_line_and_reason_once(upload: Upload) -> None:
    first = upload("Name,Mobile,City\nRavi,12,-x\nOm,34,Pune\n")
    loading.run(first.pk)
    second = upload(handed_out(first).replace("34", "9123456780"))
    loading.run(second.pk)
    again = table(handed_out(second))
    assert again[0] == ["Name", "Mobile", "City", "Dialer line", "Dialer reason"]
    assert again[1][:4] == ["Ravi", "12", "'-x", "2"]
    assert len(again) == 2
    assert Contact.objects.get().variables == {"City": "Pune"}


@pytest.mark.django_db
def test_a_rejected_row_with_too_many_cells_stays_whole(upload: Upload) -> None:
    header = "Name,Mobile,Dialer line,Dialer reason\n"
    first = upload(header + "Ravi,9876543210,extra,2,Too many\nOm,12,3,Short\nLi,34,4,Short\n")
    loading.run(first.pk)
    names, ravi, om, _ = table(handed_out(first))
    assert names == ["Name", "Mobile", "", "", "", "Dialer line", "Dialer reason"]
    assert ravi[:6] == ["Ravi", "9876543210", "extra", "2", "Too many", "2"]
    assert om[:6] == ["Om", "12", "", "", "", "3"]


def test_only_rejects_of_ours_are_read_as_such() -> None:
    file = io.BytesIO(b"Name,Mobile\n''-Ravi,9876543210\n")
    shape = reading.look(file)
    assert not shape.handed_out
    assert [row.cells for row in reading.rows(file, shape)] == [["''-Ravi", "9876543210"]]
