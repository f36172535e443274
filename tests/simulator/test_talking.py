"""Whole calls over real sockets: callback out, media both ways, the abrupt end."""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.simulator.clock import Clock
from tests.simulator.conftest import Start, free_port, listening
from tests.simulator.doubles import SPEECH, bot, listen, receiver, speak_and_mark

EVENTS = {"StatusCallbackEvents[0]": "answered", "StatusCallbackEvents[1]": "terminal"}


async def test_a_whole_call_with_a_pressed_key(start: Start) -> None:
    simulator = await start()
    async with bot(speak_and_mark) as far, receiver() as callbacks:
        answer = await simulator.connect(
            "+919000001001", StreamUrl=far.url + "?k=v", StatusCallback=callbacks.url, CustomField="m", **EVENTS
        )
        sid = answer.json()["Call"]["Sid"]
        book = await simulator.until(lambda book: len(book.calls[sid].callbacks) == 2)
    call = book.calls[sid]
    assert far.path == "/ws/token/"
    assert far.headers["User-Agent"] == "Go-http-client/1.1"
    assert far.headers["Authorization"] == "Basic dXNlcjpwYXNz"
    assert not {"Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"} & far.headers.keys()
    assert far.frames[0] == '{"event":"connected"}\n'
    assert far.events()[1]["start"]["custom_parameters"] == {"k": "v"}
    assert far.events()[1]["start"]["call_sid"] == sid
    assert [message["mark"]["name"] for message in far.of("mark")] == ["said"]
    assert [message["dtmf"]["digit"] for message in far.of("dtmf")] == ["1"]
    assert (call.status, call.streams[1]["by"], call.streams[1]["bytes"]) == ("completed", "bot", 16_000)
    assert [entry["digit"] for entry in call.dtmf] == ["1"]
    heads = [head for head, _ in callbacks.posts]
    assert all(head.startswith("POST /callback/?key=1 HTTP/1.1\r\n") for head in heads)
    assert all("User-Agent: Exotel Servers" in head for head in heads)


async def test_media_comes_every_twenty_milliseconds_at_speed_one(start: Start) -> None:
    simulator = await start(speed=1.0, latency=0.0)
    soonest = min((f"+919000020{n:03d}" for n in range(200)), key=lambda number: Clock().connect(number).ring)
    async with bot(listen) as far:
        sid = (await simulator.connect(soonest, StreamUrl=far.url)).json()["Call"]["Sid"]
        await simulator.until(lambda book: book.calls[sid].ended, seconds=14)
        await asyncio.wait_for(far.closed.wait(), 2)
    media = far.of("media")
    assert 70 <= len(media) <= 100
    assert [int(message["media"]["timestamp"]) for message in media[:3]] == [20, 40, 60]
    assert all(len(message["media"]["payload"]) == 428 for message in media)
    assert far.events()[-1]["stop"]["reason"] == "canceled or call ended"
    assert far.close_code == 1006


async def test_the_time_limit_says_stop_and_drops(start: Start) -> None:
    simulator = await start()
    async with bot(listen) as far:
        answer = await simulator.connect("+919000022001", StreamUrl=far.url, TimeLimit="20")
        sid = answer.json()["Call"]["Sid"]
        book = await simulator.until(lambda book: len(book.calls[sid].streams) == 2)
        await asyncio.wait_for(far.closed.wait(), 2)
    assert far.events()[-1]["event"] == "stop"
    assert far.close_code == 1006
    assert (book.calls[sid].status, book.calls[sid].streams[1]["by"]) == ("completed", "carrier")


