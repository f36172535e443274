"""Files as people export them, each with what must come out; and files that are no CSV, each with its sentence."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.importing import reading, records
from campaigns.importing.reading import NotACsv, Row
from campaigns.importing.records import Lines, in_batches

NAMES = "Name,Mobile\n"
RAVI, ASHA = ["Ravi", "9876543210"], ["Asha", "9123456780"]
TWO = "Name,Mobile\nRavi,9876543210\nAsha,9123456780\n"

READABLE: dict[str, tuple[bytes, list[list[str]]]] = {
    "plain": (TWO.encode(), [RAVI, ASHA]),
    "utf-8 with bom": (TWO.encode("utf-8-sig"), [RAVI, ASHA]),
    "utf-16 with bom": (TWO.encode("utf-16"), [RAVI, ASHA]),
    "utf-16-le without bom": (TWO.encode("utf-16-le"), [RAVI, ASHA]),
    "utf-16-be without bom": (TWO.encode("utf-16-be"), [RAVI, ASHA]),
    "utf-16-be with bom": (b"\xfe\xff" + TWO.encode("utf-16-be"), [RAVI, ASHA]),
    "utf-32 with bom": (TWO.encode("utf-32"), [RAVI, ASHA]),
    "utf-16 in hindi": ("नाम\tमोबाइल\nकविता\t९८७६५४३२१०\n".encode("utf-16"), [["कविता", "९८७६५४३२१०"]]),
    "utf-16-le in hindi without bom": ("नाम,मोबाइल\nकविता,9876543210\n".encode("utf-16-le"), [["कविता", "9876543210"]]),
    "cp1252": ("Name,Mobile\nJosé,9876543210\n".encode("cp1252"), [["José", "9876543210"]]),
    "western mac": ("Name,Mobile\rJosé,9876543210\r".encode("mac_roman"), [["José", "9876543210"]]),
    "cp1252 with a byte that has no letter": (b"Name,Mobile\nJos\xe9\x81,9876543210\n", [["José\ufffd", "9876543210"]]),
    "utf-8 with one damaged byte": (
        "Name,Mobile\nकविता,9876543210\nरमेश,9123456780\n".encode() + b"X\xff,9000000001\n",
        [["कविता", "9876543210"], ["रमेश", "9123456780"], ["X\ufffd", "9000000001"]],
    ),
    "semicolons": (TWO.replace(",", ";").encode(), [RAVI, ASHA]),
    "tabs": (TWO.replace(",", "\t").encode(), [RAVI, ASHA]),
    "pipes": (TWO.replace(",", "|").encode(), [RAVI, ASHA]),
    "tabs with commas in the cells": (b"Name\tMobile\nRao, R\t9876543210\n", [["Rao, R", "9876543210"]]),
    "semicolons with decimal commas": (b"Amt;Mobile;Due\n1,5;9876543210;2,5\n", [["1,5", "9876543210", "2,5"]]),
    "sep line": (b"sep=;\nName;Mobile\nRavi;9876543210\n", [RAVI]),
    "quoted sep line": (b'"sep=|"\r\nName|Mobile\r\nRavi|9876543210\r\n', [RAVI]),
    "sep line in utf-16": ("sep=\t\r\nName\tMobile\r\nRavi\t9876543210\r\n".encode("utf-16"), [RAVI]),
    "crlf": (TWO.replace("\n", "\r\n").encode(), [RAVI, ASHA]),
    "cr": (TWO.replace("\n", "\r").encode(), [RAVI, ASHA]),
    "cr cr lf": (TWO.replace("\n", "\r\r\n").encode(), [RAVI, ASHA]),
    "mixed ends": (b"Name,Mobile\r\nRavi,9876543210\nAsha,9123456780\r", [RAVI, ASHA]),
    "no end of the last line": (TWO.rstrip().encode(), [RAVI, ASHA]),
    "blank lines": (b"\n\nName,Mobile\n\nRavi,9876543210\n\n\nAsha,9123456780\n\n", [RAVI, ASHA]),
    "quoted newline": (b'Name,Mobile\n"Ravi\nKumar",9876543210\n', [["Ravi\nKumar", "9876543210"]]),
    "quoted crlf": (b'Name,Mobile\r\n"Ravi\r\nKumar",9876543210\r\n', [["Ravi\r\nKumar", "9876543210"]]),
    "quoted delimiter": (b'Name,Mobile\n"Kumar, Ravi",9876543210\n', [["Kumar, Ravi", "9876543210"]]),
    "doubled quotes": (b'Name,Mobile\n"Ravi ""R"" Kumar",9876543210\n', [['Ravi "R" Kumar', "9876543210"]]),
    "quote inside a cell": (b'Name,Mobile\nRavi 5" pipe,9876543210\n', [['Ravi 5" pipe', "9876543210"]]),
    "space before the quote": (b'Name, Mobile\n"Kumar, R", "9876543210"\n', [["Kumar, R", "9876543210"]]),
    "excel text formula": (b'Name,Mobile\nRavi,="9876543210"\n', [["Ravi", '="9876543210"']]),
    "nul bytes": (b"Name,Mobile\nRa\0vi,98765\x0043210\n" + b"Asha,9123456780\n", [RAVI, ASHA]),
    "short rows": (b"Mobile,Name,City\n9876543210\n9123456780,Asha\n", [["9876543210"], ["9123456780", "Asha"]]),
    "long rows": (b"Name,Mobile\nRavi,9876543210,x\n", [["Ravi", "9876543210", "x"]]),
    "only cells, no values": (b"Name,Mobile\n,\nRavi,9876543210\n", [["", ""], RAVI]),
    "no header": (b"Ravi,9876543210\nAsha,9123456780\n", [RAVI, ASHA]),
    "no header, one column": (b"9876543210\n+91 91234 56780\n", [["9876543210"], ["+91 91234 56780"]]),
    "no header, scientific": (b"Ravi,9.19877E+11\n", [["Ravi", "9.19877E+11"]]),
    "one column": (b"Mobile\n9876543210\n", [["9876543210"]]),
    "ctrl-z at the end": (TWO.encode() + b"\x1a", [RAVI, ASHA, ["\x1a"]]),
    "a heading that begins as an image does": (b"BM name,Mobile\nRavi,9876543210\n", [RAVI]),
}  # fmt: skip


def read(content: bytes) -> tuple[reading.Shape, list[reading.Row]]:
    file = io.BytesIO(content)
    shape = reading.look(file)
    assert reading.check(file, shape) == len(list(reading.rows(file, shape)))
    return shape, list(reading.rows(file, shape))


@pytest.mark.parametrize(("content", "expected"), READABLE.values(), ids=READABLE.keys())
def test_a_file_as_people_export_it_is_read(content: bytes, expected: list[list[str]]) -> None:
    _, rows = read(content)
    assert [row.cells for row in rows] == expected


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("Mobile,City,City\n9876543210,a,b\n", ("Mobile", "City", "City 2")),
        ("Mobile,,\n9876543210,a,b\n", ("Mobile", "Column 2", "Column 3")),
        ("Mobile,,,\n9876543210,,,\n", ("Mobile",)),
        ("Mobile\n9876543210,Pune\n", ("Mobile", "Column 2")),
        ("Ravi,9876543210\n", ("Column 1", "Column 2")),
        (" Mobile  No ,Name\n9876543210,Ravi\n", ("Mobile No", "Name")),
        ("Mobile,Due 20-11-2026\n9876543210,5\n", ("Mobile", "Due 20-11-2026")),
        ("Mobile,Column 3,\n9876543210,a,b\n", ("Mobile", "Column 3", "Column 3 2")),
    ],
)  # fmt: skip
def test_every_column_gets_a_name_of_its_own(header: str, names: tuple[str, ...]) -> None:
    shape, _ = read(header.encode())
    assert shape.header == names


def test_a_row_says_the_line_at_which_an_editor_shows_it() -> None:
    _, rows = read(b'sep=,\nMobile,Name\n\n9876543210,"Ravi\nKumar"\n9123456780,Asha\n')
    assert [row.line for row in rows] == [4, 6]


def test_a_cell_above_the_cap_makes_its_row_useless_and_no_other() -> None:
    _, rows = read(b"Mobile,Name\n9876543210," + b"x" * 10_001 + b"\n9123456780,Asha\n")
    assert [bool(row.problem) for row in rows] == [True, False]


def test_a_cell_that_no_csv_reader_takes_makes_its_row_useless_and_no_other() -> None:
    _, rows = read(b"Mobile,Name\n9876543210," + b"x" * 200_000 + b"\n9123456780,Asha\n")
    assert [(row.line, bool(row.problem)) for row in rows] == [(2, True), (3, False)]


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    peaks = []
    for count in (50_000, 150_000):
        path = tmp_path / f"{count}.csv"
        path.write_text(NAMES + "".join(f"Person {place},{9_000_000_000 + place}\n" for place in range(count)))
        with path.open("rb") as file:
            shape = reading.look(file)
            tracemalloc.start()
            assert reading.check(file, shape) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 < 16_000_000, peaks


def workbook() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return target.getvalue()


@pytest.mark.parametrize("encoding", sorted(reading.ENCODINGS))
def test_a_legacy_file_is_read_in_the_encoding_that_was_asked_for(encoding: str) -> None:
    letters = {"cp1251": "Иван", "cp1253": "Άννα", "cp1255": "דנה", "cp1256": "علي", "cp874": "สมชาย", "big5": "陳"}
    letters |= {"shift_jis": "田中", "gb18030": "王", "euc_kr": "김", "cp1254": "Işıl", "cp1250": "Łucja"}
    name = letters.get(encoding, "José")
    file = io.BytesIO(f"Name,Mobile\n{name},9876543210\n".encode(encoding))
    shape = reading.look(file, encoding)
    assert [row.cells for row in reading.rows(file, shape)] == [[name, "9876543210"]]


def test_a_byte_order_mark_knows_better_than_whoever_asks() -> None:
    file = io.BytesIO("Name,Mobile\nJosé,9876543210\n".encode("utf-8-sig"))
    shape = reading.look(file, "cp1252")
    assert (shape.encoding, shape.header) == ("utf-8-sig", ("Name", "Mobile"))
    assert [row.cells for row in reading.rows(file, shape)] == [["José", "9876543210"]]


@pytest.mark.parametrize("encoding", ["base64", "klingon", "unicode_escape"])
def test_an_encoding_that_nobody_offers_is_refused(encoding: str) -> None:
    with pytest.raises(NotACsv, match="no encoding"):
        reading.look(io.BytesIO(TWO.encode()), encoding)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_the_same_wherever_a_block_of_the_file_ends(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'Name,Mobile{end}"Ravi{end}Kumar",9876543210{end}{end}Asha,9123456780{end}'
    monkeypatch.setattr(records, "BLOCK", len(text))
    _, whole = read(text.encode())
    for block in range(1, 20):
        monkeypatch.setattr(records, "BLOCK", block)
        assert read(text.encode())[1] == whole


REFUSED: dict[str, tuple[bytes, str]] = {
    "xlsx": (workbook(), "Excel workbook"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Excel workbook"),
    "pdf": (b"%PDF-1.7\n1 0 obj", "PDF"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(64), "image"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(64), "image"),
    "gif": (b"GIF89a" + bytes(64), "image"),
    "gzip": (b"\x1f\x8b\x08" + bytes(64), "compressed"),
    "html named xls": (b"<html><table><tr><td>Mobile</td></tr></table>", "web page"),
    "xml": (b"<?xml version='1.0'?><Workbook/>", "web page or XML"),
    "json": (b'[{"mobile": "9876543210"}]', "JSON"),
    "rtf": (b"{\\rtf1 Mobile", "RTF"),
    "empty zip": (b"PK\x05\x06" + bytes(18), "empty zip"),
    "bzip2": (b"BZh91AY&SY" + bytes(64), "compressed"),
    "xz": (b"\xfd7zXZ\x00" + bytes(64), "compressed"),
    "zstd": (b"\x28\xb5\x2f\xfd" + bytes(64), "compressed"),
    "parquet": (b"PAR1" + bytes(64), "Parquet"),
    "vcard": (b"BEGIN:VCARD\nVERSION:3.0\nTEL:9876543210\n", "vCard"),
    "elf": (b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 8, "not a text file"),
    "nothing": (b"", "empty"),
    "blank lines only": (b"\n\r\n  \n", "empty"),
    "empty cells first": (b'" "\n" "\n' + b",\n" * 200 + b"Name,Mobile\n", "rows of empty cells"),
    "bom only": (b"\xef\xbb\xbf", "empty"),
    "header only": (b"Name,Mobile\n", "no rows"),
    "sep line and header only": (b"sep=;\nName;Mobile\n", "no rows"),
    "sep line only": (b"sep=;\n", "no rows"),
    "quote left open in the last row": (b'Name,Mobile\n"Ravi,9876543210\n', "line 2"),
    "quote left open in the first of many": (
        b'Name,Mobile\n"Ravi,9876543210\n' + b"Asha,9123456780\n" * 5_000,
        "line 2",
    ),
    "stray quotes far apart": (
        b"Name,Mobile\n" + b'"Ravi,9876543210\n' + b"Asha,9123456780\n" * 300 + b'"Om",9876500000\n',
        "line 2",
    ),
    "a quote left open in a last line without end": (b'Name,Mobile\nRavi,"9876543210', "line 2"),
    "one endless line": (b"Mobile," + b"9" * 1_100_000, "characters"),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_a_file_that_is_no_csv_is_refused_in_words(content: bytes, words: str) -> None:
    with pytest.raises(NotACsv) as refused:
        read(content)
    assert words in refused.value.reason
    assert refused.value.reason.endswith(".")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("heading", [b"a", b""])
def test_a_file_of_half_a_million_columns_is_refused_at_once(heading: bytes) -> None:
    with pytest.raises(NotACsv, match="450,000 columns; at most 1,000"):
        read(b",".join([heading] * 449_999) + b",Mobile\n" + b",".join([b"1"] * 450_000) + b"\n")


def test_many_columns_of_one_name_are_told_apart() -> None:
    shape = reading.look(io.BytesIO(b",".join([b"Mobile"] * 1_000) + b"\n" + b",".join([b"1"] * 1_000)))
    assert (len(set(shape.header)), shape.header[:3], shape.header[-1]) == (
        1000,
        ("Mobile", "Mobile 2", "Mobile 3"),
        "Mobile 1000",
    )


def test_a_row_of_more_cells_than_can_be_read_is_useless_even_if_they_are_blank() -> None:
    wide = b"," * records.MOST_COLUMNS
    _, rows = read(b'Mobile,Name\n9876543210,Ravi\n9876543211,"Asha"' + wide + b"\n9876543212" + wide + b"\n")
    assert [(row.line, "cells" in row.problem) for row in rows] == [(2, False), (3, True), (4, True)]
    assert max(len(row.cells) for row in rows) == records.MOST_COLUMNS


@given(text=st.text('a,"\n\r ', max_size=40), block=st.integers(1, 50))
def test_records_cut_a_block_at_once_are_those_gone_through_one_by_one(text: str, block: int) -> None:
    def cut() -> list[Row] | str:
        try:
            lines = Lines(io.BytesIO(text.encode()), "utf-8")
            return [row for batch in in_batches(lines, ",") for row in batch.rows()]
        except NotACsv as refused:
            return refused.reason

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records, "BLOCK", block)
        found = cut()
        patch.setattr(records, "_at_once", lambda *_: None)
        assert cut() == found
        if not isinstance(found, str):
            assert records.count(Lines(io.BytesIO(text.encode()), "utf-8"), ",") == len(found)
