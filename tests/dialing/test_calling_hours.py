"""Nobody is called at night: whatever the zone, the window, and whatever was done to the clock that day."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.calling_hours import CEILINGS, NEVER, SAFETY, Window, ceiling, hours, hours_everywhere, narrowed, within

ZONES = (
    "Asia/Kolkata",
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",  # its clock moves by half an hour
    "America/Havana",  # its clock moves at midnight
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "UTC",
)
# Nights on which a clock of one of them was moved, and a plain day.
NIGHTS = (
    date(2026, 3, 8),
    date(2026, 11, 1),
    date(2026, 3, 29),
    date(2026, 10, 25),
    date(2026, 4, 5),
    date(2026, 10, 4),
    date(2026, 7, 1),
)
zones = st.sampled_from(ZONES).map(ZoneInfo)
wall_clock = st.builds(time, st.integers(0, 23), st.sampled_from([0, 1, 15, 30, 59]))
windows = st.builds(Window, wall_clock, wall_clock).filter(lambda window: not window.all_day)
instants = st.builds(
    lambda night, seconds: datetime.combine(night, time(), UTC) + timedelta(seconds=seconds),
    st.sampled_from(NIGHTS),
    st.integers(-2 * 86_400, 2 * 86_400),
)
ring_timeouts = st.sampled_from([5, 30, 45, 60, 300])
limits = st.sampled_from([Window(*limit) for limit in CEILINGS.values()])


def inside(instant: datetime, window: Window, zone: ZoneInfo) -> bool:
    """What a person with a clock on the wall would say; the end itself is outside."""
    wall = instant.astimezone(zone).time()
    if window.all_day:
        return True
    if window.start < window.end:
        return window.start <= wall < window.end
    return wall >= window.start or wall < window.end


def margin(ring_timeout: int) -> timedelta:
    return timedelta(seconds=ring_timeout) + SAFETY


@given(instants, windows, zones, ring_timeouts)
def test_open_means_that_the_persons_own_clock_stands_inside_the_window_until_the_phone_has_stopped_ringing(
    now: datetime, window: Window, zone: ZoneInfo, ring_timeout: int
) -> None:
    if hours(now, window, zone, ring_timeout).open:
        assert inside(now, window, zone)
        assert inside(now + timedelta(seconds=ring_timeout), window, zone)


@given(instants, windows, zones, ring_timeouts)
def test_closed_means_that_the_window_ends_before_the_phone_would_have_stopped_ringing(
    now: datetime, window: Window, zone: ZoneInfo, ring_timeout: int
) -> None:
    found = hours(now, window, zone, ring_timeout)
    ringing = [now + margin(ring_timeout) * part / 20 for part in range(21)]
    if not found.open and (found.opens_at is None or found.opens_at > ringing[-1]):
        assert not all(inside(moment, window, zone) for moment in ringing)


@given(instants, windows, zones, ring_timeouts)
@example(datetime(2026, 3, 8, 4, 0, tzinfo=UTC), Window(time(2, 30), time(12)), ZoneInfo("America/New_York"), 45)
@example(datetime(2026, 11, 1, 4, 0, tzinfo=UTC), Window(time(1, 30), time(12)), ZoneInfo("America/New_York"), 45)
def test_the_next_opening_is_open_and_nothing_before_it_is(
    now: datetime, window: Window, zone: ZoneInfo, ring_timeout: int
) -> None:
    found = hours(now, window, zone, ring_timeout)
    if found.open or found.opens_at is None:
        return
    assert found.opens_at > now
    assert hours(found.opens_at, window, zone, ring_timeout).open
    assert not hours(found.opens_at - timedelta(seconds=1), window, zone, ring_timeout).open
    wait = found.opens_at - now
    assert not any(hours(now + wait * part / 40, window, zone, ring_timeout).open for part in range(40))


@given(instants, windows, zones, ring_timeouts)
def test_the_last_call_is_open_and_the_second_after_it_is_not(
    now: datetime, window: Window, zone: ZoneInfo, ring_timeout: int
) -> None:
    found = hours(now, window, zone, ring_timeout)
    if not found.open:
        return
    assert found.last_call is not None
    assert now <= found.last_call
    assert hours(found.last_call, window, zone, ring_timeout).open
    after = hours(found.last_call + timedelta(seconds=1), window, zone, ring_timeout)
    # Only a window of almost 24 hours over midnight opens again before this one has ended.
    assert not after.open or (after.last_call or now) > found.last_call + timedelta(hours=20)


@given(windows, zones, ring_timeouts, st.sampled_from(NIGHTS))
def test_a_window_longer_than_the_margin_opens_within_two_days(
    window: Window, zone: ZoneInfo, ring_timeout: int, night: date
) -> None:
    now = datetime.combine(night, time(), UTC)
    length = (datetime.combine(night, window.end) - datetime.combine(night, window.start)) % timedelta(days=1)
    found = hours(now, window, zone, ring_timeout)
    if length > margin(ring_timeout) + timedelta(hours=1):
        assert found.open or (found.opens_at is not None and found.opens_at - now < timedelta(days=2))


@given(windows | st.just(Window(time(), time())), limits, zones, instants, ring_timeouts)
def test_a_window_is_narrowed_to_hours_that_both_it_and_the_law_have(
    window: Window, limit: Window, zone: ZoneInfo, now: datetime, ring_timeout: int
) -> None:
    left = narrowed(window, limit)
    if hours(now, left, zone, ring_timeout).open:
        assert inside(now, window, zone)
        assert inside(now, limit, zone)
    assert left.shut or within(left, limit)


@given(limits, wall_clock, wall_clock)
def test_a_window_inside_the_law_is_left_as_it_is(limit: Window, one: time, other: time) -> None:
    window = Window(one, other)
    if within(window, limit):
        assert narrowed(window, limit) == window


def test_a_window_without_an_hour_that_the_law_allows_never_opens() -> None:
    left = narrowed(Window(time(5), time(8)), Window(time(9), time(21)))
    assert left == NEVER
    found = hours(datetime(2026, 7, 1, 12, tzinfo=UTC), left, ZoneInfo("Asia/Kolkata"), 45)
    assert (found.open, found.opens_at, str(left)) == (False, None, "never")


def test_a_window_over_midnight_keeps_the_longer_part_that_the_law_allows() -> None:
    assert narrowed(Window(time(18), time(10)), Window(time(9), time(21))) == Window(time(18), time(21))


@pytest.mark.parametrize(("purpose", "early", "late"), [("promotional", 9, 21), ("recovery", 8, 19)])
def test_a_purpose_has_its_ceiling_and_a_simulator_has_none(purpose: str, early: int, late: int) -> None:
    assert ceiling(purpose, simulated=False) == Window(time(early), time(late))
    assert ceiling(purpose, simulated=True).all_day


def test_the_last_call_of_an_indian_day_leaves_time_to_ring() -> None:
    window, zone = Window(time(9), time(21)), ZoneInfo("Asia/Kolkata")
    evening = datetime(2026, 7, 1, 20, 59, 5, tzinfo=zone)
    assert hours(evening, window, zone, 45).open
    closed = hours(evening + timedelta(seconds=1), window, zone, 45)
    assert (closed.open, closed.opens_at) == (False, datetime(2026, 7, 2, 9, tzinfo=zone))


def test_an_hour_that_comes_twice_is_open_twice_and_shut_where_the_clock_has_left_the_window() -> None:
    """New York, 1 November 2026: 01:00-02:00 comes twice, 05:00 and 06:00 UTC."""
    window, zone = Window(time(1, 30), time(1, 50)), ZoneInfo("America/New_York")
    opens = [hours(datetime(2026, 11, 1, 5, minute, tzinfo=UTC), window, zone, 5) for minute in (29, 31, 55)]
    assert [found.open for found in opens] == [False, True, False]
    assert opens[2].opens_at == datetime(2026, 11, 1, 6, 30, tzinfo=UTC)


def test_a_start_that_the_clock_jumps_over_is_the_first_instant_after_the_gap() -> None:
    """London, 29 March 2026: 01:00 becomes 02:00 at 01:00 UTC. Lord Howe, 4 October: 02:00 becomes 02:30."""
    london = hours(
        datetime(2026, 3, 29, 0, 59, tzinfo=UTC), Window(time(1, 30), time(6)), ZoneInfo("Europe/London"), 45
    )
    assert london.opens_at == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    zone = ZoneInfo("Australia/Lord_Howe")
    lord_howe = hours(datetime(2026, 10, 3, 15, 0, tzinfo=UTC), Window(time(2, 10), time(6)), zone, 45)
    assert lord_howe.opens_at == datetime(2026, 10, 3, 15, 30, tzinfo=UTC)


@given(instants, windows, st.lists(zones, min_size=1, max_size=3), ring_timeouts)
def test_who_may_be_in_any_of_several_zones_is_called_only_while_it_is_open_in_all(
    now: datetime, window: Window, several: list[ZoneInfo], ring_timeout: int
) -> None:
    found = hours_everywhere(now, window, several, ring_timeout)
    assert found.open == all(hours(now, window, zone, ring_timeout).open for zone in several)
    if found.opens_at is not None:
        assert found.opens_at > now
        assert all(hours(found.opens_at, window, zone, ring_timeout).open for zone in several)
        assert not hours_everywhere(found.opens_at - timedelta(seconds=1), window, several, ring_timeout).open


def test_a_country_too_wide_for_the_window_is_never_open() -> None:
    ends = [ZoneInfo("Europe/Kaliningrad"), ZoneInfo("Asia/Kamchatka")]
    found = hours_everywhere(datetime(2026, 7, 1, tzinfo=UTC), Window(time(10), time(18)), ends, 45)
    assert (found.open, found.opens_at) == (False, None)


def test_all_day_is_open_at_any_instant() -> None:
    assert hours(datetime(2026, 7, 1, 21, tzinfo=UTC), Window(time(), time()), ZoneInfo("Asia/Kolkata"), 45).open
