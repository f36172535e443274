"""Call details, call lists and active streams, over real sockets."""

import json
import time
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from campaigns.exotel.client import PAGES_AT_MOST, ExotelClient
from campaigns.exotel.errors import (
    ExotelError,
    Forbidden,
    NotFound,
    PaymentDue,
    RateLimited,
    Unauthorised,
    Unexpected,
    Unreachable,
    Unreadable,
)
from campaigns.exotel.statuses import CallStatus
from tests.exotel.wire import CONNECTED_XML, SID, FarSide, Line, far_side, http, refusal

SINCE, UNTIL = datetime(2026, 1, 15, 9, 0, tzinfo=UTC), datetime(2026, 1, 15, 9, 5, tzinfo=UTC)


def client_of(side: FarSide, **more: Any) -> ExotelClient:
    return ExotelClient(side.url, "acct", "key", "token", **more)


def record(sid: str = SID, **changes: Any) -> dict[str, Any]:
    return {
        "Sid": sid,
        "From": "09800000001",
        "To": "",
        "PhoneNumberSid": "08040000000",
        "Status": "busy",
        "Direction": "outbound-api",
        "DateCreated": "2026-01-15 14:30:00",
        "StartTime": "2026-01-15 14:30:01",
        "EndTime": "1970-01-01 05:30:00",
        "Duration": "30",
        "Price": None,
        "RecordingUrl": None,
    } | changes


def page(*records: dict[str, Any], following: str | None = None) -> bytes:
    return http(200, json.dumps({"Metadata": {"NextPageUri": following}, "Calls": list(records)}).encode())


def asked(request: bytes) -> tuple[str, dict[str, list[str]]]:
    parts = urlsplit(request.split(b" ", 2)[1].decode())
    return parts.path, parse_qs(parts.query)


def test_the_details_of_a_call_are_read() -> None:
    details = record(
        Status="completed", Price="0.750000", Details={"ConversationDuration": 9, "Leg1Status": "completed"}
    )
    with far_side(http(200, json.dumps({"Call": details}).encode())) as side:
        call = client_of(side).call(SID)
    assert call is not None
    assert (call.sid, call.number, call.caller_id) == (SID, "09800000001", "08040000000")
    assert (call.status, call.direction, call.duration) == (CallStatus.ANSWERED, "outbound-api", 30)
    assert (call.conversation_duration, call.price) == (9, Decimal("0.75"))
    assert call.created == datetime(2026, 1, 15, 9, 0, 0, tzinfo=UTC)
    assert (call.end, call.recording_url) == (None, None)
    path, query = asked(side.requests[0])
    assert path == f"/v1/Accounts/acct/Calls/{SID}.json"
    assert query == {"details": ["true"]}


def test_the_details_are_read_from_xml_too() -> None:
    with far_side(http(200, CONNECTED_XML)) as side:
        call = client_of(side).call(SID)
    assert call is not None
    assert (call.sid, call.caller_id, call.duration, call.price) == (SID, "09510000000", None, None)
    assert call.status is CallStatus.IN_PROGRESS


def test_a_sid_that_exotel_does_not_know_is_none() -> None:
    with far_side(http(404, refusal(404, "Not found"))) as side:
        assert client_of(side).call("../odd?") is None
    assert side.requests[0].startswith(b"GET /v1/Accounts/acct/Calls/..%2Fodd%3F.json?details=true ")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (http(401), Unauthorised),
        (http(402), PaymentDue),
        (http(403, refusal(403, "KYC")), Forbidden),
        (http(429, b"", "Retry-After: 7"), RateLimited),
        (http(503), Unexpected),
        (http(302, b"", "Location: http://elsewhere.example/"), Unexpected),
        (http(200), Unreadable),
        (http(200, b"<html>hello"), Unreadable),
        (http(200, b"{}"), Unreadable),
        (b"", Unreachable),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", Unreachable),
    ],
    ids=lambda given: repr(given)[:40],
)
def test_each_failure_has_its_own_error(answer: bytes, kind: type[ExotelError]) -> None:
    with far_side(answer) as side:
        with pytest.raises(kind) as caught:
            client_of(side).call(SID)
        assert caught.value.try_again is (kind in {RateLimited, Unreachable} or b" 503 " in answer)
    assert len(side.requests) == 1
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 7


def test_a_hundred_sids_are_asked_for_twenty_at_a_time() -> None:
    sids = [f"{n:032d}" for n in range(100)]

    def script(line: Line) -> None:
        _, query = asked(side.answering(line))
        line.say(page(*(record(sid) for sid in query["Sid"][0].split(",") if not sid.endswith("7")), record("other")))

    with FarSide(script) as side:
        client = client_of(side)
        found = client.calls(sids)
    assert len(side.requests) == 5
    assert set(found) == {sid for sid in sids if not sid.endswith("7")}
    with pytest.raises(ValueError, match="100"):
        client.calls([*sids, "one more"])


def test_a_call_that_the_list_spells_otherwise_is_found_as_it_was_asked_for() -> None:
    with far_side(page(record(f"CA{SID.upper()}"), record("other"))) as side:
        assert list(client_of(side).calls([SID])) == [SID]


def test_calls_to_a_number_are_asked_for_in_both_spellings_and_in_the_accounts_zone() -> None:
    stranger = record("b" * 32, From="09800000002")
    with far_side(page(record(), stranger)) as side:
        listed = client_of(side).calls_to("+919800000001", since=SINCE, until=UNTIL)
    assert [call.sid for call in listed.calls] == [SID]
    assert listed.complete
    _, query = asked(side.requests[0])
    assert query["From"] == ["+919800000001,09800000001"]
    assert query["DateCreated"] == ["gte:2026-01-15 14:30:00;lte:2026-01-15 14:35:00"]


