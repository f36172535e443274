"""The Passthru applet's GET in each of its three spellings."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.exotel.callbacks import parse_passthru
from campaigns.exotel.errors import Unreadable
from campaigns.exotel.statuses import EndedBy

SID = "4c18b33f7f1d2f0e7d0a3a1f2b3c191f"
CAPTURED = (
    f"CallSid={SID}&CallFrom=09490000001&CallTo=08040000000&Direction=outbound-dial"
    "&Created=Tue%2C+07+Jan+2025+15%3A51%3A06&DialWhomNumber=&HangupLatencyStartTimeExocc=&HangupLatencyStartTime="
    "&From=09490000001&To=09510000000&CustomField=12.mac&CurrentTime=2025-01-07+15%3A51%3A06"
)
STREAM = {
    "StreamSID": "5d18b33f7f1d2f0e7d0a3a1f2b3c191f",
    "Status": "completed",
    "Duration": "41",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/acct/1.mp3",
    "StreamUrl": "wss://dialer.example/ws/",
    "DisconnectedBy": "user",
    "Error": "",
    "DetailedStatus": "Streaming_success",
}


def base() -> list[tuple[str, str]]:
    return parse_qsl(CAPTURED, keep_blank_values=True)


def test_the_captured_query_is_read() -> None:
    report = parse_passthru(base())
    assert (report.call_sid, report.number, report.caller_id) == (SID, "09490000001", "08040000000")
    assert (report.custom_field, report.direction) == ("12.mac", "outbound-dial")
    assert report.created == datetime(2025, 1, 7, 10, 21, 6, tzinfo=UTC)
    assert report.stream is None


@pytest.mark.parametrize(
    "query",
    [
        [(f"Stream[{name}]", value) for name, value in STREAM.items()],
        [("Stream", json.dumps(STREAM | {"Duration": 41}))],
        [
            ("streamsid", STREAM["StreamSID"]),
            ("status", "completed"),
            ("duration", "41"),
            ("disconnectedby", "caller"),
            ("streamurl", STREAM["StreamUrl"]),
            ("recordingurl", STREAM["RecordingUrl"]),
            ("detailedstatus", "Streaming_success"),
        ],
    ],
    ids=["bracketed", "json", "flat"],
)
def test_the_stream_is_read_in_all_three_spellings(query: list[tuple[str, str]]) -> None:
    stream = parse_passthru([("callsid", SID), *query]).stream
    assert stream is not None
    assert (stream.sid, stream.status, stream.duration) == (STREAM["StreamSID"], "completed", 41)
    assert (stream.url, stream.recording_url) == (STREAM["StreamUrl"], STREAM["RecordingUrl"])
    assert (stream.ended_by, stream.detailed_status) == (EndedBy.CALLER, "Streaming_success")


def test_a_stream_that_failed_keeps_exotels_words() -> None:
    words = "3009 failed to establish ws conn dial tcp: lookup bot.example: no such host"
    query = [("Stream[Status]", "failed"), ("Stream[Error]", words), ("Stream[DisconnectedBy]", "NA")]
    stream = parse_passthru(query).stream
    assert stream is not None
    assert (stream.status, stream.error, stream.ended_by) == ("failed", words, EndedBy.UNSAID)


@pytest.mark.parametrize(("sent", "digits"), [('"8"', "8"), ("8", "8"), ('"1#"', "1#"), ("", ""), ('""', "")])
def test_digits_lose_the_quotes_that_exotel_puts_around_them(sent: str, digits: str) -> None:
    assert parse_passthru([("CallSid", SID), ("digits", sent)]).digits == digits


def test_the_word_null_is_nothing() -> None:
    assert parse_passthru([("CallSid", SID), ("CustomField", "null")]).custom_field == ""


def test_a_stream_of_broken_json_is_kept_as_it_came() -> None:
    report = parse_passthru([("CallSid", SID), ("Stream", '{"StreamSID":')])
    assert report.stream is None
    assert report.fields["Stream"] == '{"StreamSID":'


@pytest.mark.parametrize(
    "query",
    [[], [("", "x")], [(f"a{n}", "") for n in range(501)], [("a", "x" * 70_000)]],
    ids=["nothing", "no name", "too many", "too long"],
)
def test_junk_is_unreadable(query: list[tuple[str, str]]) -> None:
    with pytest.raises(Unreadable):
        parse_passthru(query)


NAMES = st.one_of(
    st.text(), st.sampled_from(["Stream", "stream[status]", "Stream[]", "digits", "CallSid", "streamsid"])
)


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, st.one_of(st.text(), st.just('{"a":[[[[[[[[[1]]]]]]]]]}'), st.just('["x"]')))))
def test_any_query_is_a_report_or_unreadable(query: list[tuple[str, str]]) -> None:
    try:
        report = parse_passthru(query)
    except Unreadable:
        return
    stored = json.dumps(dict(report.fields)).encode()
    assert b"\\u0000" not in stored  # which PostgreSQL cannot hold
    assert b"\\ud800" not in stored
