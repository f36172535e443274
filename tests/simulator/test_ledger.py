"""The ledger file and what can be read from it."""

from pathlib import Path

import pytest

from dialer.simulator.ledger import LedgerFile, collect, entries, read
from tests.simulator.clock import START, Clock


def test_a_torn_line_is_left_out_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "ledger.jsonl"
    file = LedgerFile(path)
    file.write({"event": "started", "at": 1.0})
    file.close()
    with path.open("a") as torn:
        torn.write('{"event":"acc')
    again = LedgerFile(path)
    again.write({"event": "started", "at": 2.0})
    again.close()
    assert [entry["at"] for entry in entries(path)] == [1.0, 2.0]


def test_a_missing_ledger_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none.jsonl").calls == {}


@pytest.fixture
def clock() -> Clock:
    """Three calls to one number, of which two overlap; one to another with the same CustomField."""
    made = Clock()
    made.connect("+919000022001", TimeLimit="20", CustomField="a")
    made.run(5)
    made.connect("+919000022001", TimeLimit="20", CustomField="b")
    made.run(60)
    made.connect("+919000022001", TimeLimit="20", CustomField="c")
    made.connect("+919000010002", CustomField="c")
    return made


def test_doubles_and_overlaps_are_found(clock: Clock) -> None:
    book = clock.ledger()
    assert {number: len(calls) for number, calls in book.doubles().items()} == {"09000022001": 3}
    assert [(one.custom_field, two.custom_field) for one, two in book.overlaps()] == [("a", "b")]
    assert list(book.doubled_custom_fields()) == ["c"]
    assert [call.custom_field for call in book.by_number("+919000022001")] == ["a", "b", "c"]


def test_the_busiest_second_and_the_most_open_calls_are_counted(clock: Clock) -> None:
    assert clock.ledger().most_accepted_in(1.0) == 2
    assert clock.ledger().most_accepted_in(6.0) == 2
    assert clock.ledger().most_accepted_in(100.0) == 4
    assert clock.ledger().most_open() == 2


def test_a_window_is_half_open() -> None:
    accepted = {"event": "accepted", "custom_field": None, "from": "1"}
    book = collect([accepted | {"sid": str(n), "received_at": START + n} for n in range(3)])
    assert book.most_accepted_in(1.0) == 1
    assert book.most_accepted_in(1.1) == 2
