"""Never more than the pace and one in any sliding second, whenever it is asked and whatever happens to the clock."""

import bisect
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from campaigns import pacing
from campaigns.models import ExotelAccount
from tests import people

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
rates = st.sampled_from([0.2, 0.9, 1, 2.7, 3, 10, 54, 1000])
gaps = st.lists(
    st.one_of(st.just(0.0), st.floats(0, 0.02), st.floats(0, 1.5), st.sampled_from([3.0, 60.0, 3600.0])), max_size=150
)


def granted(rate: float, asked: list[datetime], start: datetime = NOON) -> list[datetime]:
    """When the dials leave that are granted at the instants `asked`."""
    step, next_at, found = timedelta(seconds=1 / rate), start, []
    for now in asked:
        if (turn := pacing.turn(next_at, now, step)) <= now + pacing.AHEAD:
            found.append(max(turn, now))
            next_at = pacing.advance(next_at, now, step)
    return found


def most_in_a_second(instants: list[datetime]) -> int:
    return most_within(instants, SECOND)


def most_within(instants: list[datetime], span: timedelta) -> int:
    return max((bisect.bisect_right(instants, first + span) - at for at, first in enumerate(instants)), default=0)


def asked_after(gap_seconds: list[float], start: datetime = NOON) -> list[datetime]:
    asked = [start]
    for gap in gap_seconds:
        asked.append(asked[-1] + timedelta(seconds=gap))
    return asked


@given(rates, gaps)
@example(3, [0.01] * 150)
@example(10, [3600.0] + [0.0] * 100)
@example(1, [0.9] * 100)
def test_no_sliding_second_holds_more_than_the_pace_and_one(rate: float, gap_seconds: list[float]) -> None:
    assert most_in_a_second(granted(rate, asked_after(gap_seconds))) <= int(rate) + 1


@given(rates, gaps, st.floats(0, 7200))
def test_idle_time_earns_no_burst(rate: float, gap_seconds: list[float], idle: float) -> None:
    later = NOON + timedelta(seconds=idle)
    at_once = granted(rate, [later] * 100)
    assert len(at_once) == 1 + int(pacing.AHEAD.total_seconds() * rate)
    assert most_within(at_once, SECOND / rate * 0.99) == 1
    assert most_in_a_second(granted(rate, asked_after(gap_seconds, later))) <= int(rate) + 1


@settings(deadline=None)  # 20,000 looks: long on a busy machine
@given(rates)
def test_a_loop_that_asks_often_enough_gets_its_whole_pace(rate: float) -> None:
    asked = [NOON + timedelta(milliseconds=number) for number in range(20_000)]
    assert len(granted(rate, asked)) >= int(20 * min(rate, 900))


@given(rates, st.sampled_from([1.0, 60.0, 119.0, 3600.0, 86_400.0]))
def test_a_clock_that_is_set_back_neither_bursts_nor_stops_dialling(rate: float, back: float) -> None:
    before = [NOON + timedelta(milliseconds=10 * number) for number in range(100)]
    wait = 121 + 2 / rate
    after = [NOON + timedelta(seconds=1 - back + wait * part / 2000) for part in range(2001)]
    step, next_at = timedelta(seconds=1 / rate), NOON
    for now in before:
        if pacing.turn(next_at, now, step) <= now + pacing.AHEAD:
            next_at = pacing.advance(next_at, now, step)
    again = granted(rate, after, next_at)
    assert again
    assert most_in_a_second(again) <= int(rate) + 1


def test_nine_tenths_of_the_requests_may_be_dials() -> None:
    account = ExotelAccount(calls_per_minute=200)
    assert pacing.dial_step(account) == timedelta(seconds=60 / 180)
    assert abs(pacing.details_step(account) - timedelta(seconds=60 / 18)) < timedelta(milliseconds=1)


@given(st.integers(20, 3_000), st.floats(0, 60))
@settings(deadline=None)
def test_dials_and_questions_together_never_pass_the_accounts_limit_in_any_minute(limit: int, apart: float) -> None:
    """Both as fast as they may, two minutes long, however they lie to each other."""
    account = ExotelAccount(calls_per_minute=limit)
    dials = every(pacing.dial_step(account), NOON)
    questions = every(pacing.details_step(account), NOON + timedelta(seconds=apart))
    assert most_within(sorted(dials + questions), timedelta(minutes=1)) <= limit


def every(step: timedelta, first: datetime) -> list[datetime]:
    """Requests that are each granted as soon as may be, the first after a rest."""
    found, next_at = [first], pacing.advance(first, first, step)
    while next_at < first + timedelta(minutes=2):
        found.append(next_at)
        next_at = pacing.advance(next_at, next_at, step)
    return found


@pytest.mark.parametrize("per_second", [3, 10, 50, 200, 999])
def test_requests_on_their_way_may_overtake_their_pace_a_little_and_no_second_holds_more_than_one_too_many(
    per_second: int,
) -> None:
    """The first of a second left late, those after it at once."""
    step = pacing.step(per_second)
    late = min(timedelta(milliseconds=50), (SECOND * 1.005 - (per_second - 1) * SECOND / per_second) / 2.1)
    left = every(step, NOON)
    arrived = sorted([left[0] + late, *left[1:]])
    assert most_within(arrived, SECOND) <= per_second + 1
    assert SECOND / step >= 0.99 * per_second


@pytest.mark.django_db
def test_questions_about_calls_take_turns_of_their_own_and_wait_while_the_account_backs_off() -> None:
    account = people.account(calls_per_minute=60)
    assert [pacing.take_details_turn(account) for _ in range(3)] == [True, False, False]
    pacer = people.pacer(account)
    pacer.next_details_at = pacing.db_now() - SECOND
    pacer.backoff_until = pacing.db_now() + SECOND
    pacer.save()
    assert not pacing.take_details_turn(account)
    assert people.pacer(account).next_dial_at < pacing.db_now()
