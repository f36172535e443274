"""What the vendor's guide prints, letter for letter: its requests are ours, its answers and frames are read."""

import base64
import json
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from botbridge.protocol import Connected, Dtmf, Mark, Media, SendClear, SendMark, SendMedia, Start, Stop, decode, encode
from campaigns.exotel.answers import Accepted, read_answer
from campaigns.exotel.bodies import read_body
from campaigns.exotel.callbacks import parse_passthru, parse_status_callback
from campaigns.exotel.details import StreamUse, read_call, read_stream_use
from campaigns.exotel.payloads import ConnectRequest, connect_path, form, problems
from campaigns.exotel.statuses import CallStatus, EndedBy, call_status

INDIA = ZoneInfo("Asia/Kolkata")
SID = "MZxxxxxxxxxxxxxxxxxxxxxxxx"
CALL = "CAxxxxxxxxxxxxxxxxxxxxxxxx"
ACCOUNT = "ACxxxxxxxxxxxxxxxxxxxxxxxx"
ANSWER = """{
"call": {
"sid": "a1b2c3d4e5f6",
"status": "in-progress",
"from": "+919876543210",
"phonenumbersid": "08047491899",
"direction": "outbound-api",
"datecreated": "2026-05-14 10:00:00",
"recordingurl": null
}
}"""
BOT = ConnectRequest(
    number="+919876543210",
    caller_id="08047491899",
    mode="bot",
    stream_url="wss://bot.example.com/media",
    status_callback="https://your-server.com/callback",
    status_callback_events=("terminal",),
)
FLOW = ConnectRequest(
    number="+919876543210",
    caller_id="08047491899",
    mode="flow",
    flow_url="https://my.exotel.com/acct/exoml/start_voice/926",
    status_callback="https://your-server.com/callback",
    status_callback_events=("terminal",),
)


def test_the_bot_request_holds_every_field_of_the_printed_one() -> None:
    assert connect_path("acct", "documented") == "/v1/accounts/acct/calls/connect"
    sent = form(BOT, "documented")
    for printed in (
        ("from", "+919876543210"),
        ("callerid", "08047491899"),
        ("streamurl", "wss://bot.example.com/media"),
        ("streamtype", "bidirectional"),
        ("statuscallback", "https://your-server.com/callback"),
        ("statuscallbackevents[]", "terminal"),
    ):
        assert printed in sent


def test_the_flow_request_holds_every_field_of_the_printed_one_and_none_of_a_stream() -> None:
    sent = dict(form(FLOW, "documented"))
    assert sent["url"] == "https://my.exotel.com/acct/exoml/start_voice/926"
    assert (sent["from"], sent["callerid"]) == ("+919876543210", "08047491899")
    assert sent["statuscallback"] == "https://your-server.com/callback"
    assert not [name for name in sent if name.startswith("stream")]


@pytest.mark.parametrize(
    ("events", "word"),
    [(("terminal",), "terminal"), (("answered",), "answered"), (("terminal", "answered"), "both")],
)
def test_a_flow_asks_for_its_events_in_one_word(events: tuple[str, ...], word: str) -> None:
    request = ConnectRequest(
        number=FLOW.number, caller_id=FLOW.caller_id, mode="flow", flow_url=FLOW.flow_url, status_callback_events=events
    )
    asked = [(name, value) for name, value in form(request, "documented") if "events" in name]
    assert asked == [("statuscallbackevents", word)]


@pytest.mark.parametrize("address", ["ws://bot.example.com/media", "wss://bot.example.com/media?sample-rate=16000"])
def test_a_stream_address_may_be_ws_or_wss_and_carry_a_sample_rate(address: str) -> None:
    assert problems(ConnectRequest(number=BOT.number, caller_id=BOT.caller_id, mode="bot", stream_url=address)) == []


@pytest.mark.parametrize("event", ["answered", "terminal", "ringing"])
def test_a_bot_may_ask_for_each_of_the_three_events(event: str) -> None:
    request = ConnectRequest(
        number=BOT.number,
        caller_id=BOT.caller_id,
        mode="bot",
        stream_url=BOT.stream_url,
        status_callback_events=(event,),
    )
    assert problems(request) == []
    assert ("statuscallbackevents[]", event) in form(request, "documented")
    assert ("StatusCallbackEvents[0]", event) in form(request, "wire")


def test_the_printed_answer_is_an_accepted_call_and_not_an_answered_one() -> None:
    answer = read_answer(200, {}, ANSWER.encode(), 0.7)
    assert isinstance(answer, Accepted)
    assert answer.sid == "a1b2c3d4e5f6"
    call = read_call(read_body(ANSWER.encode()), INDIA)
    assert (call.status, call.number, call.caller_id) == (CallStatus.IN_PROGRESS, "+919876543210", "08047491899")
    assert (call.direction, call.recording_url) == ("outbound-api", None)
    assert call.created == datetime(2026, 5, 14, 4, 30, tzinfo=UTC)
    assert not call.status.terminal


@pytest.mark.parametrize(
    ("word", "meaning", "over"),
    [
        ("queued", CallStatus.IN_PROGRESS, False),
        ("in-progress", CallStatus.IN_PROGRESS, False),
        ("completed", CallStatus.ANSWERED, True),
        ("failed", CallStatus.FAILED, True),
        ("busy", CallStatus.BUSY, True),
        ("no-answer", CallStatus.NO_ANSWER, True),
    ],
)
def test_each_printed_status_has_its_meaning(word: str, meaning: CallStatus, over: bool) -> None:
    assert call_status(word) is meaning
    assert meaning.terminal is over


