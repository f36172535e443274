"""The status callback: three content types, minimal and full bodies, and everything else that may arrive."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.exotel.callbacks import CallReport, parse_status_callback
from campaigns.exotel.errors import Unreadable
from campaigns.exotel.statuses import CallStatus

BOUNDARY = "form-data-boundary-lebu8d9e3h8xzvhf"
SID = "4c18b33f7f1d2f0e7d0a3a1f2b3c191f"
MINIMAL = {"CallSid": SID, "Status": "completed", "DateUpdated": "2025-01-15 18:14:07"}
FULL: dict[str, Any] = {
    "CallSid": SID,
    "EventType": "terminal",
    "DateCreated": "2026-01-15 14:25:10",
    "DateUpdated": "2026-01-15 14:30:45",
    "Status": "completed",
    "To": "08040000000",
    "From": "09800000001",
    "PhoneNumberSid": "08040000000",
    "StartTime": "2026-01-15 14:25:12",
    "EndTime": "2026-01-15 14:30:45",
    "RecordingUrl": "https://recordings.exotel.com/exotelrecordings/acct/1.mp3",
    "Direction": "outbound-api",
    "ConversationDuration": 320,
    "CustomField": "att_01J.mac",
    "Legs": [
        {"OnCallDuration": 335, "Status": "completed", "AnsweredBy": "NA"},
        {"OnCallDuration": 320, "Status": "completed", "AnsweredBy": "HUMAN"},
    ],
}
FLAT = {name: str(value) for name, value in FULL.items() if name != "Legs"} | {
    f"Legs[{index}][{name}]": str(value) for index, leg in enumerate(FULL["Legs"]) for name, value in leg.items()
}


def multipart(fields: dict[str, str], boundary: str = BOUNDARY) -> bytes:
    """As captured: CRLF, no RecordingUrl part when there is none, a closing boundary."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return ("".join(parts) + f"--{boundary}--\r\n").encode()


def in_multipart(fields: dict[str, str]) -> CallReport:
    return parse_status_callback(f"multipart/form-data; boundary={BOUNDARY}", multipart(fields))


def in_json(value: Any) -> CallReport:
    return parse_status_callback("application/json", json.dumps(value).encode())


def in_a_form(fields: Any) -> CallReport:
    return parse_status_callback("application/x-www-form-urlencoded", urlencode(fields).encode())


def test_the_minimal_callback_that_was_captured_is_enough() -> None:
    report = in_multipart(MINIMAL)
    assert (report.call_sid, report.status, report.event_type) == (SID, CallStatus.ANSWERED, "")
    assert report.updated == datetime(2025, 1, 15, 12, 44, 7, tzinfo=UTC)
    assert (report.number, report.recording_url, report.legs, report.end) == ("", None, (), None)


def test_the_full_callback_says_the_same_in_each_of_its_three_forms() -> None:
    reports = [in_multipart(FLAT), in_json(FULL), in_a_form(FLAT)]
    assert len({report.digest for report in reports}) == 1
    for report in reports:
        assert (report.event_type, report.status) == ("terminal", CallStatus.ANSWERED)
        assert (report.number, report.caller_id) == ("09800000001", "08040000000")
        assert report.custom_field == "att_01J.mac"
        assert report.start == datetime(2026, 1, 15, 8, 55, 12, tzinfo=UTC)
        assert report.conversation_duration == 320
        assert report.recording_url == FULL["RecordingUrl"]
        assert [leg.on_call_duration for leg in report.legs] == [335, 320]


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/json", "multipart/form-data", "\x00;;boundary="]
)
def test_a_wrong_content_type_does_not_hide_what_the_body_is(content_type: str) -> None:
    for body in (multipart(FLAT), json.dumps(FULL).encode(), urlencode(FLAT).encode()):
        assert parse_status_callback(content_type, body).call_sid == SID


def test_the_same_callback_again_has_the_same_digest_whatever_its_boundary_and_order() -> None:
    again = multipart(dict(reversed(MINIMAL.items())), "form-data-boundary-0000000000000000")
    assert parse_status_callback("multipart/form-data", again).digest == in_multipart(MINIMAL).digest
    assert in_multipart(MINIMAL | {"Status": "busy"}).digest != in_multipart(MINIMAL).digest


def test_of_fields_with_one_name_the_first_is_kept() -> None:
    report = in_a_form([("CallSid", SID), ("Status", "busy"), ("Status", "completed"), ("callsid", "x")])
    assert (report.call_sid, report.status) == (SID, CallStatus.BUSY)
    doubled = b'{"CallSid":"first","CallSid":"second"}'
    assert parse_status_callback("application/json", doubled).call_sid == "first"


