"""How figures, times, numbers and states are written."""

from datetime import UTC, datetime
from decimal import Decimal
from types import ModuleType

import pytest
from django.template import defaultfilters, defaulttags, loader_tags
from hypothesis import given
from hypothesis import strategies as st

from campaigns.templatetags import dialer
from campaigns.templatetags.dialer import NARROWEST, shares

DJANGOS_OWN = (defaulttags, loader_tags, defaultfilters)
MOMENT = datetime(2026, 11, 20, 3, 42, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "written"),
    [(0, "0"), (999, "999"), (1000, "1,000"), (104500, "1,04,500"), (418204, "4,18,204"), (12345678, "1,23,45,678"),
     (-1200, "−1,200"), (None, "–")],
)  # fmt: skip
def test_numbers_are_grouped_as_in_india(number: int | None, written: str) -> None:
    assert dialer.grouped(number) == written


@given(st.integers())
def test_grouping_changes_no_digit(number: int) -> None:
    assert int(dialer.grouped(number).replace(",", "").replace("−", "-")) == number


@pytest.mark.parametrize(
    ("number", "masked"),
    [("+919000000012", "+91 90000 ••12"), ("+6561234567", "+65 612 ••67"), ("100", "••00"), ("", ""), (None, "")],
)
def test_a_number_is_masked_but_for_its_last_two_digits(number: str | None, masked: str) -> None:
    assert dialer.phone(number).replace("\xa0", " ") == masked


@pytest.mark.parametrize("library", DJANGOS_OWN)
def test_no_word_of_ours_hides_one_of_djangos(library: ModuleType) -> None:
    """Ours are known to every template, Django's own (the admin's) among them: a tag `now` broke ADMIN=1."""
    ours = {*dialer.register.tags, *dialer.register.filters}
    assert not ours & {*library.register.tags, *library.register.filters}


def test_times_carry_their_zone() -> None:
    assert (dialer.clock(MOMENT), dialer.stamp(MOMENT)) == ("09:12 IST", "20 Nov 2026, 09:12 IST")


@pytest.mark.parametrize(("seconds", "written"), [(84, "1:24"), (3723, "1:02:03"), (5.4, "0:05"), (None, "–")])
def test_a_call_lasts_minutes_and_seconds(seconds: float | None, written: str) -> None:
    assert dialer.duration(seconds) == written


@pytest.mark.parametrize(
    ("seconds", "written"), [(45, "45 s"), (1560, "26 min"), (11880, "3 h 18 min"), (7200, "2 h"), (200_000, "2 days")]
)
def test_a_wait_is_told_in_its_largest_units(seconds: float, written: str) -> None:
    assert dialer.span(seconds) == written


def test_shares_and_money_are_written_as_designed() -> None:
    assert (dialer.percent(516, 1000), dialer.percent(1, 0), dialer.percent(4, 4)) == ("51.6 %", "–", "100 %")
    assert (dialer.rupees(104500), dialer.rupees(Decimal("0.9"))) == ("₹1,04,500", "₹0.90")


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=8))
def test_parts_of_a_bar_fill_it_and_none_is_lost(counts: list[int]) -> None:
    drawn = shares(counts)
    if sum(counts):
        assert sum(width for _, width in drawn) == pytest.approx(100)
    assert all(width >= NARROWEST - 1e-9 for count, (_, width) in zip(counts, drawn, strict=True) if count)
    assert all(width == 0 for count, (_, width) in zip(counts, drawn, strict=True) if not count)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Call to [09000013293] can not be made", "Call to [••93] can not be made"),
        ("+919000013293 refused twice, 403", "••93 refused twice, 403"),
        ("sid 7f3a12c9000000000000001ab of 20261120", "sid 7f3a12c9000000000000001ab of 20261120"),
    ],
)
def test_a_number_in_the_carriers_words_is_masked_too(said: str, shown: str) -> None:
    assert dialer.without_numbers(said) == shown
