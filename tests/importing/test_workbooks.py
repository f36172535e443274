"""Excel workbooks: what a sheet says comes out as text, and what is no workbook for a list is refused in words."""

import datetime
import io
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import openpyxl
import pytest
from django.conf import settings
from openpyxl.worksheet.worksheet import Worksheet

from campaigns.importing import reading, sheets, workbooks
from campaigns.importing.reading import NotACsv

PEOPLE: Sequence[Sequence[object]] = [["Name", "Mobile"], ["Ravi", 9876543210], ["Asha", "+91 91234 56780"]]
ROWS = [["Ravi", "9876543210"], ["Asha", "+91 91234 56780"]]


def workbook(*sheets: Sequence[Sequence[object]], change: Callable[[Worksheet], None] | None = None) -> bytes:
    """A workbook with sheets named A, B, ...; `change` gets the first of them before it is saved."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for place, rows in enumerate(sheets):
        sheet = made.create_sheet("ABC"[place])
        for row in rows:
            sheet.append(row)
    if change:
        change(made.worksheets[0])
    target = io.BytesIO()
    made.save(target)
    return target.getvalue()


def with_part(content: bytes, name: str, part: bytes) -> bytes:
    """The same archive with one part put in place of another, or added."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for each in old.namelist():
            if each != name:
                new.writestr(each, old.read(each))
        new.writestr(name, part)
    return target.getvalue()


