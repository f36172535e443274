"""A batch read column by column is what its rows are, read one by one: whatever stands in the cells."""

from hypothesis import given
from hypothesis import strategies as st

from campaigns.importing import by_columns, people
from campaigns.importing.by_columns import line_of
from campaigns.importing.options import FLAG, REJECT, Options
from campaigns.importing.people import Columns, Person
from campaigns.importing.records import Batch

HEADER = ("Mobile", "Second", "Name", "City", "Amount", "Due", "Zone", "Language", "Id", 'Consent "\\\t')
PHONES = (
    "9876543210", "+91 98765 43211", "09876543212", "919876543213", "080 2345 6789", "98765-43210", "12", "", " ", "NA",
    "9.19877E+11", "98765 43210 / 98765 43211", "+65 9123 4567", "'+919876543214", "९८७६५४३२१०", "1800 123 4567", "x",
    "+1 415 555 2671", "9876543210 ext 5", "\t9876543210",
)  # fmt: skip
SPECIAL = (
    "Pune", "", " ", "O'Neil", "'=1+1", "''+2", "'-  x", "a\tb", "two  words", "line\nbreak", '"quoted"', "back\\slash",
    "\\N", "\\.", "मुंबई", "ക്\u200dഷ", "a\xa0b", "\x85", "\x1c", "\x7f", "\u2028", "x" * 250, "x " * 120, "\ud800", "'",
)  # fmt: skip
TYPED = (
    "12",
    "1,04,500.50",
    "x",
    "25/11/26",
    "2026-02-30",
    "'-5",
    "1e5",
    "",
    " 7 ",
    "Asia/Kolkata",
    "no",
    "Yes",
    "DND",
)
CELL = st.sampled_from(SPECIAL) | st.sampled_from(TYPED) | st.text(max_size=6)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Rows of cells out of a few, so that there are columns without anything odd; some are short or long."""
    cells = st.sampled_from(draw(st.lists(CELL, min_size=1, max_size=3)))
    common = st.sampled_from(PHONES[:5])
    phone = common | st.sampled_from(PHONES) if draw(st.booleans()) else common
    right = [("12", ""), ("25/11/26", ""), ("Asia/Kolkata", ""), ("en", ""), ("7", ""), ("yes", "")]
    others = [st.sampled_from(each) | cells if draw(st.booleans()) else st.sampled_from(each) for each in right]
    row = st.tuples(phone, phone, cells, cells, *others).map(list)
    uneven = st.builds(lambda row, end, more: row[:end] + more, row, st.integers(1, 12), st.lists(cells, max_size=2))
    return draw(st.lists(row | uneven if draw(st.booleans()) else row, min_size=1, max_size=8))


OPTIONS = st.builds(
    Options,
    other_phones=st.sampled_from([(), ("Second",)]),
    time_zone=st.sampled_from(["", "Zone"]),
    language=st.sampled_from(["", "Language"]),
    external_id=st.sampled_from(["", "Id"]),
    consent=st.sampled_from(["", HEADER[-1]]),
    types=st.sampled_from([{}, {"Amount": "number", "Due": "date"}]),
    only_mobiles=st.booleans(),
    wrong_values=st.sampled_from([FLAG, REJECT]),
)


def one_by_one(batch: Batch, columns: Columns) -> by_columns.Read:
    """What `by_columns.read` must come to."""
    found = by_columns.Read()
    for row in batch.rows():
        one = people.person(row, columns)
        if isinstance(one, Person):
            more = [one] if one.wrong[0] else []
            found.add(
                by_columns.Read([row.line], [row.cells], [one.phone], [one.note], [line_of(one, columns)], more, [])
            )
        else:
            found.bad.append((one, row))
    return found


@given(
    rows=tables(),
    options=OPTIONS,
    region=st.sampled_from(["IN", "US", "SG", "CA"]),
    name=st.sampled_from(["Name", "", "Second"]),
)
def test_a_batch_is_read_as_its_rows_are(rows: list[list[str]], options: Options, region: str, name: str) -> None:
    if name == "Second" and options.other_phones:
        name = ""
    columns = Columns.named(HEADER, "Mobile", name, region, options)
    batch = Batch(range(2, 2 + len(rows)), rows, 0, {0: "A cell is too long"} if len(rows) > 6 else {})
    assert by_columns.read(batch, columns) == one_by_one(batch, columns)
