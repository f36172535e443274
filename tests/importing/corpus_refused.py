"""Files that hold no list, each with words of its refusal."""

from tests.importing import test_reading, test_workbooks

REFUSED = {f"{name}, as a file": case for name, case in test_reading.REFUSED.items() if name != "xlsx"}
REFUSED |= {f"{name}, as an archive": case for name, case in test_workbooks.REFUSED.items()}
REFUSED |= {
    "a thousand columns and one": (b",".join([b"Mobile"] * 1_001) + b"\n" + b",".join([b"1"] * 1_001), "1,001 columns"),
    "a PDF named .csv with text before it is still text": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "PDF"),
    "a web page with blanks before it": (b"\n\n  <!DOCTYPE html><html><body>Mobile</body></html>", "web page"),
    "an Excel 2003 XML sheet": (b'<?xml version="1.0"?>\n<?mso-application progid="Excel.Sheet"?><Workbook/>', "XML"),
    "JSON lines": (b'{"mobile": "9876543210"}\n{"mobile": "9123456780"}\n', "JSON"),
    "random bytes": (bytes((place * 37 + place // 7) % 256 for place in range(4_000)), "not a text file"),
    "zeros": (bytes(4_000), "not a text file"),
    "one zero": (b"\0", "not a text file"),
    "a quote and nothing else": (b'"', "empty cells"),
    "quotes only": (b'Name,Mobile\n"""', "quotation mark"),
}