def test_the_terminal_callback_brings_duration_recording_and_custom_field() -> None:
    body = {
        "CallSid": "a1b2c3d4e5f6",
        "EventType": "terminal",
        "Status": "completed",
        "DateUpdated": "2026-05-14 10:02:00",
        "ConversationDuration": 41,
        "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/acct/a1b2c3d4e5f6.mp3",
        "CustomField": "your_customer_id",
    }
    report = parse_status_callback("application/json", json.dumps(body).encode())
    assert (report.event_type, report.status, report.conversation_duration) == ("terminal", CallStatus.ANSWERED, 41)
    assert report.recording_url == body["RecordingUrl"]
    assert report.custom_field == "your_customer_id"


def test_the_printed_start_is_read_field_by_field() -> None:
    printed = {
        "event": "start",
        "sequence_number": "1",
        "stream_sid": SID,
        "start": {
            "stream_sid": SID,
            "call_sid": CALL,
            "account_sid": ACCOUNT,
            "from": "+919876543210",
            "to": "+918047491899",
            "custom_parameters": {"key1": "value1"},
            "media_format": {"encoding": "audio/x-raw", "sample_rate": "8000", "bit_rate": "16"},
        },
    }
    assert decode(json.dumps(printed)) == Start(
        stream_sid=SID,
        call_sid=CALL,
        account_sid=ACCOUNT,
        caller="+919876543210",
        called="+918047491899",
        encoding="audio/x-raw",
        sample_rate=8000,
        custom_parameters={"key1": "value1"},
        sequence=1,
    )


def test_the_other_printed_frames_are_read() -> None:
    pcm = bytes(range(256)) * 6 + bytes(64)
    media = {
        "event": "media",
        "sequence_number": "3",
        "stream_sid": SID,
        "media": {"chunk": "2", "timestamp": "200", "payload": base64.b64encode(pcm).decode()},
    }
    dtmf = {"event": "dtmf", "sequence_number": "7", "stream_sid": SID, "dtmf": {"digit": "5", "duration": "100"}}
    mark = {"event": "mark", "sequence_number": "15", "stream_sid": SID, "mark": {"name": "my-label"}}
    assert decode('{ "event": "connected" }') == Connected()
    assert decode(json.dumps(media)) == Media(pcm, timestamp=200, chunk=2, sequence=3)
    assert decode(json.dumps(dtmf)) == Dtmf("5", 100, 7)
    assert decode(json.dumps(mark)) == Mark("my-label")


@pytest.mark.parametrize("reason", ["stopped", "callended"])
def test_the_printed_stop_is_read_with_either_reason(reason: str) -> None:
    printed = {
        "event": "stop",
        "sequence_number": "20",
        "stream_sid": SID,
        "stop": {"call_sid": CALL, "account_sid": ACCOUNT, "reason": reason},
    }
    assert decode(json.dumps(printed)) == Stop(reason, CALL, sequence=20)


def test_what_we_send_is_what_is_printed() -> None:
    pcm = bytes(3200)
    payload = base64.b64encode(pcm).decode()
    assert json.loads(encode(SendMedia(SID, pcm))) == {
        "event": "media",
        "stream_sid": SID,
        "media": {"payload": payload},
    }
    assert json.loads(encode(SendMark(SID, "turn-3-end"))) == {
        "event": "mark",
        "stream_sid": SID,
        "mark": {"name": "turn-3-end"},
    }
    assert json.loads(encode(SendClear(SID))) == {"event": "clear", "stream_sid": SID}


@pytest.mark.parametrize(
    ("word", "who"), [("caller", EndedBy.CALLER), ("bot", EndedBy.BOT), ("system", EndedBy.CARRIER)]
)
def test_the_ten_printed_fields_of_passthru_are_read(word: str, who: EndedBy) -> None:
    report = parse_passthru(
        [
            ("callsid", CALL),
            ("streamsid", SID),
            ("streamurl", "wss://bot.example.com/stream"),
            ("status", "completed"),
            ("duration", "41"),
            ("recordingurl", "https://recordings.exotel.com/exotelrecordings/acct/1.mp3"),
            ("error", "3009 failed to establish ws conn"),
            ("disposition", "interested"),
            ("disconnectedby", word),
            ("detailedstatus", "Streaming_success"),
        ]
    )
    stream = report.stream
    assert stream is not None
    assert (report.call_sid, report.disposition) == (CALL, "interested")
    assert (stream.sid, stream.url, stream.status, stream.duration) == (
        SID,
        "wss://bot.example.com/stream",
        "completed",
        41,
    )
    assert stream.recording_url == "https://recordings.exotel.com/exotelrecordings/acct/1.mp3"
    assert (stream.error, stream.ended_by) == ("3009 failed to establish ws conn", who)
    assert stream.detailed_status == "Streaming_success"


def test_the_printed_active_streams_are_read() -> None:
    printed = b'{"status": "success", "active_streams": 12, "max_allowed_streams": 100, "account_sid": "acct"}'
    assert read_stream_use(read_body(printed)) == StreamUse(active=12, limit=100)


def test_no_header_but_the_printed_one_carries_the_credentials() -> None:
    assert not re.search("key|token", str(form(BOT, "wire")) + connect_path("acct", "wire"))
