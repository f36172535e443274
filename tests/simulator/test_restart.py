"""After kill -9 the calls go on from the ledger or end properly, and stay known."""

import pytest

from tests.simulator.clock import Clock


def test_a_ringing_call_rings_on() -> None:
    clock = Clock()
    sid = clock.connect("+919000011001", TimeOut="30").sid
    clock.run(10)
    later = clock.restarted()
    later.run(25)
    call = later.exchange.calls[sid]
    assert (call.status, call.duration) == ("no-answer", 30)
    assert later.told() == ["terminal"]


def test_a_call_that_would_have_been_answered_meanwhile_is_answered_after_it() -> None:
    clock = Clock()
    sid = clock.connect("+919000000001").sid
    clock.run(1)
    clock.now += 100
    later = clock.restarted()
    later.run(0)
    assert later.streams == [sid]
    assert later.exchange.calls[sid].answered_at == later.now


def test_a_call_whose_stream_died_with_the_process_ends_as_completed() -> None:
    clock = Clock()
    sid = clock.connect("+919000022001").sid
    clock.run(30)
    later = clock.restarted()
    later.run(1)
    assert later.exchange.calls[sid].status == "completed"
    assert later.told() == ["terminal"]
    assert later.streams == []


def test_a_flow_call_goes_on_to_its_end() -> None:
    clock = Clock()
    sid = clock.connect("+919000000001", StreamUrl="", Url="http://my.exotel.com/simulated/exoml/start_voice/1").sid
    clock.run(8)
    later = clock.restarted()
    later.run(20)
    assert later.exchange.calls[sid].status == "completed"


def test_a_callback_that_nobody_got_is_sent_again() -> None:
    clock = Clock(callback_status=None)
    clock.connect("+919000010001")
    clock.run(20)
    later = clock.restarted()
    later.callback_status = 200
    later.run(1)
    assert [(delivery.event, delivery.attempt) for _, delivery in later.delivered] == [("terminal", 2)]


def test_what_was_told_is_not_told_again() -> None:
    clock = Clock()
    sid = clock.connect("+919000022001", TimeLimit="5").sid
    clock.run(30)
    later = clock.restarted()
    later.run(2000)
    assert later.told() == []
    assert later.exchange.calls[sid].status == "completed"


@pytest.mark.parametrize("seconds", [0, 1, 4, 6, 9, 20, 70])
def test_a_restart_at_any_moment_ends_every_call_once(seconds: int) -> None:
    clock = Clock()
    for n in range(40):
        clock.connect(f"+9198100{n:05d}", TimeLimit="15")
    clock.run(seconds)
    later = clock.restarted()
    later.run(200)
    assert all(not call.open for call in later.exchange.calls.values())
    assert len(later.ledger().of("ended")) == 40


def test_the_try_count_goes_on() -> None:
    clock = Clock()
    clock.take("+919000045001")
    first = clock.connect("+919000045001")
    later = clock.restarted()
    second = later.connect("+919000045001")
    assert (first.ordinal, second.ordinal) == (1, 2)
    assert first.sid != second.sid