def test_names_are_read_in_any_letter_case() -> None:
    report = in_json({"callsid": SID, "status": "NO-ANSWER", "phonenumbersid": "08040000000"})
    assert (report.call_sid, report.status, report.caller_id) == (SID, CallStatus.NO_ANSWER, "08040000000")


def test_an_end_time_that_was_never_set_is_none() -> None:
    assert in_json(FULL | {"EndTime": "1970-01-01 05:30:00"}).end is None


def test_an_answered_event_with_an_empty_second_leg_is_not_over() -> None:
    report = in_multipart(
        {"CallSid": SID, "EventType": "Answered", "Status": "in-progress"}
        | {"Legs[0][Status]": "in-progress", "Legs[1][Status]": ""}
    )
    assert (report.event_type, report.status.terminal, len(report.legs)) == ("answered", False, 1)


def test_a_status_that_nobody_knows_is_kept_and_not_an_error() -> None:
    report = in_json({"CallSid": SID, "Status": "teleported"})
    assert report.status is CallStatus.UNRECOGNISED
    assert report.fields["Status"] == "teleported"


@pytest.mark.parametrize("address", ["javascript:alert(1)", "file:///etc/passwd", "https://a b", "null", "x"])
def test_a_recording_that_is_no_address_is_none(address: str) -> None:
    assert in_json(FULL | {"RecordingUrl": address}).recording_url is None


def test_other_character_sets_and_half_characters_are_survived() -> None:
    assert parse_status_callback("text/plain; charset=klingon", b"CallSid=1&CustomField=caf\xe9").custom_field == "café"
    assert parse_status_callback("application/json", b'\xef\xbb\xbf{"CallSid":"1","a":"\\ud800\\u0000"}').fields["a"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "neither"),
        (b"hello", "neither"),
        (b"=&=", "no field"),
        (b"a" * 70_000, "larger"),
        (urlencode([(f"a{n}", "1") for n in range(501)]).encode(), "more than 500"),
        (json.dumps({f"a{n}": 1 for n in range(501)}).encode(), "more than 500"),
        (multipart({f"a{n}": "1" for n in range(501)}), "more than 500"),
        (b'{"CallSid":', "not JSON"),
        (b"[1,2]", "not an object"),
        (b"{}", "no field"),
        (b'{"a":' * 9_000, "not JSON"),
        (b'{"a":' * 9 + b"1" + b"}" * 9, "too deeply"),
        (b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--", "no field"),
        (b"--b\r\n" + b"Content-Type: message/rfc822\r\n\r\n" * 1_900 + b"Content-Disposition: x", "nested|no field"),
    ],
    ids=range(14),
)
def test_junk_is_unreadable_with_a_reason(body: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parse_status_callback("text/plain", body)


PIECES = st.sampled_from(
    [
        b"--b",
        b"--b--",
        b"\r\n",
        b"\n",
        b"Content-Disposition: form-data; name=",
        b'"CallSid"',
        b"Content-Type: ",
        b"a=b&",
        b"multipart/mixed; boundary=b",
        b"message/rfc822",
        b"Content-Transfer-Encoding: base64",
        b"x-uuencode",
        b"begin 1 a",
        b"{",
        b"}",
        b'"',
        b"[",
        b"]",
        b":",
        b",",
        b"\\ud800",
        b"\x00",
        b"\xff",
        b"=",
        b"&",
        b"%zz",
        b"charset=*''x",
        b"NaN",
    ]
)


@settings(deadline=None)
@given(content_type=st.text(max_size=80), body=st.one_of(st.binary(), st.lists(PIECES).map(b"".join)))
def test_any_bytes_are_a_report_or_unreadable_and_never_anything_else(content_type: str, body: bytes) -> None:
    for declared in (content_type, "multipart/form-data; boundary=b"):
        try:
            report = parse_status_callback(declared, body)
        except Unreadable:
            continue
        assert report.fields
        assert len(report.digest) == 64
        for name, value in report.fields.items():
            (name + value).encode()
            assert "\x00" not in name + value


NAME = st.from_regex(r"[a-z]{1,12}", fullmatch=True)
PRINTED = st.text(alphabet=st.characters(codec="ascii", categories=("L", "N", "P", "Zs")))


@settings(deadline=None)
@given(fields=st.dictionaries(NAME, PRINTED, min_size=1))
def test_each_form_carries_its_fields_whole(fields: dict[str, str]) -> None:
    assert in_json(fields).fields == fields
    assert in_a_form(fields).fields == fields
    assert in_multipart(fields).fields == fields
