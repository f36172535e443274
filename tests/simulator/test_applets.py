"""Each applet of a flow over real sockets: what the product's far side gets, and where the call goes."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from dialer.simulator.ledger import CallRecord
from tests.simulator.conftest import Running, Start, free_port
from tests.simulator.doubles import SPEECH, Bot, bot, listen, receiver, speak_and_mark
from tests.simulator.product import Product, product

FLOW = "http://my.exotel.com/simulated/exoml/start_voice/"


async def call(simulator: Running, app: str, number: str = "+919000001001", **form: str) -> CallRecord:
    """A call of a flow, once it has ended and its requests were answered."""
    answer = await simulator.connect(number, Url=FLOW + app, CustomField="17.mac", **form)
    sid = answer.json()["Call"]["Sid"]
    book = await simulator.until(lambda book: book.calls[sid].ended)
    return book.calls[sid]


def variables(far: Bot, told: Product) -> tuple[str, ...]:
    return (
        f"stream_url={far.url}",
        f"passthru_url={told.url}/passthru/?token=t",
        f"dynamic_url={told.url}/dynamic/",
    )


def names(record: CallRecord) -> list[str]:
    return [entry["name"] for entry in record.applets]


async def test_greeting_bot_passthru_and_a_human(start: Start) -> None:
    async with bot(speak_and_mark) as far, product() as told:
        simulator = await start(flow_var=variables(far, told))
        record = await call(simulator, "101")
        details = (await simulator.client.get(f"/v1/Accounts/simulated/Calls/{record.sid}.json?details=true")).json()
    assert names(record) == ["greeting", "bot", "told", "human"]
    assert far.events()[1]["start"]["custom_parameters"] == {"17.mac": ""}
    assert far.headers["Authorization"] == "Basic dXNlcjpwYXNz"
    query = told.at("/passthru/")[0].query
    assert (query["token"], query["CallSid"], query["CustomField"]) == ("t", record.sid, "17.mac")
    assert (query["Direction"], query["CallFrom"], query["CallTo"]) == ("outbound-dial", "09000001001", "08047491899")
    assert query["Stream[StreamSID]"] == record.streams[0]["stream_sid"]
    assert (query["Stream[Status]"], query["Stream[DisconnectedBy]"]) == ("completed", "bot")
    assert "user:pass" not in query["Stream[StreamUrl]"]
    assert int(query["Stream[Duration]"]) > 0
    assert record.passthrus[0]["status"] == 200
    assert record.passthrus[0]["next"] == "human"
    assert [entry["state"] for entry in record.legs] == ["ringing", "answered"]
    assert record.status == "completed"
    assert details["Call"]["Details"]["Leg2Status"] == "completed"


@pytest.mark.parametrize(
    ("status", "branch", "last"),
    [("302 Found\r\nLocation: /elsewhere/", "end", "end"), ("500 x", "", "told"), ("204 No Content", "", "told")],
)
async def test_the_status_of_a_sync_passthru_picks_the_way(start: Start, status: str, branch: str, last: str) -> None:
    async with bot(speak_and_mark) as far, product(passthru=(status, b"")) as told:
        simulator = await start(flow_var=variables(far, told))
        record = await call(simulator, "101")
    assert record.passthrus[0]["next"] == branch
    assert names(record)[-1] == last
    assert told.at("/elsewhere/") == []


async def test_a_passthru_without_an_answer_ends_the_flow(start: Start) -> None:
    async with bot(speak_and_mark) as far, product() as told:
        told.slow.add("/passthru/")
        simulator = await start(flow_var=variables(far, told))
        record = await call(simulator, "101")
    assert (record.passthrus[0]["status"], record.passthrus[0]["next"]) == (None, "")


async def test_a_dynamic_address_is_asked_for_and_used(start: Start) -> None:
    async with bot(speak_and_mark) as far, product() as told:
        told.answers["/dynamic/"] = ("200 OK", json.dumps({"url": far.url + "?k=v&sample-rate=16000"}).encode())
        simulator = await start(flow_var=variables(far, told))
        record = await call(simulator, "102")
        await simulator.until(lambda book: book.of("passthru"))
    asked = told.at("/dynamic/")[0]
    assert asked.method == "GET"
    assert list(asked.query) == [
        *("CallSid", "CallFrom", "CallTo", "Direction", "Created", "DialWhomNumber", "HangupLatencyStartTimeExocc"),
        *("HangupLatencyStartTime", "From", "To", "CustomField", "CurrentTime"),
    ]
    begun = far.of("start")[0]["start"]
    assert begun["custom_parameters"] == {"k": "v", "sample-rate": "16000", "17.mac": ""}
    assert begun["media_format"]["sample_rate"] == "16000"
    assert record.asked[0]["answer"].startswith(far.url)
    assert told.at("/passthru/")[0].query["Stream[Status]"] == "completed"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (("500 x", b""), "answered 500"),
        (("200 OK", b"<html>"), "without"),
        (("200 OK", b'{"url":"https://x.example/"}'), "neither ws nor wss"),
    ],
)
async def test_a_useless_dynamic_answer_fails_the_stream_and_goes_on(
    start: Start, answer: tuple[str, bytes], error: str
) -> None:
    async with product(dynamic=answer) as told:
        simulator = await start(flow_var=variables(Bot(), told))
        record = await call(simulator, "102")
        await simulator.until(lambda book: book.of("passthru"))
    assert error in record.asked[0]["error"]
    query = told.at("/passthru/")[0].query
    assert (query["Stream[Status]"], query["Stream[DisconnectedBy]"]) == ("failed", "NA")
    assert error in query["Stream[Error]"]


@pytest.mark.parametrize(
    ("number", "way"), [("+919000001001", "bot"), ("+919000002001", "human"), ("+919000000001", "goodbye")]
)
async def test_a_menu_is_answered_with_the_keys_of_the_person(start: Start, number: str, way: str) -> None:
    async with bot(speak_and_mark) as far, product() as told:
        simulator = await start(flow_var=variables(far, told))
        record = await call(simulator, "103", number)
        await simulator.until(lambda book: book.of("passthru"))
    assert names(record)[1] == way
    digits = {"bot": '"1"', "human": '"2"', "goodbye": None}[way]
    assert told.at("/passthru/")[0].query.get("digits") == digits


async def test_a_passthru_before_the_bot_can_hang_up(start: Start) -> None:
    async with bot(listen) as far, product(passthru=("302 Found", b"")) as told:
        record = await call(await start(flow_var=variables(far, told)), "104")
    assert names(record) == ["before", "end"]
    assert not any(name.startswith("Stream") for name in told.at("/passthru/")[0].query)
    assert far.frames == []


async def test_a_person_that_hangs_up_in_the_bot_is_told_of_by_passthru(start: Start) -> None:
    async with bot(listen) as far, product() as told:
        simulator = await start(flow_var=variables(far, told))
        record = await call(simulator, "101", "+919000000001")
        book = await simulator.until(lambda book: book.of("passthru"))
    assert (record.status, record.ended and record.ended["by"]) == ("completed", "person")
    assert book.of("passthru")[0]["next"] is None
    assert told.at("/passthru/")[0].query["Stream[DisconnectedBy]"] == "user"


async def test_a_one_way_stream_runs_beside_a_human_until_it_is_stopped(start: Start) -> None:
    async def talk_back(socket: ServerConnection, message: dict[str, Any]) -> None:
        if message["event"] == "start":
            await socket.send(json.dumps({"event": "media", "media": {"payload": SPEECH}}))
            await socket.send(json.dumps({"event": "mark", "mark": {"name": "ignored"}}))

    async with bot(talk_back) as far, product() as told:
        simulator = await start(flow_var=variables(far, told), speed=10.0)
        record = await call(simulator, "105")
        await simulator.until(lambda book: book.of("passthru"))
    assert names(record) == ["listen", "human", "enough", "told"]
    assert far.of("media")
    assert far.of("mark") == []
    assert far.of("dtmf") == []
    assert far.events()[-1]["event"] == "stop"
    closed = record.streams[1]
    assert (closed["by"], closed["media"], closed["unreadable"]) == ("carrier", 0, 2)
    query = told.at("/passthru/")[0].query
    assert (query["Stream[Status]"], query["DialCallStatus"]) == ("completed", "completed")
    assert query["Legs[0][CauseCode]"] == "NORMAL_CLEARING"


async def test_listen_only_tells_of_the_stream_when_it_has_ended(start: Start) -> None:
    async with bot(listen) as far, product() as told:
        simulator = await start(flow_var=variables(far, told), passthru="json", recording_delay=0.0)
        await call(simulator, "106")
        await simulator.until(lambda book: book.of("passthru"))
        about = json.loads(told.at("/passthru/")[0].query["Stream"])
        recording = await simulator.client.get(about["RecordingUrl"])
    assert (about["Status"], about["DisconnectedBy"]) == ("completed", "user")
    assert recording.content[:4] == b"RIFF"


async def test_passthru_in_the_spelling_of_the_guide(start: Start) -> None:
    async with bot(speak_and_mark) as far, product() as told:
        simulator = await start(flow_var=variables(far, told), passthru="flat")
        record = await call(simulator, "101")
    query = told.at("/passthru/")[0].query
    assert query.keys() - {"token"} == {
        *("callsid", "streamsid", "streamurl", "status", "duration", "recordingurl", "error", "disposition"),
        *("disconnectedby", "detailedstatus"),
    }
    assert (query["callsid"], query["disconnectedby"]) == (record.sid, "bot")


async def test_passthru_as_a_post(start: Start) -> None:
    async with bot(speak_and_mark) as far, product() as told:
        simulator = await start(flow_var=variables(far, told), passthru_method="POST")
        await call(simulator, "104")
        await simulator.until(lambda book: len(book.of("passthru")) == 2)
    before, after = told.at("/passthru/")
    assert (before.method, json.loads(before.body)["EventType"]) == ("POST", "stream-start")
    assert json.loads(after.body)["Stream"]["Status"] == "completed"


async def test_above_the_streams_of_the_account_a_stream_is_throttled(start: Start) -> None:
    async with bot(listen) as far, product() as told:
        simulator = await start(flow_var=variables(far, told), streams=0)
        await call(simulator, "101")
        direct = await simulator.connect("+919000001001", StreamUrl=far.url)
        sid = direct.json()["Call"]["Sid"]
        book = await simulator.until(lambda book: book.calls[sid].ended)
    query = told.at("/passthru/")[0].query
    assert query["Stream[Status]"] == "failed"
    assert query["Stream[DetailedStatus]"] == "Streaming_call_throttled"
    assert book.calls[sid].status == "failed"
    assert far.frames == []


async def test_a_bot_that_is_away_is_an_error_in_passthru(start: Start) -> None:
    async with product() as told:
        gone = Bot(url=f"ws://127.0.0.1:{free_port()}/")
        simulator = await start(flow_var=variables(gone, told))
        record = await call(simulator, "101")
    assert told.at("/passthru/")[0].query["Stream[Error]"].startswith("3009 failed to establish ws conn")
    assert names(record)[-1] == "human"


async def test_a_bot_that_fails_tells_its_close_code(start: Start) -> None:
    async def fail(socket: ServerConnection, message: dict[str, Any]) -> None:
        if message["event"] == "media":
            await socket.close(1011, "boom")

    async with bot(fail) as far, product() as told:
        simulator = await start(flow_var=variables(far, told))
        record = await call(simulator, "101")
    assert (record.streams[1]["by"], record.streams[1]["code"]) == ("bot", 1011)
    assert told.at("/passthru/")[0].query["Stream[Error]"].startswith("1011")


async def test_a_flow_sends_the_captured_callback_unless_switched(start: Start) -> None:
    async with bot(speak_and_mark) as far, product() as told, receiver() as callbacks:
        simulator = await start(flow_var=variables(far, told))
        both = {"StatusCallback": callbacks.url, "StatusCallbackEvents": "both"}
        await call(simulator, "101", **both)
        await simulator.until(lambda book: book.of("callback"))
        assert [b"EventType" in body for _, body in callbacks.posts] == [False]


async def test_a_flow_tells_its_events_and_legs_when_asked(start: Start, tmp_path: Path) -> None:
    async with bot(speak_and_mark) as far, product() as told, receiver() as callbacks:
        simulator = await start(flow_var=variables(far, told), flow_events="asked")
        json_body = "application/json"
        both = {"StatusCallback": callbacks.url, "StatusCallbackEvents": "both", "StatusCallbackContentType": json_body}
        await call(simulator, "101", **both)
        book = await simulator.until(lambda book: len(book.of("callback")) == 3)
    bodies = [json.loads(body) for _, body in callbacks.posts]
    assert [body["EventType"] for body in bodies] == ["answered", "answered", "terminal"]
    assert [leg["Status"] for leg in bodies[1]["Legs"]] == ["in-progress", "in-progress"]
    assert [leg["Status"] for leg in bodies[2]["Legs"]] == ["completed", "completed"]
    assert [entry.get("leg") for entry in book.of("callback")] == [None, 2, None]


async def test_an_address_that_is_no_flow_rings_and_fails(start: Start) -> None:
    simulator = await start()
    sid = (await simulator.connect("+919000001001", Url="https://d.example/mine")).json()["Call"]["Sid"]
    book = await simulator.until(lambda book: book.calls[sid].ended)
    assert book.calls[sid].answered
    assert book.calls[sid].status == "failed"
    assert book.of("flow")[0]["error"] == "no such flow"


async def test_variables_are_set_while_it_runs_and_kept(start: Start, tmp_path: Path) -> None:
    async with bot(speak_and_mark) as far, product() as told:
        simulator = await start()
        assert (await call(simulator, "107")).status == "failed"
        url = "/_simulator/flow-vars"
        assert (await simulator.client.put(url, json={"stream_url": 1})).status_code == 400
        assert (await simulator.client.put(url, json={"stream_url": far.url}, auth=("a", "b"))).status_code == 401
        assert (await simulator.client.put(url, json={"stream_url": far.url})).status_code == 200
        assert (await call(simulator, "107")).status == "completed"
        again = await start()
        assert (await call(again, "107", "+919000001002")).status == "completed"
    assert len(far.of("start")) == 2
    assert told.asked == []


async def test_a_stream_ends_at_its_cap_and_the_flow_goes_on(start: Start) -> None:
    async with bot(listen) as far, product() as told:
        simulator = await start(flow_var=variables(far, told), stream_cap=20.0)
        record = await call(simulator, "101", "+919000022001")
        await asyncio.wait_for(far.closed.wait(), 2)
    assert (record.streams[1]["by"], names(record)[-1]) == ("carrier", "human")
    assert far.events()[-1]["event"] == "stop"
    assert told.at("/passthru/")[0].query["Stream[DisconnectedBy]"] == "NA"
