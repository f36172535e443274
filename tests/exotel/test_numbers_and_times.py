"""Exotel's spellings of numbers and times."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.exotel.numbers import canonical, national, same_number, spell_exophone
from campaigns.exotel.times import read_time, spell_time

ASHA = "+919800000001"


@pytest.mark.parametrize(
    "spelled",
    ["09800000001", "9800000001", "919800000001", "00919800000001", "+91 98000 00001", " 098000-00001"],
)
def test_one_number_in_each_of_its_spellings_is_the_same(spelled: str) -> None:
    assert same_number(spelled, ASHA)
    assert same_number(ASHA, spelled)


@pytest.mark.parametrize("other", ["", "0", "anonymous", "09800000002", "+19800000001", "٠٩٨٠٠٠٠٠٠٠١"])
def test_another_number_or_none_is_not_the_same(other: str) -> None:
    assert not same_number(other, ASHA)
    assert not same_number(other, other) or canonical(other)


def test_a_foreign_number_is_matched_by_its_country_too() -> None:
    assert same_number("+14155550100", "0014155550100")
    assert not same_number("+14155550100", "+914155550100")


@pytest.mark.parametrize("spelled", ["+918040000000", "08040000000", "8040000000", "080 4000 0000"])
def test_an_exophone_is_sent_with_0_and_its_std_code(spelled: str) -> None:
    assert spell_exophone(spelled) == "08040000000"


def test_a_foreign_exophone_keeps_its_country_and_nonsense_stays_as_it_is() -> None:
    assert spell_exophone("+65 6123 4567") == "+6561234567"
    assert spell_exophone("EXO") == "EXO"


@settings(deadline=None)
@given(st.from_regex(r"\+91[6-9][0-9]{9}", fullmatch=True))
def test_the_national_spelling_leads_back_to_the_number(number: str) -> None:
    assert canonical(national(number)) == number


@settings(deadline=None)
@given(st.text())
def test_no_text_breaks_the_comparison(text: str) -> None:
    assert same_number(text, text) == bool(canonical(text))


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-07 15:51:06",
        "Tue, 07 Jan 2025 15:51:06",
        "2025-01-07T15:51:06+05:30",
        "2025-01-07T10:21:06Z",
        " 2025-01-07 15:51:06 ",
    ],
)
def test_each_way_of_printing_a_time_is_read_as_the_same_moment(text: str) -> None:
    assert read_time(text) == datetime(2025, 1, 7, 10, 21, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", [None, "", "1970-01-01 05:30:00", "0000-00-00 00:00:00", "0001-01-01 00:00:00", "soon"]
)
def test_a_time_that_was_never_set_is_none(text: str | None) -> None:
    assert read_time(text) is None


def test_an_account_elsewhere_reads_its_own_zone() -> None:
    singapore = ZoneInfo("Asia/Singapore")
    assert read_time("2025-01-07 18:21:06", singapore) == datetime(2025, 1, 7, 10, 21, 6, tzinfo=UTC)


def test_a_filter_is_spelled_in_the_accounts_zone_without_a_t() -> None:
    assert spell_time(datetime(2025, 1, 7, 20, 0, 0, tzinfo=UTC)) == "2025-01-08 01:30:00"


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_a_time(text: str) -> None:
    moment = read_time(text)
    assert moment is None or moment.tzinfo is UTC
