"""Judging what came back: Retry-After, statuses, and bodies that nobody should send."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.exotel.allowances import rate_allowance
from campaigns.exotel.answers import Accepted, Refused, Unknown, read_answer, retry_after
from campaigns.exotel.bodies import read_body
from campaigns.exotel.errors import Unreadable
from campaigns.exotel.statuses import CallStatus, EndedBy, call_status, ended_by

NOW = datetime(2026, 1, 15, 9, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("30", 30.0),
        (" 1.5 ", 1.5),
        ("0", 1.0),
        ("1000000000", 600.0),
        ("9" * 400, 600.0),
        ("-5", None),
        ("soon", None),
        ("1e9", None),
        ("٣٠", None),
        ("Thu, 15 Jan 2026 09:01:00 GMT", 60.0),
        ("Thu, 15 Jan 2026 14:31:00 +0530", 60.0),
        ("Thu, 15 Jan 2026 09:01:00 -0000", 60.0),
        ("Thu, 15 Jan 2026 08:00:00 GMT", 1.0),
        ("Thu, 15 Jan 9026 08:00:00 GMT", 600.0),
        ("Thu, 99 Jan 2026 08:00:00 GMT", None),
    ],
)
def test_retry_after_is_between_a_second_and_ten_minutes_or_nothing(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@settings(deadline=None)
@given(st.text())
def test_no_retry_after_breaks_or_escapes_its_bounds(value: str) -> None:
    seconds = retry_after(value, NOW)
    assert seconds is None or 1 <= seconds <= 600


def test_a_rate_allowance_of_nonsense_is_kept_without_numbers() -> None:
    allowance = rate_allowance({"x-ratelimit-limit": "many", "x-ratelimit-reset": "later"})
    assert allowance is not None
    assert (allowance.limit, allowance.remaining, allowance.reset) == (None, None, "later")
    assert rate_allowance({"date": "today"}) is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            b"<html><head><title>403</title></head><body><h1>403 KYC &amp; pending</h1></body></html>",
            "403 KYC & pending",
        ),
        (b"<TwilioResponse><RestException><Message>KYC</Message></RestException></TwilioResponse>", "KYC"),
        (b'{"status":403,"message":"KYC","code":1}', "KYC"),
        (b'{"http_code":403,"response":{"code":403,"error_data":{"code":1,"message":"KYC"}}}', "KYC"),
        (b"KYC pending\n", "KYC pending"),
        (b"<p>" + b"x" * 900, "x" * 200),
        (b"", ""),
        (b'{"a":' * 60_000, ('{"a":' * 40)),
    ],
)
def test_a_refusal_in_whatever_form_is_told_in_its_own_words(body: bytes, words: str) -> None:
    answer = read_answer(403, {}, body, 0.1)
    assert isinstance(answer, Refused)
    assert answer.message == words


@pytest.mark.parametrize(
    ("body", "sid"),
    [
        (b'{"Sid":"a1b2c3d4e5f6","Status":"queued"}', "a1b2c3d4e5f6"),  # nothing around the call
        (b'{"call":{"sid":7,"status":"queued"}}', "7"),
        (b"<TwilioResponse><Sid>c.1</Sid><Status>queued</Status></TwilioResponse>", "c.1"),
        (b'{"Account":{"Sid":"acct"},"Status":"queued"}', None),
        (b'{"Sid":"no call"}', None),
        (b'{"Call":null,"Sid":"a1b2c3d4e5f6","Status":"queued"}', "a1b2c3d4e5f6"),
        (b'{"Call":[{"Sid":"a1b2c3d4e5f6","Status":"queued"}]}', "a1b2c3d4e5f6"),
        (b'{"Call":[{"Sid":"a1b2c3d4e5f6"},{"Sid":"f6e5d4c3b2a1"}]}', None),
        (b'{"Call":["a1b2c3d4e5f6"]}', None),
        (b'{"Call":[]}', None),
    ],
)
def test_a_sid_is_found_with_and_without_a_wrapper(body: bytes, sid: str | None) -> None:
    answer = read_answer(200, {}, body, 0.1)
    assert (answer.sid if isinstance(answer, Accepted) else None) == sid


@settings(deadline=None)
@given(status=st.integers(100, 999), body=st.binary(max_size=400))
def test_any_status_and_any_bytes_are_judged_and_only_4xx_refuse(status: int, body: bytes) -> None:
    answer = read_answer(status, {}, body, 0.1)
    assert isinstance(answer, Refused) == (400 <= status < 500 and status not in {408, 409})
    assert isinstance(answer, (Accepted, Refused, Unknown))


@settings(deadline=None)
@given(st.text(alphabet='<>/!&;"[]{}:,aB01 ', max_size=200))
def test_no_body_breaks_the_reader(text: str) -> None:
    for start in ("", "<", "{", "<a>"):
        with suppress(Unreadable):
            assert isinstance(read_body((start + text).encode()), Mapping)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE a><a/>",
        b"<?xml version='1.0'?><!doctype a [<!entity b 'c'>]><a>&b;</a>",
        b"<a>" * 40 + b"</a>" * 40,
        b"<a>" * 60_000,
        b"[" * 60_000,
        b'{"a":' * 60_000,
        b"<a>&lol;</a>",
        b"null",
        b"[]",
        b'"text"',
        b"",
        b"\xff\xfe<\x00a\x00>\x00",
    ],
)
def test_a_hostile_body_is_unreadable_and_nothing_worse(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read_body(body)


@pytest.mark.parametrize(
    ("word", "status", "terminal"),
    [
        ("completed", CallStatus.ANSWERED, True),
        ("Completed", CallStatus.ANSWERED, True),
        ("busy", CallStatus.BUSY, True),
        ("no-answer", CallStatus.NO_ANSWER, True),
        ("NO_ANSWER", CallStatus.NO_ANSWER, True),
        ("no answer", CallStatus.NO_ANSWER, True),
        ("failed", CallStatus.FAILED, True),
        ("canceled", CallStatus.CANCELLED, True),
        ("cancelled", CallStatus.CANCELLED, True),
        ("queued", CallStatus.IN_PROGRESS, False),
        ("ringing", CallStatus.IN_PROGRESS, False),
        ("in-progress", CallStatus.IN_PROGRESS, False),
        ("", CallStatus.UNRECOGNISED, False),
        (None, CallStatus.UNRECOGNISED, False),
        ("teleported", CallStatus.UNRECOGNISED, False),
    ],
)
def test_each_of_exotels_words_has_one_of_ours(word: str | None, status: CallStatus, terminal: bool) -> None:
    assert call_status(word) is status
    assert status.terminal is terminal


def test_who_ended_a_stream_is_told_in_our_words() -> None:
    spoken = [ended_by(word) for word in ("user", "caller", "Bot", "system", "NA", None)]
    assert spoken == [EndedBy.CALLER, EndedBy.CALLER, EndedBy.BOT, EndedBy.CARRIER, EndedBy.UNSAID, EndedBy.UNSAID]


def kind_of(status: int, body: str) -> str:
    answer = read_answer(status, {}, body.encode(), 0.1)
    return answer.kind.value if isinstance(answer, Refused) else "unknown"


def exception(said: str) -> str:
    return json.dumps({"RestException": {"Message": said}})


FULL = (
    "Concurrent call limit reached",
    "Concurrency limit exceeded",
    "Maximum number of simultaneous calls exceeded",
    "All channels are busy",
    "No free channels",
    "You have reached the limit of outbound calls",
    "Call limit reached for this ExoPhone",
    "Too many active calls",
)


@pytest.mark.parametrize("status", [400, 403, 409, 429, 430, 503])
@pytest.mark.parametrize("said", FULL)
def test_words_about_too_many_calls_at_once_are_nobodys_fault(status: int, said: str) -> None:
    assert kind_of(status, exception(said)) == "no-room"


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (429, "Calls per minute limit exceeded", "rate-limited"),
        (429, "Rate limit of 200 calls per minute reached", "rate-limited"),
        (429, "API calls limit exceeded", "rate-limited"),
        (403, "Daily call limit reached, complete your KYC", "forbidden"),
        (403, "DND number: call limit reached", "ndnc"),
        (400, "Call duration limit is 14400", "invalid-request"),
    ],
)
def test_words_about_another_limit_are_not_about_too_many_calls_at_once(status: int, said: str, kind: str) -> None:
    assert kind_of(status, exception(said)) == kind


def test_capacity_alone_may_be_the_servers_where_a_call_may_exist() -> None:
    assert [kind_of(status, exception("At capacity")) for status in (400, 403, 409, 503)] == [
        *["no-room"] * 2,
        *["unknown"] * 2,
    ]


@pytest.mark.parametrize("status", [409, 503, 500, 502, 408])
def test_a_page_before_exotel_that_speaks_of_calls_says_nothing_about_ours(status: int) -> None:
    assert kind_of(status, "<html>Concurrent call limit reached</html>") == "unknown"
    assert kind_of(500, exception("Concurrent call limit reached")) == "unknown"


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (400, "TimeLimit exceeds the maximum of 14400", "invalid-request"),
        (400, "RecordingChannels must be single or dual", "invalid-request"),
        (400, "CustomField is longer than its limit", "invalid-request"),
        (400, "Invalid number", "invalid-request"),
        (401, "Concurrent call limit reached", "unauthorised"),
        (402, "Call limit of your plan reached", "payment"),
        (404, "No channel available", "not-found"),
        (409, "Concurrent update", "unknown"),
        (429, "Rate limit exceeded. Try again in 30 seconds.", "rate-limited"),
        (403, "Call to [0998] can not be made because of TRAI NDNC regulations", "ndnc"),
    ],
)
def test_other_limits_and_other_words_stay_what_they_are(status: int, said: str, kind: str) -> None:
    assert kind_of(status, exception(said)) == kind


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Call to [0998] can not be made because of TRAI NDNC regulations.", "ndnc"),
        ("Number is in DND", "ndnc"),
        ("Not allowed by TRAI regulations", "ndnc"),
        ("KYC of your account is pending, as TRAI regulations demand", "forbidden"),
        ("Your account is suspended (TRAI complaint)", "forbidden"),
        ("KYC pending", "forbidden"),
        ("", "forbidden"),
    ],
)
def test_a_403_about_the_account_is_not_taken_for_one_about_the_person(said: str, kind: str) -> None:
    """It would skip one person after the other until the list is burnt."""
    answer = read_answer(403, {}, json.dumps({"RestException": {"Status": 403, "Message": said}}).encode(), 0.1)
    assert isinstance(answer, Refused)
    assert answer.kind == kind