def archive(**parts: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as made:
        for name, part in parts.items():
            made.writestr(name, part)
    return target.getvalue()


def sheet_xml(rows: str) -> bytes:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def read(content: bytes, sheet: str = "") -> tuple[str, list[reading.Row]]:
    """In this process, which is quicker."""
    text = io.BytesIO()
    name, _ = sheets.write_out(io.BytesIO(content), text, sheet)
    text.seek(0)
    shape = reading.look(text)
    reading.check(text, shape)
    return name, list(reading.rows(text, shape))


def cells(content: bytes, sheet: str = "") -> list[list[str]]:
    return [row.cells for row in read(content, sheet)[1]]


def test_a_workbook_is_read_like_the_csv_of_it() -> None:
    assert cells(workbook(PEOPLE)) == ROWS


@pytest.mark.parametrize(
    ("value", "shown_as", "text"),
    [
        (9876543210, "General", "9876543210"),
        (9876543210.0, "General", "9876543210"),
        (919876543210.0, "0.00E+00", "919876543210"),
        (1.5, "General", "1.5"),
        (411001, "000000", "411001"),
        (9001, "000000", "009001"),
        (9001, "0", "9001"),
        (1e300, "General", "1e+300"),
        (True, "General", "TRUE"),
        (datetime.date(2026, 11, 20), "dd-mmm-yy", "2026-11-20"),
        (datetime.datetime(2026, 11, 20, 9, 30), "dd-mmm-yy hh:mm", "2026-11-20 09:30:00"),  # noqa: DTZ001
        (datetime.time(9, 30), "hh:mm", "09:30:00"),
        ("two\nlines", "General", "two lines"),
        ('say "hi", twice', "General", 'say "hi", twice'),
        ("=1+1", "General", ""),  # a formula that Excel has not reckoned yet holds nothing
        ("कविता", "General", "कविता"),
    ],
)
def test_a_cell_is_what_excel_holds_and_not_how_it_is_drawn(value: object, shown_as: str, text: str) -> None:
    def show(sheet: Worksheet) -> None:
        sheet["A2"].number_format = shown_as

    assert cells(workbook([["Value", "Mobile"], [value, "9876543210"]], change=show)) == [[text, "9876543210"]]


def test_a_row_says_its_number_in_the_sheet() -> None:
    rows = read(workbook([["Name", "Mobile"], [], ["Ravi", 9876543210], ["a\nb", 9123456780]]))[1]
    assert [row.line for row in rows] == [3, 4]


def test_the_first_sheet_that_is_not_empty_is_taken_and_named() -> None:
    assert read(workbook([], [[None, " "]], PEOPLE))[0] == "C"


def test_a_hidden_sheet_comes_after_the_visible_ones() -> None:
    def hide(sheet: Worksheet) -> None:
        sheet.sheet_state = "hidden"

    assert read(workbook([["Codes"], ["x"]], PEOPLE, change=hide))[0] == "B"


def test_a_sheet_can_be_chosen() -> None:
    name, rows = read(workbook([["Codes"], ["x"]], PEOPLE), "B")
    assert (name, [row.cells for row in rows]) == ("B", ROWS)


def test_a_file_that_is_no_archive_is_handed_on_as_it_is() -> None:
    given = io.BytesIO(b"Name,Mobile\nRavi,9876543210\n")
    with workbooks.as_text(given) as text:
        assert (text.file, text.sheet) == (given, "")


def test_what_a_sheet_claims_of_its_size_is_not_believed() -> None:
    xml = sheet_xml(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>Mobile</t></is></c></row>'
        '<row r="2"><c r="A2"><v>9876543210</v></c></row>'
    ).replace(b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>')
    assert cells(with_part(workbook(PEOPLE), "xl/worksheets/sheet1.xml", xml)) == [["9876543210"]]


def with_texts(texts: bytes) -> bytes:
    """A workbook as Excel writes it: its cells name texts that they share."""
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    shared = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'.encode()
    good = workbook(PEOPLE)
    with zipfile.ZipFile(io.BytesIO(good)) as made:
        types = made.read("[Content_Types].xml")
    xml = sheet_xml(
        '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2" t="s"><v>1</v></c></row>'
        '<row r="3"><c r="A3"><v>9123456780</v></c></row>'
    )
    content = with_part(good, "xl/worksheets/sheet1.xml", xml)
    content = with_part(content, "[Content_Types].xml", types.replace(b"</Types>", shared))
    return with_part(content, "xl/sharedStrings.xml", texts)


def test_texts_that_cells_share_are_found() -> None:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    texts = f'<sst xmlns="{main}"><si><t>Mobile</t></si><si><r><t>98765</t></r><r><t>43210</t></r></si></sst>'
    assert cells(with_texts(texts.encode())) == [["9876543210"], ["9123456780"]]


GOOD = workbook(PEOPLE)
ENTITIES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
REFUSED: dict[str, tuple[bytes, str]] = {
    "word": (archive(**{"word/document.xml": b"<a/>"}), "Word document"),
    "xlsb": (archive(**{"xl/workbook.bin": b"x"}), "binary Excel"),
    "numbers": (archive(**{"Index/Document.iwa": b"x"}), "Numbers"),
    "ods": (archive(mimetype=b"application/vnd.oasis", **{"content.xml": b"<a/>"}), "OpenDocument"),
    "presentation": (archive(**{"ppt/presentation.xml": b"x"}), "presentation"),
    "zip of a csv": (archive(**{"people.csv": b"Name,Mobile\nRavi,9876543210\n"}), "zip archive"),
    "cut off": (GOOD[:-200], "damaged"),
    "only its first bytes": (GOOD[:100], "damaged"),
    "a part missing": (archive(**{"xl/workbook.xml": b"<workbook/>"}), "damaged"),
    "no xml inside": (with_part(GOOD, "xl/workbook.xml", b"Mobile"), "damaged"),
    "a sheet that breaks off": (with_part(GOOD, "xl/worksheets/sheet1.xml", sheet_xml("<row>")[:90]), "damaged"),
    "entities in the sheet": (with_part(GOOD, "xl/worksheets/sheet1.xml", ENTITIES), "damaged"),
    "entities in the texts": (with_texts(ENTITIES), "damaged"),
    "a text that is not there": (with_texts(b"<sst/>"), "damaged"),
    "a bomb of blanks": (with_part(GOOD, "xl/worksheets/sheet1.xml", b" " * (8 << 20)), "unpacks to far more"),
    "a bomb in the styles": (with_part(GOOD, "xl/styles.xml", b"<a/>" * (5 << 20)), "unpacks to far more"),
    "a row beyond the last": (
        with_part(GOOD, "xl/worksheets/sheet1.xml", sheet_xml('<row r="999999999"><c r="A9"><v>1</v></c></row>')),
        "beyond Excel's own limit",
    ),
    "too many columns": (workbook([["x"] * 1_200, ["1"] * 1_200]), "1,200 columns"),
    "nothing in any sheet": (workbook([], []), "workbook is empty"),
    "a header only": (workbook([["Name", "Mobile"]]), "no rows"),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_an_archive_that_holds_no_list_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(NotACsv, match=words) as refused:
        read(content)
    assert refused.value.reason.endswith(".")


@pytest.mark.parametrize("sheet", ["Nobody", "B"])
def test_a_sheet_that_is_not_there_or_empty_is_refused(sheet: str) -> None:
    with pytest.raises(NotACsv, match=f"sheet “{sheet}”"):
        read(workbook(PEOPLE, []), sheet)


def test_a_text_that_many_cells_share_is_cut_and_does_not_fill_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    content = workbook([["Name", "Mobile"], *[["x" * 20_000, 9876543210]] * 4])
    assert max(len(cell) for row in cells(content) for cell in row) == reading.LONGEST_CELL + 1
    monkeypatch.setattr(sheets, "MOST_WRITTEN", 3 * reading.LONGEST_CELL)
    with pytest.raises(NotACsv, match="unpacks to far more"):
        read(content)


def test_rows_of_empty_cells_without_end_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MOST_CELLS", 10_000)
    wide = sheet_xml('<row><c r="XFD1"/></row>' * 3)
    with pytest.raises(NotACsv, match="unpacks to far more"):
        read(with_part(GOOD, "xl/worksheets/sheet1.xml", wide))


# ------------------------------------------------------------------------------- the process that reads them
def test_a_process_of_its_own_reads_a_workbook_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "people.xlsx"
    path.write_bytes(GOOD)
    with path.open("rb") as file, workbooks.as_text(file) as text:
        assert [row.cells for row in reading.rows(text.file, reading.look(text.file))] == ROWS
        assert (text.sheet, text.sheets, file.tell()) == ("A", ("A",), 0)


def test_what_that_process_refuses_is_refused_in_its_words() -> None:
    with pytest.raises(NotACsv, match="sheet “Nobody”"), workbooks.as_text(io.BytesIO(GOOD), "Nobody"):
        pass


HUNGRY = (
    with_part(  # a single row, whose cells openpyxl makes into objects all at once; of many sizes, so not packed small
        GOOD,
        "xl/worksheets/sheet1.xml",
        sheet_xml("<row>" + "".join(f'<c s="{n * n % 977}"/>' for n in range(250_000))),
    )
)
BUSY = with_part(GOOD, "xl/worksheets/sheet1.xml", sheet_xml('<row><c r="XFD1"/></row>' * 20_000))


@pytest.mark.parametrize(
    ("content", "limit", "most"),
    [(HUNGRY, "MEMORY", 130 << 20), (BUSY, "CPU_SECONDS", 1), (GOOD, "WALL_FACTOR", 0)],
    ids=["memory", "processor", "clock"],
)
def test_a_workbook_that_takes_too_much_is_refused_in_words_and_leaves_nothing(
    content: bytes, limit: str, most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(workbooks, limit, most)
    with pytest.raises(NotACsv, match="too much memory or time"), workbooks.as_text(io.BytesIO(content)):
        pass
    assert not list(tmp_path.iterdir())


def test_that_process_knows_neither_django_nor_a_driver_of_the_database() -> None:
    told = "import sys, campaigns.importing.sheets; print(sorted({'django', 'psycopg'} & set(sys.modules)))"
    asked = subprocess.run(
        [sys.executable, "-c", told], capture_output=True, text=True, check=True, cwd=settings.BASE_DIR
    )
    assert asked.stdout == "[]\n"
