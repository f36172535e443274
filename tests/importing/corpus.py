"""Files as they really arrive, each named by a sentence, with what must become of its rows; made here, not stored.

Those that hold no list at all, with the words of their refusal, stand in corpus_refused.
"""

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.importing.corpus_cells import REJECTED, REPAIRED
from tests.importing.test_workbooks import sheet_xml, with_part, with_texts, workbook


@dataclass(frozen=True)
class Case:
    """A file and its fate. `reasons` are words of the rejections, in the order of the file; `''` = any."""

    content: bytes
    imported: int
    duplicates: int = 0
    rejected: int = 0
    reasons: tuple[str, ...] = ()
    encoding: str = ""
    delimiter: str = ""
    region: str = "IN"

    @property
    def rows(self) -> int:
        return self.imported + self.duplicates + self.rejected


TWO = "Name,Mobile\nRavi,9876543210\nAsha,9123456780\n"
HINDI = "नाम,मोबाइल\nकविता,9876543210\nरमेश,9123456780\n"
LATIN = "Name,Mobile\nJosé,9876543210\nZoë,9123456780\n"
MIXED = "Name,Mobile,City\nRavi,9876543210,Pune\nAsha,12345,Pune\nRavi K,+91 98765-43210,Pune\nOm,9.19877E+11,Pune\n"
HEAD = "Name,Mobile\n"
_DELIMITERS = {"commas": ",", "semicolons": ";", "tabs": "\t", "pipes": "|"}
_MIXED_REASONS = ("Too short", "Excel shortened")
_ENCODINGS: dict[str, tuple[Callable[[str], bytes], str]] = {
    "UTF-8": (str.encode, "utf-8"),
    "UTF-8 with BOM": (lambda text: codecs.BOM_UTF8 + text.encode(), "utf-8-sig"),
    "UTF-16 LE with BOM": (lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"), "utf-16"),
    "UTF-16 BE with BOM": (lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"), "utf-16"),
    "UTF-16 LE": (lambda text: text.encode("utf-16-le"), "utf-16-le"),
    "UTF-16 BE": (lambda text: text.encode("utf-16-be"), "utf-16-be"),
    "UTF-32 with BOM": (lambda text: text.encode("utf-32"), "utf-32"),
}


def _written() -> Iterator[tuple[str, Case]]:
    for encoding, (encode, name) in _ENCODINGS.items():
        for words, delimiter in _DELIMITERS.items():
            content = encode(MIXED.replace(",", delimiter))
            yield f"{encoding} cut by {words}", Case(content, 1, 1, 2, _MIXED_REASONS, name, delimiter)
        yield f"Hindi in {encoding}", Case(encode(HINDI), 2, encoding=name, delimiter=",")
    yield "cp1252", Case(LATIN.encode("cp1252"), 2, encoding="cp1252")
    yield "cp1252 cut by semicolons", Case(LATIN.replace(",", ";").encode("cp1252"), 2, 0, 0, (), "cp1252", ";")
    yield "Western Mac", Case(LATIN.replace("\n", "\r").encode("mac_roman"), 2, encoding="mac_roman")
    yield "UTF-8 with a damaged byte", Case(HINDI.encode() + b"X\xff,9000000001\n", 3, encoding="utf-8")
    yield "UTF-8 that breaks off inside a letter", Case(f"{HINDI}क".encode()[:-1], 2, 0, 1, ("",), "utf-8")
    yield (
        "a late letter of cp1252",
        Case(HEAD.encode() + b"Ravi,9876543210\n" * 9_000 + b"Jos\xe9,9123456780\n", 2, 8_999, encoding="cp1252"),
    )
    for words, delimiter in _DELIMITERS.items():
        text = f"sep={delimiter}\n" + TWO.replace(",", delimiter)
        yield f"a sep line and {words}", Case(text.encode(), 2, delimiter=delimiter)
    yield "a sep line against what the rows look like", Case(b"sep=;\nName;Mobile\nRao, R, Dr;9876543210\n", 1)


def _lines() -> Iterator[tuple[str, Case]]:
    for words, end in {"LF": "\n", "CRLF": "\r\n", "CR": "\r", "CR CR LF": "\r\r\n"}.items():
        yield f"lines that end in {words}", Case(TWO.replace("\n", end).encode(), 2)
        yield f"{words}, and none at the end", Case(TWO.strip().replace("\n", end).encode(), 2)
        quoted = f'Name,Mobile{end}"Ravi{end}Kumar",9876543210{end}'
        yield f"{words} inside of a cell", Case(quoted.encode(), 1)
    yield "all ends of lines mixed", Case(b"Name,Mobile\r\nRavi,9876543210\nAsha,9123456780\rOm,9000000001", 3)
    yield "blank lines everywhere", Case(b"\n\n\nName,Mobile\n\n\r\nRavi,9876543210\n\n\n", 1)
    yield "a line of blanks only", Case(f"{TWO}   \n".encode(), 2, 0, 1, ("empty",))
    yield (
        "rows of empty cells at the end, as Excel leaves them",
        Case(f"{TWO},\n,\n,\n".encode(), 2, 0, 3, ("empty",) * 3),
    )
    yield "Ctrl-Z at the end, as DOS left it", Case(TWO.encode() + b"\x1a", 2, 0, 1, ("",))
    yield "line and paragraph separators in a cell", Case("Name,Mobile\nRavi\u2028K\u2029,9876543210\n".encode(), 1)
    yield "vertical tabs and form feeds", Case(b"Name,Mobile\nRavi\x0bK\x0c,9876543210\n", 1)
    yield "next-line characters", Case("Name,Mobile\nRavi\x85K,9876543210\n".encode(), 1)


def _quoted() -> Iterator[tuple[str, Case]]:
    rows: dict[str, tuple[str, int]] = {
        "all cells quoted": ('"Ravi","9876543210"\n', 1),
        "a comma in quotes": ('"Kumar, Ravi",9876543210\n', 1),
        "doubled quotes": ('"Ravi ""R"" Kumar",9876543210\n', 1),
        "quotes inside of a bare cell": ('Ravi "R" Kumar,9876543210\n', 1),
        "an inch mark": ('Ravi 5" pipe,9876543210\n', 1),
        "a quote behind a quoted cell": ('"Ravi"K,9876543210\n', 1),
        "blanks before the quotes": ('"Kumar, R", "9876543210"\n', 1),
        "blanks behind the quotes": ('"Kumar, R" ,"9876543210" \n', 1),
        "single quotes": ("'Ravi','9876543210'\n", 1),
        "curly quotes": ("“Ravi”,“9876543210”\n", 1),
        "Excel's text formula": ('Ravi,="9876543210"\n', 1),
        "Excel's text formula in quotes": ('Ravi,"=""9876543210"""\n', 1),
        "ten lines in a cell": ('"' + "Ravi\n" * 10 + '",9876543210\n', 1),
        "a hundred lines in a cell": ('"' + "Ravi\n" * 100 + '",9876543210\n', 1),
        "an empty quoted name": ('"",9876543210\n', 1),
        "backslashes": ("Ravi\\,9876543210\n", 1),
        "a formula that would run": ("=cmd|' /C calc'!A0,9876543210\n", 1),
    }
    for words, (row, people) in rows.items():
        yield words, Case((HEAD + row).encode(), people)


def _headed() -> Iterator[tuple[str, Case]]:
    yield "no header", Case(b"Ravi,9876543210\nAsha,9123456780\n", 2)
    yield "no header, numbers only", Case(b"9876543210\n9123456780\n", 2)
    yield "no header, one number", Case(b"9876543210", 1)
    yield "no header, with plus and blanks", Case(b"+91 98765 43210\n+91 91234 56780\n", 2)
    yield "no header, the first is no number", Case(b"Ravi,9.19877E+11\nAsha,9123456780\n", 1, 0, 1, ("Excel",))
    yield "two columns of one name", Case(b"Mobile,City,City\n9876543210,a,b\n", 1)
    yield "two phone columns of one name", Case(b"Mobile,Mobile\n9876543210,9123456780\n", 1)
    yield "empty headings", Case(b"Mobile,,\n9876543210,a,b\n", 1)
    yield "a heading for the phone only", Case(b"Mobile\n9876543210,Pune,x\n", 1)
    yield "headings without cells below", Case(b"Mobile,Name,,,,\n9876543210\n", 1)
    yield "a heading of two lines", Case(b'"Mobile\nNumber",Name\n9876543210,Ravi\n', 1)
    yield "a heading of 500 letters", Case(b"Mobile," + b"x" * 500 + b"\n9876543210,a\n", 1)
    yield "Hindi headings", Case(HINDI.encode(), 2)
    yield "headings in capitals with dots", Case(b"SL.NO.,CUST. NAME,MOB. NO.\n1,RAVI,9876543210\n", 1)
    yield "headings in camel case", Case(b"custName,mobileNo\nRavi,9876543210\n", 1)
    yield "a thousand columns", Case(_wide(1_000), 1)
    yield "a byte order mark inside", Case("Name,\ufeffMobile\nRavi,\ufeff9876543210\n".encode(), 1)
    yield "the header once more in the middle", Case((TWO + HEAD).encode(), 2, 0, 1, ("Letters",))
    yield (
        "our own rejects back again",
        Case('Name,Mobile,Dialer line,Dialer reason\nRavi,9876543210,3,"Too short"\n'.encode("utf-8-sig"), 1),
    )


def _wide(columns: int) -> bytes:
    return b",".join([b"c"] * (columns - 1)) + b",Mobile\n" + b",".join([b"1"] * (columns - 1)) + b",9876543210\n"


def _ragged() -> Iterator[tuple[str, Case]]:
    yield "rows too short", Case(b"Mobile,Name,City\n9876543210\n9123456780,Asha\n", 2)
    yield "a row without the phone", Case(b"Name,Mobile\nRavi\nAsha,9123456780\n", 1, 0, 1, ("No number",))
    yield "a row with a cell too many", Case(f"{TWO}Om,9000000001,x\n".encode(), 2, 0, 1, ("3 cells",))
    yield "a row with empty cells too many", Case(f"{TWO}Om,9000000001,,,\n".encode(), 3)
    yield "a total below the rows", Case(f"{TWO}Total,2\n".encode(), 2, 0, 1, ("",))
    yield "a remark below the rows", Case(f"{TWO}Made by the branch on 20-11-2026\n".encode(), 2, 0, 1, ("No number",))
    yield "a cell above the cap", Case(HEAD.encode() + b"x" * 10_001 + b",9876543210\n", 0, 0, 1, ("10,000",))
    yield "a cell at the cap", Case(HEAD.encode() + b"x" * 10_000 + b",9876543210\n", 1)
    yield "a cell no CSV reader takes", Case((TWO + "x" * 200_000 + ",9000000001\n").encode(), 2, 0, 1, ("10,000",))
    yield (
        "a quote before half a million letters",
        Case((TWO + '"' + "x" * 500_000 + "\n").encode(), 2, 0, 1, ("10,000",)),
    )
    yield "a phone of 5,000 digits", Case((TWO + "Om," + "9" * 5_000 + "\n").encode(), 2, 0, 1, ("A long text",))
    yield "a name of 5,000 letters", Case((HEAD + "O" * 5_000 + ",9876543210\n").encode(), 1)
    yield "NUL bytes in cells", Case(b"Name,Mobile\nRa\0vi,98765\x0043210\nAsha,9123456780\n", 2)
    yield (
        "one byte of each control",
        Case(HEAD.encode() + b"Ravi \x01\x02\x1f K,9876543210\n" + b"x,9123456780\n" * 40, 2, 39),
    )
    yield "emoji and flags", Case("Name,Mobile\n👩🏽‍🚀🇮🇳,9876543210\n".encode(), 1)
    yield "names from right to left", Case("Name,Mobile\n\u202eعلي\u202c,9876543210\n".encode(), 1)
    yield "letters with forty accents", Case(("Name,Mobile\nR" + "\u0301" * 40 + "avi,9876543210\n").encode(), 1)
    yield "a name that PostgreSQL might take for its own", Case(b"Name,Mobile\n\\N,9876543210\n\\.,9123456780\n", 2)
    yield "a name that a statement might end with", Case(b"Name,Mobile\n'); DROP TABLE x;--,9876543210\n", 1)
    yield "a name like a template", Case(b"Name,Mobile\n{{ name }} {amount} %s <script>,9876543210\n", 1)


def _repeated() -> Iterator[tuple[str, Case]]:
    yield "the same number thrice", Case((HEAD + "Ravi,9876543210\n" * 3).encode(), 1, 2)
    yield "the same number spelt six ways", Case(
        (HEAD + "".join(f"R,{n}\n" for n in ("9876543210", "09876543210", "919876543210", "+91 98765 43210",
                                             "0091-98765-43210", "'9876543210"))).encode(), 1, 5,
    )  # fmt: skip
    yield "the same number in two scripts", Case("Name,Mobile\nR,9876543210\nK,९८७६५४३२१०\n".encode(), 1, 1)
    yield (
        "nobody but bad rows",
        Case((HEAD + "Ravi,12\nAsha,\nOm,abc\n").encode(), 0, 0, 3, ("", "No number", "Letters")),
    )
    yield "ten thousand of one number", Case((HEAD + "Ravi,9876543210\n" * 10_000).encode(), 1, 9_999)
    yield (
        "a list of Singapore",
        Case(b"Name,Mobile\nTan,8123 4567\nLim,+65 9123 4567\nX,98765 43210\n", 2, 0, 1, (), "", "", "SG"),
    )
    yield "a list of the United States", Case(b"Name,Mobile\nAnn,(212) 555-2368\nBob,1-212-555-2369\n", 2, region="US")


def _sheets() -> Iterator[tuple[str, Case]]:
    yield "a workbook", Case(workbook([["Name", "Mobile"], ["Ravi", 9876543210], ["Asha", "12"]]), 1, 0, 1, ("",))
    yield (
        "a workbook with floats",
        Case(workbook([["Name", "Mobile"], ["Ravi", 919876543210.0], ["Om", 9.12345678e9]]), 2),
    )
    yield "a workbook whose second sheet holds the list", Case(workbook([], [["Mobile"], ["9876543210"]]), 1)
    yield "a workbook with blank rows", Case(workbook([[], ["Mobile"], [], [9876543210], [], ["98765 43210"]]), 1, 1)
    yield "a workbook with line breaks in cells", Case(workbook([["Name", "Mobile"], ["Ravi\nK", 9876543210]]), 1)
    yield "a workbook with semicolons in its cells", Case(workbook([["Mobile"], ["9876543210;x"], ["1;2;3"]]), 0, 0, 2)
    yield "a workbook without a header", Case(workbook([["Ravi", 9876543210], ["Asha", 9123456780]]), 2)
    yield "a workbook with columns far apart", Case(workbook([["Mobile", *[None] * 300, "Name"], [9876543210]]), 1)
    yield "a workbook in Hindi", Case(workbook([["नाम", "मोबाइल"], ["कविता", "९८७६५४३२१०"]]), 1)
    yield (
        "a workbook with a formula not yet reckoned",
        Case(workbook([["Mobile", "Name"], ["=A3", "R"], [9876543210, "K"]]), 1, 0, 1, ("No number",)),
    )
    texts = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>Mobile</t></si><si><t>%s</t></si></sst>'
    yield "a workbook with shared texts", Case(with_texts(texts % b"98765 43210"), 2)
    error = sheet_xml(
        '<row r="1"><c r="A1" t="inlineStr"><is><t>Mobile</t></is></c></row>'
        '<row r="2"><c r="A2" t="e"><v>#REF!</v></c></row><row r="3"><c r="A3"><v>9876543210</v></c></row>'
    )
    broken = with_part(workbook([["Mobile"]]), "xl/worksheets/sheet1.xml", error)
    yield "a workbook with Excel's errors", Case(broken, 1, 0, 1, ("",))


def _cells() -> Iterator[tuple[str, Case]]:
    for words, cell in REPAIRED.items():
        yield f"a number with {words}", Case(f'Name,Mobile\nRavi,"{cell}"\nAsha,9123456780\n'.encode(), 2)
    for words, (cell, reason) in REJECTED.items():
        row = f'Name,Mobile\nRavi,"{cell}"\nAsha,9123456780\n'
        yield f"{words} for a number", Case(row.encode(), 1, 0, 1, (reason,))


CORPUS = dict(
    case
    for family in (_written, _lines, _quoted, _headed, _ragged, _repeated, _sheets, _cells)
    for case in family()
)  # fmt: skip
