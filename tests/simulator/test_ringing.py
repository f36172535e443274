"""Calls over time: ringing, TimeOut, TimeLimit, channels, the sliding minute."""

import pytest

from dialer.simulator.options import Options
from tests.simulator.clock import START, Clock


def test_a_call_rings_is_answered_and_opens_its_stream() -> None:
    clock = Clock()
    call = clock.connect("+919000000001")
    assert call.status == "in-progress"
    clock.run(2)
    assert clock.streams == []
    clock.run(8)
    assert clock.streams == [call.sid]
    assert call.answered_at is not None
    assert 3 <= call.answered_at - START <= 9


def test_a_number_that_never_answers_rings_sixty_seconds_by_default() -> None:
    clock = Clock()
    call = clock.connect("+919000011001")
    clock.run(59)
    assert call.open
    clock.run(2)
    assert (call.status, call.duration, call.conversation) == ("no-answer", 60, 0)
    assert call.price == 0.0


def test_ringing_stops_at_the_time_out() -> None:
    clock = Clock()
    unanswered = clock.connect("+919000011001", TimeOut="20")
    impatient = clock.connect("+919000000001", TimeOut="2")
    clock.run(21)
    assert (unanswered.status, unanswered.duration) == ("no-answer", 20)
    assert (impatient.status, impatient.duration) == ("no-answer", 2)
    assert clock.streams == []


def test_the_time_limit_ends_an_answered_call_as_completed() -> None:
    clock = Clock()
    call = clock.connect("+919000022001", TimeLimit="30")
    clock.run(60)
    assert (call.status, call.conversation) == ("completed", 30)
    assert clock.ledger().calls[call.sid].ended is not None


@pytest.mark.parametrize(("code", "status"), [("10", "busy"), ("12", "failed")])
def test_a_call_that_is_not_answered_ends_with_its_status(code: str, status: str) -> None:
    clock = Clock()
    call = clock.connect(f"+9190000{code}001")
    clock.run(10)
    assert call.status == status
    assert clock.told() == ["terminal"]


def test_the_speed_divides_every_carrier_time() -> None:
    clock = Clock(Options(speed=20.0))
    call = clock.connect("+919000011001")
    clock.run(60 / 20 + 0.1)
    assert (call.status, call.duration) == ("no-answer", 60)


def test_outcomes_do_not_depend_on_the_order_of_the_calls() -> None:
    numbers = [f"+9198100{n:05d}" for n in range(40)]
    one, other = Clock(), Clock()
    for number in numbers:
        one.connect(number, TimeLimit="20")
    for number in reversed(numbers):
        other.connect(number, TimeLimit="20")
        other.run(3)
    one.run(200)
    other.run(200)
    assert _outcomes(one) == _outcomes(other)


def _outcomes(clock: Clock) -> set[tuple[str, str, int | None]]:
    return {(call.order.customer, call.status, call.duration) for call in clock.exchange.calls.values()}


def test_a_call_above_the_channels_fails_at_once() -> None:
    clock = Clock(Options(channels=2))
    calls = [clock.connect(f"+919000000{n:03d}") for n in range(3)]
    clock.run(0.01)
    assert [call.status for call in calls] == ["in-progress", "in-progress", "failed"]


def test_an_account_gets_its_requests_a_minute_and_no_more() -> None:
    clock = Clock(Options(calls_per_minute=3))
    assert [clock.exchange.admit(START + n) for n in range(3)] == [None, None, None]
    assert clock.exchange.admit(START + 10) == pytest.approx(50)
    assert clock.exchange.admit(START + 60.5) is None
    assert clock.exchange.admit(START + 60.6) is not None


def test_the_sliding_minute_runs_faster_with_the_speed() -> None:
    clock = Clock(Options(calls_per_minute=1, speed=20.0))
    assert clock.exchange.admit(START) is None
    assert clock.exchange.admit(START + 1) == pytest.approx(2)
    assert clock.exchange.admit(START + 3.1) is None


def test_a_flow_call_is_greeted_and_ends() -> None:
    clock = Clock()
    call = clock.connect("+919000000001", StreamUrl="", Url="http://my.exotel.com/simulated/exoml/start_voice/1")
    clock.run(30)
    assert call.status == "completed"
    assert 4 <= call.conversation <= 9
    assert clock.streams == []


def test_a_bot_that_cannot_be_reached_fails_the_call() -> None:
    clock = Clock()
    call = clock.connect("+919000000001")
    clock.run(9)
    clock.exchange.stream_failed(call.stream_sids[0], "refused", START + 9)
    assert call.status == "failed"
