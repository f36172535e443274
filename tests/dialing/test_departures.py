"""A request leaves at its turn by the database's clock, whatever the clocks of the two machines show."""

import itertools
import random
import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.departures import LATELY, LONGEST_LINE, Departure, Departures
from campaigns.pacing import AHEAD

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
late = st.lists(st.floats(0, 0.05), min_size=1, max_size=200)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


@given(late, st.floats(-1e6, 1e6))
def test_requests_leave_as_evenly_as_they_were_granted_however_unevenly_the_answers_come(
    delays: list[float], differ: float
) -> None:
    departures = Departures()
    departures.moment(at(0), looked_at=at(0), heard=differ)  # one answer that came at once
    for number, delay in enumerate(delays[: LATELY - 1], 1):
        looked_at, turn = number * 0.06, number * 0.06 + AHEAD.total_seconds()
        leaves = departures.moment(at(turn), looked_at=at(looked_at), heard=looked_at + differ + delay)
        assert abs(leaves - (turn + differ)) < 1e-4


@given(late, st.floats(-7200, 7200))
def test_nobody_waits_longer_than_the_grant_was_ahead_though_a_clock_is_set(delays: list[float], jump: float) -> None:
    departures = Departures()
    for number, delay in enumerate(delays):
        looked_at = number * 0.1 + (jump if number > len(delays) / 2 else 0)
        heard = number * 0.1 + delay
        leaves = departures.moment(at(looked_at) + AHEAD, looked_at=at(looked_at), heard=heard)
        assert leaves <= heard + AHEAD.total_seconds()


def test_a_clock_that_was_set_back_is_believed_after_a_while() -> None:
    departures = Departures()
    for number in range(2 * LATELY):
        looked_at, heard = number * 0.1 - (3600 if number >= LATELY else 0), number * 0.1
        leaves = departures.moment(at(looked_at) + AHEAD, looked_at=at(looked_at), heard=heard)
        if number >= LATELY:
            waits = AHEAD.total_seconds() if number == 2 * LATELY - 1 else -3600
            assert abs(leaves - heard - waits) < 0.1


def test_those_who_are_late_together_leave_one_after_the_other() -> None:
    departures = Departures()
    before = time.monotonic()
    passed = [departures.gate({"account": 0.001, "campaign 1": 0.005}).opens() for _ in range(10)]
    assert passed[0] >= before
    assert all(later - earlier >= 0.0049 for earlier, later in itertools.pairwise(passed))


def test_threads_at_the_gate_get_an_instant_each() -> None:
    departures, passed = Departures(), []
    threads = [
        threading.Thread(target=lambda: passed.append(departures.gate({"account": 0.002}).opens())) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    in_order = sorted(passed)
    assert all(later - earlier >= 0.0019 for earlier, later in itertools.pairwise(in_order))


def test_two_campaigns_keep_the_accounts_pace_together_and_each_its_own() -> None:
    departures = Departures()
    first, second, third = (
        departures.gate({"account": 0.002, name: 0.02}).opens() for name in ("campaign 1", "campaign 2", "campaign 1")
    )
    assert second - first >= 0.0019
    assert third - first >= 0.0199


def test_nobody_waits_long_at_the_gate_of_a_slow_pace() -> None:
    departures = Departures()
    departures.gate({"account": 10.0}).opens()
    assert departures.gate({"account": 10.0}).opens() <= time.monotonic() + LONGEST_LINE.total_seconds()


def test_a_request_keeps_its_instant_while_it_waits_for_it() -> None:
    departures = Departures()
    departures.gate({"account": 10.0}).opens()
    gate = departures.gate({"account": 10.0})
    assert gate.opens() == gate.opens()


def test_who_waited_at_the_gate_of_a_process_that_stood_still_leaves_one_after_the_other() -> None:
    departures = Departures()
    gates = [departures.gate({"account": 0.005}) for _ in range(8)]
    planned = [gate.opens() for gate in gates]
    time.sleep(max(planned) + 0.01 - time.monotonic())  # nobody was woken: the process had no core
    random.shuffle(gates)
    passed = [gate.opens() for gate in gates]
    assert passed[0] > max(planned)
    assert all(later - earlier >= 0.0049 for earlier, later in itertools.pairwise(passed))


def passed(gate: Departure) -> None:
    """Wait at the gate until it lets the request through."""
    while (early := gate.opens() - time.monotonic()) > 0:
        time.sleep(early)


def test_who_stood_still_just_as_it_left_counts_in_the_second_in_which_it_really_left() -> None:
    departures, a_second = Departures(), 50
    gates = [departures.gate({"campaign 1": 1 / a_second}) for _ in range(a_second + 2)]
    for gate in gates[:10]:
        passed(gate)
    time.sleep(0.2)  # they were let through, and the process stands still before their first bytes
    for gate in gates[:10]:
        gate.left()
    for gate in gates[10:]:
        passed(gate)
        gate.left()
    assert gates[10].left_at - gates[9].left_at < 0.1  # they keep nobody waiting at once
    assert gates[-1].left_at - gates[0].left_at >= 1.0


@pytest.mark.parametrize("pace", [1, 2.5, 3, 40, 200, 249, 300])
def test_as_many_as_the_pace_and_one_may_leave_in_a_second_and_not_one_more(
    monkeypatch: pytest.MonkeyPatch, pace: float
) -> None:
    monkeypatch.setattr("campaigns.departures.LONGEST_LINE", timedelta(seconds=10))
    departures = Departures()
    gates = [departures.gate({"campaign 1": 1 / pace}) for _ in range(int(pace) + 2)]
    for gate in gates:
        departures._last.clear()  # no step between them: what is counted alone
        gate.at = time.monotonic()
        gate.opens()
    first = gates[0].left_at
    assert [gate.at - first < 1.0 for gate in gates] == [True] * (int(pace) + 1) + [False]


def test_paces_that_nobody_keeps_any_more_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.departures.FORGOTTEN", 0.0)
    departures = Departures()
    for number in range(50):
        departures.gate({"account": 0.0001, f"campaign {number}": 0.0001}).opens()
        time.sleep(0.0005)
    assert len(departures._last) == len(departures._lately) < 25


def test_an_account_that_rested_begins_with_another_campaign() -> None:
    departures = Departures()
    departures.gate({"account": 0.0001, "campaign 1": 0.0001}).opens()
    time.sleep(0.01)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("campaigns.departures.FORGOTTEN", 0.005)
        departures.gate({"account": 0.0001, "campaign 2": 0.0001}).opens()
    assert set(departures._last) == {"account", "campaign 2"}


def test_the_line_is_as_long_as_the_last_one_in_it_waits() -> None:
    departures = Departures()
    assert departures.line("account") < 0
    last = max(departures.gate({"account": 0.02}).opens() for _ in range(5))
    longest = last - time.monotonic()
    line = departures.line("account")
    assert last - time.monotonic() <= line <= longest
