"""Numbers with known fates, and the seeded fates of all others."""

from collections import Counter
from pathlib import Path

import pytest

from campaigns.exotel.capacity import too_many_calls
from dialer.simulator.exchange import Placed, Refused
from dialer.simulator.fates import ORDINARY, TABLE, fate_of
from tests.simulator.clock import Clock

PROMISED = [
    *("00", "01", "02", "03", "09", "10", "11", "12", "13", "14", "20", "21", "22"),
    *("30", "31", "32", "33", "34", "40", "41", "42", "43", "44", "45", "46", "47"),
    *("50", "51", "52", "53", "60", "61", "62", "63", "64", "65"),
    *("70", "71", "72", "73", "74", "75", "76", "77"),
]
DOCUMENT = Path(__file__).parents[2] / "docs" / "simulator.md"


def test_the_table_holds_every_promised_fate() -> None:
    assert sorted(TABLE) == PROMISED


def test_the_document_prints_the_table_word_for_word() -> None:
    text = DOCUMENT.read_text()
    for fate in TABLE.values():
        assert f"| {fate.code} | {fate.meaning} |" in text


@pytest.mark.parametrize("code", PROMISED)
@pytest.mark.parametrize("spelling", ["+91 90000 {}123", "+9190000{}123", "090000{}123", "90000{}123"])
def test_a_known_number_has_its_fate_in_every_spelling(code: str, spelling: str) -> None:
    clock = Clock()
    taken = clock.take(spelling.format(code))
    assert isinstance(taken, Placed | Refused)
    assert isinstance(taken, Refused) == (TABLE[code].refusal is not None)
    if isinstance(taken, Placed):
        assert taken.call.fate.code == code


@pytest.mark.parametrize(
    ("code", "status"),
    [("13", 403), ("14", 400), ("42", 503), ("60", 401), ("61", 402), ("62", 403), ("63", 409), ("64", 404)],
)
def test_a_refused_number_makes_no_call(code: str, status: int) -> None:
    clock = Clock()
    for _ in range(2):
        taken = clock.take(f"+9190000{code}001")
        assert isinstance(taken, Refused)
        assert taken.refusal.status == status
    assert clock.exchange.calls == {}
    assert [entry["status"] for entry in clock.ledger().of("refused")] == [status, status]


def test_the_ndnc_refusal_names_the_number_and_the_law() -> None:
    taken = Clock().take("+919000013001")
    assert isinstance(taken, Refused)
    assert taken.refusal.message.startswith("Call to [09000013001] can not be made because of TRAI NDNC regulations.")


def test_the_throttled_number_is_refused_once_and_then_answers() -> None:
    clock = Clock()
    first = clock.take("+919000045001")
    assert isinstance(first, Refused)
    assert (first.refusal.status, first.refusal.retry_after) == (429, 5)
    assert isinstance(clock.take("+919000045001"), Placed)
    assert isinstance(clock.take("+919000045002"), Refused)


def test_the_number_that_finds_no_room_is_refused_once_in_words_that_say_so_and_then_answers() -> None:
    clock = Clock()
    first = clock.take("+919000065001")
    assert isinstance(first, Refused)
    assert too_many_calls(first.refusal.status, first.refusal.message, explicit=True)
    assert isinstance(clock.take("+919000065001"), Placed)


def test_ordinary_numbers_share_out_their_fates() -> None:
    drawn = Counter(fate_of(f"09{n:09d}", 1, 1).code for n in range(810_000_000, 810_004_000))
    for code, percent in ORDINARY.items():
        assert abs(drawn[code] / 40 - percent) < 3


def test_a_fate_depends_on_seed_number_and_try_only() -> None:
    numbers = [f"09810{n:06d}" for n in range(300)]
    forwards = {number: fate_of(number, 7, 1) for number in numbers}
    backwards = {number: fate_of(number, 7, 1) for number in reversed(numbers)}
    assert forwards == backwards
    assert forwards != {number: fate_of(number, 8, 1) for number in numbers}
    assert forwards != {number: fate_of(number, 7, 2) for number in numbers}
