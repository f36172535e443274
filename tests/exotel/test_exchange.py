"""The gate before the first byte, without the client around it."""

import threading
import time

import httpx
import pytest

from campaigns.exotel.exchange import Exchange, Gate, NoReply, Reply
from tests.exotel.wire import FarSide, Line, far_side, http


@pytest.fixture(scope="module")
def client() -> httpx.Client:
    return httpx.Client(limits=httpx.Limits(max_keepalive_connections=0), trust_env=False)


def request_to(client: httpx.Client, side: FarSide) -> httpx.Request:
    return client.build_request("POST", side.url, content=b"one=1")


def test_a_connection_that_stands_too_late_carries_not_one_byte(client: httpx.Client) -> None:
    with far_side(http(200, b"{}")) as side:
        exchange = Exchange(client, request_to(client, side), not_after=time.monotonic() - 0.001).start()
        result = exchange.wait(time.monotonic() + 5)
    assert isinstance(result, NoReply)
    assert (result.sent, result.reason) == (False, "the connection stood too late, nothing was sent")
    assert result.ours
    assert side.requests in ([], [b""])


def test_a_far_side_that_never_got_the_chance_to_take_the_connection_is_not_to_blame(client: httpx.Client) -> None:
    with far_side(http(200, b"{}")) as side:
        exchange = Exchange(client, request_to(client, side), not_after=time.monotonic() + 0.5)  # its thread never ran
        assert exchange.withhold()
    assert exchange.too_late()


def test_a_process_that_was_frozen_past_the_time_to_send_does_not_blame_the_far_side(client: httpx.Client) -> None:
    with FarSide(lambda line: line.hold(5)) as side:
        request = client.build_request("POST", side.url.replace("http:", "https:"))
        exchange = Exchange(client, request, not_after=time.monotonic() + 0.25).start()
        assert exchange.wait(time.monotonic() + 0.25) is None
        blamed = not exchange.too_late()
        assert exchange.wait(time.monotonic() + 0.15) is None  # as long as the freeze
        assert exchange.too_late()
        exchange.cut()
    assert blamed


def test_who_waited_at_the_gate_asks_it_again_and_leaves_at_the_last_instant_it_gave(client: httpx.Client) -> None:
    instants = [time.monotonic() + 0.05, time.monotonic() + 0.15, 0.0]
    asked: list[float] = []
    told: list[float] = []

    class Slow(Gate):
        def opens(self) -> float:
            asked.append(time.monotonic())
            return instants.pop(0)

        def left(self) -> None:
            told.append(time.monotonic())

    with far_side(http(200, b"{}")) as side:
        result = Exchange(client, request_to(client, side), gate=Slow()).start().wait(time.monotonic() + 5)
    assert isinstance(result, Reply)
    assert len(asked) == 3
    assert asked[2] - asked[0] >= 0.1
    assert len(told) == 1
    assert told[0] >= asked[2]


def test_what_was_withheld_before_it_left_never_leaves(client: httpx.Client) -> None:
    with far_side(http(200, b"{}")) as side:
        exchange = Exchange(client, request_to(client, side))
        assert exchange.withhold()
        result = exchange.start().wait(time.monotonic() + 5)
    assert isinstance(result, NoReply)
    assert not result.sent
    assert side.requests in ([], [b""])


def test_what_has_left_cannot_be_withheld(client: httpx.Client) -> None:
    came = threading.Event()

    def script(line: Line) -> None:
        side.answering(line)
        came.set()
        line.hold(0.1)
        line.say(http(200, b"{}"))

    with FarSide(script) as side:
        exchange = Exchange(client, request_to(client, side)).start()
        assert came.wait(5)
        assert not exchange.withhold()
        assert isinstance(exchange.wait(time.monotonic() + 5), Reply)


def test_what_is_left_behind_is_cut_at_its_end(client: httpx.Client) -> None:
    told: list[Reply | NoReply] = []
    ended = threading.Event()

    def on_late(result: Reply | NoReply) -> None:
        told.append(result)
        ended.set()

    def script(line: Line) -> None:
        line.read_request()
        line.drip(http(200, b"{}"), 0.05)

    with FarSide(script) as side:
        exchange = Exchange(client, request_to(client, side)).start()
        assert exchange.leave(on_late, until=time.monotonic() + 0.3) is None
        assert ended.wait(2)
    assert isinstance(told[0], NoReply)
    assert told[0].sent


def test_the_end_is_told_exactly_once_whether_waited_for_or_left(client: httpx.Client) -> None:
    for pause in (0.0, 0.0005, 0.001, 0.002, 0.004) * 6:
        told: list[Reply | NoReply] = []
        ended = threading.Event()

        def on_late(result: Reply | NoReply, told: list[Reply | NoReply] = told) -> None:
            told.append(result)

        with far_side(http(200, b"{}")) as side:
            exchange = Exchange(client, request_to(client, side), on_end=ended.set).start()
            time.sleep(pause)
            result = exchange.leave(on_late, until=time.monotonic() + 5)
            assert ended.wait(5)
            deadline = time.monotonic() + 2
            while not told and result is None and time.monotonic() < deadline:
                time.sleep(0.001)
        assert len(told) + (result is not None) == 1
