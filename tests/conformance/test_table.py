"""No statement of the seeds without code and a test that is run: docs/exotel.md, held to what it says."""

import re
import sys

import pytest

from tests.conformance import table
from tests.conformance.table import Row

TEXT = table.TABLE.read_text(encoding="utf-8")
ROWS = table.read(TEXT)
GOOD = Row(1, "says", ("S1",), ("campaigns/exotel/payloads.py:form",), (), "as written")
A_TEST = "tests/exotel/test_payloads.py::test_a_bot_call_is_spelled_as_the_wire_wants_it"


@pytest.mark.parametrize("row", ROWS, ids=[str(row.number) for row in ROWS])
def test_the_statement_has_its_place_in_the_code_and_a_test_that_is_run(row: Row) -> None:
    assert list(table.faults(row)) == []


def test_rows_are_numbered_without_a_gap() -> None:
    assert [row.number for row in ROWS] == list(range(1, len(ROWS) + 1))


def test_every_seed_is_in_the_table_and_only_the_legs_api_is_left_for_later() -> None:
    assert {seed for row in ROWS for seed in row.seeds} == set(table.SEEDS)
    assert all("S3" in row.seeds for row in ROWS if row.later)
    assert len([row for row in ROWS if not row.later]) > 100


def test_the_page_prints_the_counts_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert table.main([]) == 0
    counted = capsys.readouterr().out.strip()
    assert counted == table.summary(ROWS)
    with capsys.disabled():
        sys.stdout.write(f"\n{counted}\n")
    assert counted in TEXT


@pytest.mark.parametrize(
    ("code", "tests", "words"),
    [
        ((), (A_TEST,), "no place"),
        (("campaigns/exotel/payloads.py:nothing",), (A_TEST,), "there is no campaigns/exotel/payloads.py:nothing"),
        (("campaigns/nothing.py:form",), (A_TEST,), "there is no campaigns/nothing.py:form"),
        (GOOD.code, (), "no test"),
        (GOOD.code, ("tests/exotel/test_payloads.py::test_nothing",), "there is no test"),
        (GOOD.code, ("tests/exotel/wire.py::serve",), "there is no tests/exotel/wire.py"),
        (GOOD.code, ("campaigns/exotel/payloads.py::form",), "there is no campaigns"),
        (("docs/simulator.md#no-such-heading",), (A_TEST,), "there is no docs/simulator.md#no-such-heading"),
    ],
)
def test_a_row_without_proof_is_told(code: tuple[str, ...], tests: tuple[str, ...], words: str) -> None:
    found = list(table.faults(Row(1, "says", ("S1",), code, tests, "")))
    assert len(found) == 1
    assert words in found[0]


def test_a_row_of_later_needs_no_proof_and_a_good_one_has_no_fault() -> None:
    assert list(table.faults(Row(1, "says", ("S3",), (), (), "later"))) == []
    assert list(table.faults(Row(1, "says", ("S1",), ("campaigns/exotel/payloads.py:form",), (A_TEST,), ""))) == []
    assert list(table.faults(Row(1, "says", ("S9",), GOOD.code, (A_TEST,), ""))) != []


def test_a_cell_too_few_is_told_with_the_rows_number() -> None:
    with pytest.raises(ValueError, match="row 7 has 5 cells"):
        table.read("| 7 | says | S1 | `a` | `b` |")


def test_the_page_names_no_place_of_this_machine() -> None:
    assert not re.search(r"(^|[\s`(])/(work|tmp|home|root)/", TEXT)
