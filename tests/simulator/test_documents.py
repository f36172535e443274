"""Sids, numbers, stamps and the documents of the REST face."""

import json
import re
from datetime import datetime

import pytest

from dialer.simulator.documents import as_json, as_xml, call_fields, exception_fields, lowercase_fields
from dialer.simulator.identity import IST, national, read_stamp, sid, stamp
from dialer.simulator.options import Options
from tests.simulator.clock import Clock

CAPTURED_AT = datetime(2024, 9, 16, 15, 50, 2, tzinfo=IST).timestamp()


def test_a_sid_ends_with_its_date() -> None:
    assert re.fullmatch(r"[0-9a-f]{28}189g", sid("any", CAPTURED_AT))
    assert sid("any", datetime(2026, 4, 27, tzinfo=IST).timestamp()).endswith("1a4r")


@pytest.mark.parametrize(
    ("given", "echoed"),
    [
        ("+919810000001", "09810000001"),
        ("919810000001", "09810000001"),
        ("098100 00001", "09810000001"),
        ("9810000001", "09810000001"),
        ("08047491899", "08047491899"),
        ("+442071838750", "00442071838750"),
        ("12345", None),
        ("+9198100", None),
        ("hello", None),
    ],
)
def test_numbers_are_echoed_with_a_zero_in_front(given: str, echoed: str | None) -> None:
    assert national(given) == echoed


def test_stamps_are_indian_time_without_a_zone() -> None:
    assert stamp(CAPTURED_AT) == "2024-09-16 15:50:02"
    assert stamp(0.0) == "1970-01-01 05:30:00"
    assert read_stamp("2024-09-16 15:50:02") == CAPTURED_AT
    with pytest.raises(ValueError, match="T15"):
        read_stamp("2024-09-16T15:50:02")


def test_the_xml_of_a_new_call_is_as_captured() -> None:
    clock = Clock(Options(account_sid="acct"), now=CAPTURED_AT)
    call = clock.connect("+919000000001", StreamUrl="", Url="http://my.exotel.com/acct/exoml/start_voice/1")
    text = as_xml({"Call": call_fields(call, clock.options, xml=True)}).decode()
    assert text == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<TwilioResponse>\n <Call>\n'
        f"  <Sid>{call.sid}</Sid>\n  <ParentCallSid/>\n"
        "  <DateCreated>2024-09-16 15:50:02</DateCreated>\n  <DateUpdated>2024-09-16 15:50:02</DateUpdated>\n"
        "  <AccountSid>acct</AccountSid>\n  <To>09000000001</To>\n  <From>09000000001</From>\n"
        "  <PhoneNumberSid>08047491899</PhoneNumberSid>\n  <Status>in-progress</Status>\n"
        "  <StartTime>2024-09-16 15:50:02</StartTime>\n  <EndTime/>\n  <Duration/>\n  <Price/>\n"
        "  <Direction>outbound-api</Direction>\n  <AnsweredBy/>\n  <ForwardedFrom/>\n  <CallerName/>\n"
        f"  <Uri>/v1/Accounts/acct/Calls/{call.sid}</Uri>\n  <RecordingUrl/>\n </Call>\n</TwilioResponse>\n"
    )


def test_no_record_shows_the_custom_field() -> None:
    clock = Clock()
    call = clock.connect("+919000000001", CustomField="secret-mark")
    assert b"secret-mark" not in as_json(call_fields(call, clock.options, details=True))


def test_an_ended_call_says_human_whatever_happened() -> None:
    clock = Clock()
    call = clock.connect("+919000010001")
    clock.run(30)
    fields = call_fields(call, clock.options, details=True)
    assert (fields["AnsweredBy"], fields["Price"], fields["Status"]) == ("human", 0.0, "busy")
    assert fields["Details"]["Leg1Status"] == "busy"


def test_an_exception_has_status_and_message_and_escaped_slashes() -> None:
    raw = as_json(exception_fields(403, "read http://x/"))
    assert raw == b'{"RestException":{"Status":403,"Message":"read http:\\/\\/x\\/"}}'
    assert json.loads(raw)["RestException"]["Message"] == "read http://x/"


def test_the_guides_answer_has_seven_lower_case_keys() -> None:
    clock = Clock()
    fields = lowercase_fields(clock.connect("+919000000001"), clock.options)
    assert list(fields) == ["sid", "status", "from", "phonenumbersid", "direction", "datecreated", "recordingurl"]