async def test_a_clear_returns_the_marks_that_wait(start: Start) -> None:
    async def clear(socket: ServerConnection, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            for _ in range(500):  # two seconds of wall time at speed 50
                await socket.send(json.dumps({"event": "media", "media": {"payload": SPEECH}}))
            await socket.send(json.dumps({"event": "mark", "mark": {"name": "late"}}))
            await socket.send(json.dumps({"event": "clear", "streamSid": message["stream_sid"]}))
        if message["event"] == "mark":
            await socket.close()

    simulator = await start()
    async with bot(clear) as far:
        sid = (await simulator.connect("+919000022001", StreamUrl=far.url)).json()["Call"]["Sid"]
        book = await simulator.until(lambda book: book.calls[sid].ended, seconds=1.5)
    assert book.calls[sid].streams[1]["clears"] == 1


async def test_a_one_way_stream_does_not_hear_the_bot_and_ends_with_the_person(start: Start) -> None:
    simulator = await start()
    async with bot(speak_and_mark) as far:
        answer = await simulator.connect("+919000001001", StreamUrl=far.url, StreamType="unidirectional")
        sid = answer.json()["Call"]["Sid"]
        book = await simulator.until(lambda book: len(book.calls[sid].streams) == 2)
        await asyncio.wait_for(far.closed.wait(), 2)
    call = book.calls[sid]
    assert (call.status, call.streams[1]["by"], call.streams[1]["media"]) == ("completed", "person", 0)
    assert {message["event"] for message in far.events()} <= {"connected", "start", "media", "stop"}
    assert call.ended
    assert 4 <= call.ended["conversation"] <= 9


async def test_a_dropped_stream_ends_without_a_stop(start: Start) -> None:
    simulator = await start()
    async with bot(listen) as far:
        sid = (await simulator.connect("+919000050001", StreamUrl=far.url)).json()["Call"]["Sid"]
        await simulator.until(lambda book: book.calls[sid].ended)
        await asyncio.wait_for(far.closed.wait(), 2)
    assert far.of("start")
    assert far.of("stop") == []
    assert far.close_code == 1006


@pytest.mark.parametrize(("code", "close_code"), [("52", 1011), ("53", 1012)])
async def test_a_stream_may_be_closed_with_a_code(start: Start, code: str, close_code: int) -> None:
    simulator = await start()
    async with bot(listen) as far:
        sid = (await simulator.connect(f"+9190000{code}001", StreamUrl=far.url)).json()["Call"]["Sid"]
        book = await simulator.until(lambda book: book.calls[sid].ended)
        await asyncio.wait_for(far.closed.wait(), 2)
    assert far.of("stop") == []
    assert far.close_code == close_code
    closed = book.calls[sid].streams[1]
    assert (closed["by"], closed["code"]) == ("carrier", close_code)


async def test_a_mute_stream_opens_and_never_starts(start: Start) -> None:
    simulator = await start()
    async with bot(listen) as far:
        sid = (await simulator.connect("+919000051001", StreamUrl=far.url)).json()["Call"]["Sid"]
        await simulator.until(lambda book: book.calls[sid].ended)
        await asyncio.wait_for(far.closed.wait(), 2)
    assert [message["event"] for message in far.events()] == ["stop"]


async def test_a_bot_that_is_not_there_fails_the_call(start: Start) -> None:
    simulator = await start()
    answer = await simulator.connect("+919000000001", StreamUrl=f"ws://127.0.0.1:{free_port()}/")
    sid = answer.json()["Call"]["Sid"]
    book = await simulator.until(lambda book: book.calls[sid].ended)
    assert (book.calls[sid].status, book.calls[sid].streams[0]["state"]) == ("failed", "failed")


async def test_the_early_callback_is_there_before_the_answer(start: Start) -> None:
    simulator = await start()
    async with receiver() as callbacks:
        await simulator.connect("+919000032001", StatusCallback=callbacks.url)
        assert len(callbacks.posts) == 1


async def test_credentials_in_a_callback_address_become_basic_auth(start: Start) -> None:
    simulator = await start()
    async with receiver() as callbacks:
        url = callbacks.url.replace("http://", "http://user:pass@")
        await simulator.connect("+919000032001", StatusCallback=url)
    assert "Authorization: Basic dXNlcjpwYXNz" in callbacks.posts[0][0]


async def test_a_refused_callback_is_sent_again(start: Start) -> None:
    simulator = await start(speed=1000.0)
    async with receiver() as callbacks:
        callbacks.status = 500
        await simulator.connect("+919000010001", StatusCallback=callbacks.url)
        book = await simulator.until(lambda book: len(book.of("callback")) == 3)
    assert [entry["attempt"] for entry in book.of("callback")] == [1, 2, 3]


async def test_after_kill_nine_the_call_goes_on_and_is_told(tmp_path: Path) -> None:
    port, ledger = free_port(), tmp_path / "ledger.jsonl"
    async with receiver() as callbacks:
        async with process(port, ledger) as first, listening(port) as simulator:
            answer = await simulator.connect("+919000011001", StatusCallback=callbacks.url)
            first.kill()
        assert callbacks.posts == []
        async with process(port, ledger), listening(port) as simulator:
            book = await simulator.until_ledger(ledger, lambda book: book.of("callback"))
            known = (await simulator.client.get(answer.json()["Call"]["Uri"])).json()["Call"]
    assert known["Status"] == "no-answer"
    assert b"no-answer" in callbacks.posts[0][1]
    assert (len(book.calls), len(book.of("started"))) == (1, 2)


@asynccontextmanager
async def process(port: int, ledger: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The simulator as `make run` starts it."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dialer.simulator", "--port", str(port), "--ledger", str(ledger)),
        cwd=Path(__file__).parents[2],
        env=os.environ | {"SIMULATOR_SPEED": "20"},
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                running.terminate()
            await running.wait()
