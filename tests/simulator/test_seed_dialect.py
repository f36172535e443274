"""The dialect of the vendor's guide, end to end: paths, keys, ids, frames."""

import base64
import json
import re

from dialer.simulator.frames import Frames, silence
from dialer.simulator.options import Options
from tests.simulator.clock import Clock
from tests.simulator.conftest import Start
from tests.simulator.doubles import bot, listen, receiver, speak_and_mark

CONNECT = "/v1/accounts/simulated/calls/connect"
KEYS = ["sid", "status", "from", "phonenumbersid", "direction", "datecreated", "recordingurl"]


async def test_a_whole_call_in_lower_case(start: Start) -> None:
    simulator = await start(dialect="seed")
    async with bot(speak_and_mark) as far, receiver() as callbacks:
        form = {
            "from": "+919000001001",
            "callerid": "08047491899",
            "streamurl": far.url,
            "streamtype": "bidirectional",
            "statuscallback": callbacks.url,
        }
        events = ["ringing", "answered", "terminal"]
        answer = await simulator.client.post(CONNECT, data=form | {"statuscallbackevents[]": events})
        made = answer.json()["call"]
        await simulator.until(lambda book: len(book.of("callback")) == 3)
        active = (await simulator.client.get("/v1/accounts/simulated/activestreams")).json()
        details = (await simulator.client.get(f"/v1/accounts/simulated/calls/{made['sid']}")).json()
        listed = (await simulator.client.get("/v1/accounts/simulated/calls")).json()
    assert list(made) == KEYS
    assert (made["status"], made["from"]) == ("queued", "+919000001001")
    assert re.fullmatch(r"CA[0-9a-f]{24}", made["sid"])
    assert details["call"]["status"] == "completed"
    assert [list(call) for call in listed["calls"]] == [KEYS]
    assert active == {
        "status": "success",
        "active_streams": 0,
        "max_allowed_streams": 100,
        "account_sid": "simulated",
    }
    begun = far.events()[1]["start"]
    assert re.fullmatch(r"MZ[0-9a-f]{24}", begun["stream_sid"])
    assert (begun["call_sid"], begun["from"], begun["to"]) == (made["sid"], "+919000001001", "+918047491899")
    assert begun["media_format"] == {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"}
    assert "leg_sid" not in begun
    assert "sequence_number" in far.of("mark")[0]
    kinds = [re.search(rb'name="EventType"\r\n\r\n(\w+)', body) for _, body in callbacks.posts]
    assert [kind and kind[1] for kind in kinds] == [b"ringing", b"answered", b"terminal"]


async def test_active_streams_counts_the_sockets_that_stand(start: Start) -> None:
    simulator = await start(dialect="seed", streams=7)
    async with bot(listen) as far:
        await simulator.connect("+919000022001", StreamUrl=far.url, TimeLimit="100")
        await simulator.until(lambda book: book.of("stream"))
        active = (await simulator.client.get("/v1/accounts/simulated/activestreams")).json()
        xml = (await simulator.client.get("/v1/Accounts/simulated/ActiveStreams")).text
    assert (active["active_streams"], active["max_allowed_streams"]) == (1, 7)
    assert "<ActiveStreamCount>1</ActiveStreamCount>\n  <ThrottleLimit>7</ThrottleLimit>" in xml


def test_frames_hold_a_tenth_of_a_second() -> None:
    assert (Options().frame, Options(dialect="seed").frame, Options(dialect="seed", frame_ms=20).frame) == (20, 100, 20)


def test_stop_tells_the_calls_end_from_the_applets() -> None:
    frames = Frames(Clock().connect("+919000000001"), "acct", "MZ1", "", guide=True)
    assert json.loads(frames.stop())["stop"]["reason"] == "callended"
    assert json.loads(frames.stop(call_ended=False))["stop"]["reason"] == "stopped"


def test_frames_may_have_shapes_that_no_page_forbids() -> None:
    frames = Frames(Clock().connect("+919000000001"), "acct", "s", "l", unusual=True)
    assert json.loads(frames.start({"a": "b"}, 8000))["start"]["custom_parameters"] == '{"a": "b"}'
    payload = json.loads(frames.media(silence(320), 20.0))["media"]["payload"]
    assert max(map(len, payload.splitlines())) == 76
    assert base64.b64decode(payload) == bytes(320)
    assert json.loads(frames.dtmf("5"))["dtmf"] == {"duration": "200", "digits": "5"}


def test_numbers_in_frames_may_be_integers() -> None:
    frames = Frames(Clock().connect("+919000000001"), "acct", "s", "l", integers=True)
    assert json.loads(frames.start({}, 8000))["start"]["media_format"]["sample_rate"] == 8000
    media = json.loads(frames.media("", 20.0))
    assert (media["sequence_number"], media["media"]["chunk"], media["media"]["timestamp"]) == (2, 1, 20)
    assert json.loads(frames.dtmf("1"))["dtmf"] == {"duration": 200, "digit": "1"}


def test_a_call_is_queued_until_it_rings() -> None:
    clock = Clock(Options(dialect="seed"))
    call = clock.connect("+919000011001")
    assert call.status == "queued"
    clock.run(1)
    assert call.status == "in-progress"