@pytest.mark.parametrize("spelled", ["06591234567", "6591234567", "65 9123 4567"])
def test_a_call_that_may_be_to_this_number_abroad_leaves_the_list_incomplete(spelled: str) -> None:
    """Read as an Indian number it is another one; to take it for absent would ring the person twice."""
    with far_side(page(record(From=spelled))) as side:
        listed = client_of(side).calls_to("+6591234567", since=SINCE, until=UNTIL)
    assert (listed.calls, listed.complete) == ((), False)


def test_the_next_page_is_followed_and_the_list_is_complete() -> None:
    with far_side(page(record(), following="/v1/Accounts/acct/Calls.json?After=x"), page(record("b" * 32))) as side:
        listed = client_of(side).calls_to("+919800000001", since=SINCE, until=UNTIL)
    assert [call.sid for call in listed.calls] == [SID, "b" * 32]
    assert listed.complete
    assert asked(side.requests[1]) == ("/v1/Accounts/acct/Calls.json", {"After": ["x"]})


@pytest.mark.parametrize("elsewhere", ["http://evil.example/v1/", "//evil.example/v1/", "http://127.0.0.1:9/v1/"])
def test_a_next_page_at_another_host_gets_no_password(elsewhere: str) -> None:
    with far_side(page(record(), following=elsewhere)) as side, pytest.raises(Unreadable, match="another host"):
        client_of(side).calls_to("+919800000001", since=SINCE, until=UNTIL)


def test_a_list_without_end_is_incomplete_and_a_list_in_a_circle_too() -> None:
    def endless(line: Line) -> None:
        line.say(page(record(), following=f"/v1/Accounts/acct/Calls.json?After={len(side.requests)}"))
        side.answering(line)

    with FarSide(endless) as side:
        assert not client_of(side).calls_to("+919800000001", since=SINCE, until=UNTIL).complete
        assert len(side.requests) <= PAGES_AT_MOST
    with far_side(page(record(), following="/v1/Accounts/acct/Calls.json?After=x")) as side:
        assert not client_of(side).calls_to("+919800000001", since=SINCE, until=UNTIL).complete
        assert len(side.requests) == 2


def test_a_page_that_fails_is_never_an_empty_list() -> None:
    following = "/v1/Accounts/acct/Calls.json?After=x"
    with far_side(page(record(), following=following), http(503)) as side, pytest.raises(Unexpected):
        client_of(side).calls_to("+919800000001", since=SINCE, until=UNTIL)


@pytest.mark.parametrize(
    ("body", "sids"),
    [
        (b'{"Metadata":{"Total":0},"Calls":[]}', 0),
        (b"<TwilioResponse><Metadata><Total>0</Total></Metadata><Calls/></TwilioResponse>", 0),
        (b"<TwilioResponse><Calls><Call><Sid>a</Sid><From>09800000001</From></Call></Calls></TwilioResponse>", 1),
        (
            (
                b"<TwilioResponse><Calls><Call><Sid>a</Sid><From>09800000001</From></Call>"
                b"<Call><Sid>b</Sid><From>+919800000001</From></Call></Calls></TwilioResponse>"
            ),
            2,
        ),
    ],
)
def test_lists_of_every_length_are_read_in_json_and_in_xml(body: bytes, sids: int) -> None:
    with far_side(http(200, body)) as side:
        listed = client_of(side).calls_to("+919800000001", since=SINCE, until=UNTIL)
    assert len(listed.calls) == sids


@pytest.mark.parametrize(
    "body",
    [
        (
            b"<TwilioResponse><Stream><ActiveStreamCount>7</ActiveStreamCount><ThrottleLimit>100</ThrottleLimit></Stream>"
            b"</TwilioResponse>"
        ),
        b'{"status":"success","active_streams":7,"max_allowed_streams":100,"account_sid":"acct"}',
    ],
)
def test_active_streams_are_read_in_both_shapes(body: bytes) -> None:
    with far_side(http(200, body)) as side:
        use = client_of(side).active_streams()
    assert (use.active, use.limit) == (7, 100)
    assert asked(side.requests[0])[0] == "/v1/Accounts/acct/ActiveStreams"


def test_the_documented_spelling_asks_for_active_streams_in_lower_case() -> None:
    with far_side(http(200, b'{"active_streams":0}')) as side:
        assert client_of(side, spelling="documented").active_streams().limit is None
    assert asked(side.requests[0])[0] == "/v1/accounts/acct/activestreams"


def test_reachable_says_yes_or_what_is_wrong() -> None:
    with far_side(page()) as side:
        assert client_of(side).reachable().ok
    with far_side(http(401)) as side:
        refused = client_of(side).reachable()
    assert not refused.ok
    assert isinstance(refused.problem, Unauthorised)


def test_a_dripping_list_is_given_up_at_the_deadline() -> None:
    def script(line: Line) -> None:
        line.read_request()
        line.drip(page(record()), 0.05)

    began = time.monotonic()
    with FarSide(script) as side, pytest.raises(Unreachable, match="no whole answer"):
        client_of(side, deadline=0.3).call(SID)
    assert time.monotonic() - began < 1.0


def test_an_unknown_account_is_not_found() -> None:
    with far_side(http(404)) as side, pytest.raises(NotFound):
        client_of(side).active_streams()
