"""The dial request as a form, in both spellings, and what is wrong with a request in an operator's words."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.exotel.payloads import ConnectRequest, connect_path, form, problems

BOT = ConnectRequest(
    number="+919800000001",
    caller_id="+918040000000",
    mode="bot",
    stream_url="wss://dialer.example/ws/token/",
    stream_name="reminder",
    time_limit=300,
    ring_timeout=30,
    record=True,
    recording_channels="dual",
    status_callback="https://dialer.example/cb/token/",
    status_callback_events=("terminal", "answered"),
    custom_field="12.mac",
)
FLOW = ConnectRequest(
    number="+919800000001",
    caller_id="08040000000",
    mode="flow",
    flow_url="http://my.exotel.com/acct/exoml/start_voice/926",
    status_callback="https://dialer.example/cb/token/",
    status_callback_events=("terminal",),
    status_callback_content_type="application/json",
)


def test_a_bot_call_is_spelled_as_the_wire_wants_it() -> None:
    assert form(BOT, "wire") == [
        ("From", "+919800000001"),
        ("CallerId", "08040000000"),
        ("StreamUrl", "wss://dialer.example/ws/token/"),
        ("StreamType", "bidirectional"),
        ("StreamName", "reminder"),
        ("CallType", "trans"),
        ("TimeLimit", "300"),
        ("TimeOut", "30"),
        ("Record", "true"),
        ("RecordingChannels", "dual"),
        ("CustomField", "12.mac"),
        ("StatusCallback", "https://dialer.example/cb/token/"),
        ("StatusCallbackEvents[0]", "terminal"),
        ("StatusCallbackEvents[1]", "answered"),
    ]


def test_a_flow_call_is_spelled_as_the_guide_prints_it() -> None:
    assert form(FLOW, "documented") == [
        ("from", "+919800000001"),
        ("callerid", "08040000000"),
        ("url", "http://my.exotel.com/acct/exoml/start_voice/926"),
        ("calltype", "trans"),
        ("statuscallback", "https://dialer.example/cb/token/"),
        ("statuscallbackcontenttype", "application/json"),
        ("statuscallbackevents", "terminal"),
    ]


def test_a_flow_that_shall_tell_of_both_events_says_both_as_the_guide_prints_it() -> None:
    told = replace(FLOW, status_callback_events=("terminal", "answered"))
    assert form(told, "documented")[-1] == ("statuscallbackevents", "both")
    assert form(told, "wire")[-2:] == [("StatusCallbackEvents[0]", "terminal"), ("StatusCallbackEvents[1]", "answered")]


def test_a_flow_call_never_carries_what_belongs_to_its_applets() -> None:
    mixed = replace(FLOW, stream_url=BOT.stream_url, stream_name="reminder", time_limit=14_400, ring_timeout=40)
    names = {name for name, _ in form(mixed, "wire")}
    assert not {name for name in names if name.startswith("Stream")}
    assert {"Url", "CallType", "TimeLimit", "TimeOut"} <= names


def test_a_stream_and_a_flow_are_never_sent_together() -> None:
    both = replace(BOT, flow_url=FLOW.flow_url)
    assert not {"Url", "url"} & {name for name, _ in form(both, "wire")}
    flow = {name for name, _ in form(replace(both, mode="flow"), "wire")}
    assert "Url" in flow
    assert not {"StreamUrl", "StreamType", "StreamName"} & flow


def test_no_recording_is_asked_for_by_saying_nothing() -> None:
    assert not {"Record", "RecordingChannels"} & {name for name, _ in form(replace(BOT, record=False), "wire")}


def test_the_path_keeps_an_odd_account_name_in_its_place() -> None:
    assert connect_path("a/../b?c", "wire") == "/v1/Accounts/a%2F..%2Fb%3Fc/Calls/connect.json"


@pytest.mark.parametrize("request_", [BOT, FLOW])
def test_a_good_request_has_no_problems(request_: ConnectRequest) -> None:
    assert problems(request_) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": "09800000001"}, "international form"),
        ({"number": "+91 98000 00001"}, "international form"),
        ({"caller_id": "Exotel"}, "not a phone number"),
        ({"caller_id": ""}, "not a phone number"),
        ({"caller_id": "12"}, "not a phone number"),
        ({"stream_url": "https://dialer.example/ws/"}, "wss:// or ws://"),
        ({"stream_url": ""}, "wss:// or ws://"),
        ({"stream_url": "wss://dialer.example/\nws"}, "wss:// or ws://"),
        ({"stream_url": "wss://[dialer/"}, "wss:// or ws://"),
        ({"stream_url": "wss://d.example/ws/#part"}, "# part"),
        ({"stream_url": "wss://d.example/" + "a" * 584}, "fewer than 600"),
        ({"stream_url": "wss://d.example/?a=1&b=2&c=3&d=4"}, "more than 3 parameters"),
        ({"stream_name": "n" * 33}, "takes 32"),
        ({"time_limit": 3_601}, "3,600 seconds"),
        ({"time_limit": 0}, "3,600 seconds"),
        ({"ring_timeout": 0}, "at least one second"),
        ({"custom_field": "c" * 129}, "takes 128"),
        ({"flow_url": FLOW.flow_url}, "not to both"),
        ({"status_callback": "ftp://dialer.example/"}, "http:// or https://"),
        ({"status_callback_events": ("terminal", "hangup")}, "named hangup"),
    ],
)
def test_a_bot_call_that_exotel_would_refuse_is_told_in_one_sentence(change: dict[str, Any], words: str) -> None:
    found = problems(replace(BOT, **change))
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize("length", [599])
def test_a_stream_url_of_599_characters_is_fine(length: int) -> None:
    address = "wss://d.example/".ljust(length, "a")
    assert problems(replace(BOT, stream_url=address)) == []


def test_a_sample_rate_is_not_one_of_the_three_parameters() -> None:
    address = "wss://d.example/?sample-rate=16000&a=1&b=2&c=3"
    assert problems(replace(BOT, stream_url=address)) == []


@pytest.mark.parametrize(
    "flow_url",
    [
        "http://my.exotel.com/acct/exoml/start_voice/926",
        "https://my.exotel.in/exoml/start/926",
        "http://127.0.0.1:9000/acct/exoml/start_voice/1",
        "http://localhost:9000/anything",
    ],
)
def test_a_flow_of_exotels_or_of_a_simulator_is_taken(flow_url: str) -> None:
    assert problems(replace(FLOW, flow_url=flow_url)) == []


@pytest.mark.parametrize(
    "flow_url",
    [
        "",
        "https://dialer.example/exoml/start_voice/926",
        "http://my.exotel.com.evil.example/acct/exoml/start_voice/926",
        "http://my.exotel.com/acct",
        "ws://my.exotel.com/acct/exoml/start_voice/926",
    ],
)
def test_a_flow_url_that_is_not_exotels_is_told(flow_url: str) -> None:
    found = problems(replace(FLOW, flow_url=flow_url))
    assert len(found) == 1
    assert "my.exotel.com" in found[0]


def test_a_flow_may_last_four_hours_and_not_longer() -> None:
    assert problems(replace(FLOW, time_limit=14_400)) == []
    assert "14,400" in problems(replace(FLOW, time_limit=14_401))[0]


@settings(deadline=None)
@given(address=st.text(), caller=st.text(), mode=st.sampled_from(["bot", "flow"]))
def test_no_text_breaks_the_check(address: str, caller: str, mode: Any) -> None:
    odd = ConnectRequest(
        number=caller, caller_id=caller, mode=mode, stream_url=address, flow_url=address, status_callback=address
    )
    assert all(sentence.endswith(".") for sentence in problems(odd))
