"""The file of flows, their addresses, and a flow across restarts."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.simulator.asgi import flowbook
from dialer.simulator.flows import KINDS, Flow, FlowError, Voicebot, parse
from dialer.simulator.options import Options
from dialer.simulator.streams import within_limits
from tests.simulator.clock import Clock

VARIABLES = (
    "stream_url=ws://bot.example/",
    "passthru_url=http://d.example/p/",
    "dynamic_url=http://d.example/dynamic/",
)


def one(**applets: dict[str, Any]) -> str:
    return json.dumps({"flows": {"7": {"name": "seven", "applets": applets}}})


def playing(app: str, number: str = "+919000022001", **form: str) -> Clock:
    clock = Clock(Options(flow_var=VARIABLES))
    clock.connect(number, Url=f"http://my.exotel.com/simulated/exoml/start_voice/{app}", **form)
    return clock


@pytest.mark.parametrize(
    "url",
    [
        "http://my.exotel.com/simulated/exoml/start_voice/101",
        "https://my.exotel.com/simulated/exoml/start_voice/101",
        "http://127.0.0.1:8001/simulated/exoml/start_voice/101",
        "http://localhost/simulated/exoml/start_voice/101",
    ],
)
def test_a_flow_is_found_by_its_address(url: str) -> None:
    flow = flowbook(Options()).find(url)
    assert flow is not None
    assert flow.app_id == "101"


@pytest.mark.parametrize(
    "url",
    [
        "http://my.exotel.com/other/exoml/start_voice/101",
        "http://my.exotel.com/simulated/exoml/start_voice/999",
        "http://d.example/simulated/exoml/start_voice/101",
        "ftp://my.exotel.com/simulated/exoml/start_voice/101",
        "nonsense",
    ],
)
def test_any_other_address_is_no_flow(url: str) -> None:
    assert flowbook(Options()).find(url) is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[]", "expected"),
        ("{", "expected"),
        ('{"flows": {"seven": {"applets": {}}}}', "number"),
        ('{"flows": {"7": {"applets": {}}}}', "no applet"),
        (one(a={"applet": "Dance"}), "Greeting"),
        (one(a={"applet": "Voicebot"}), "url"),
        (one(a={"applet": "Stream"}), "url"),
        (one(a={"applet": "Greeting", "next": "b"}), "no applet b"),
        (one(a={"applet": "Gather", "keys": {"1": "b"}}), "no applet b"),
        (one(a={"applet": "Greeting", "seconds": -1}), "seconds"),
        (one(a={"applet": "Greeting", "seconds": True}), "seconds"),
        (one(a={"applet": "Greeting", "louder": 1}), "louder"),
        (one(a={"applet": "Passthru", "url": "x", "style": "xml"}), "style"),
        (one(a={"applet": "Voicebot", "url": "x", "sample_rate": 11025}), "sample_rate"),
        (one(a={"applet": "Voicebot", "url": "x", "custom_parameters": dict.fromkeys("abcd", "")}), "at most 3"),
        (one(a={"applet": "Voicebot", "url": "x", "custom_parameters": {"a": "b" * 256}}), "256"),
    ],
)
def test_a_mistake_in_the_file_is_named(text: str, word: str) -> None:
    with pytest.raises(FlowError, match=word):
        parse(text)


WORD = st.sampled_from([*KINDS, "applet", "next", "url", "keys", "seconds", "async", "flows", "7", "applets", "a"])
JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | WORD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=4),
    max_leaves=10,
)


@given(JSON)
def test_any_file_is_flows_or_a_mistake(content: object) -> None:
    for wrapped in (content, {"flows": content}, {"flows": {"7": content}}, {"flows": {"7": {"applets": content}}}):
        try:
            flows = parse(json.dumps(wrapped))
        except FlowError:
            continue
        assert all(isinstance(flow, Flow) for flow in flows.values())


def test_an_address_is_filled_and_extended() -> None:
    book = flowbook(Options(flow_var=VARIABLES))
    applet = Voicebot("{stream_url}?a=b", sample_rate=16000, custom_parameters={"language": "hi"})
    assert book.stream_address(applet) == "ws://bot.example/?a=b&sample-rate=16000&language=hi"
    with pytest.raises(FlowError, match="nothing is not set"):
        book.fill("{nothing}")


def test_three_pairs_of_256_characters_are_delivered() -> None:
    assert within_limits(dict.fromkeys("abcd", "")) == dict.fromkeys("abc", "")
    assert within_limits({"sample-rate": "8000", "a": "1", "b": "2", "c": "3"}).keys() == {"sample-rate", "a", "b", "c"}
    assert within_limits({"a": "x" * 255, "b": "", "c": "1"}) == {"a": "x" * 255}


def test_a_flow_in_circles_fails(tmp_path: Path) -> None:
    file = tmp_path / "flows.json"
    file.write_text(one(a={"applet": "Passthru", "url": "http://d.example/", "async": True, "next": "a"}))
    clock = Clock(Options(flows=file))
    call = clock.connect("+919000022002", Url="http://my.exotel.com/simulated/exoml/start_voice/7")
    clock.run(20)
    assert call.status == "failed"
    assert "circles" in clock.ledger().of("flow")[0]["error"]


def test_the_time_limit_ends_a_flow_and_its_streams() -> None:
    clock = playing("101", TimeLimit="10")
    clock.run(30)
    (record,) = clock.ledger().calls.values()
    assert (record.status, record.streams[-1]["state"], record.streams[-1]["by"]) == ("completed", "closed", "carrier")
    assert [ask.kind for ask in clock.asked] == ["passthru"]


def test_a_person_with_little_patience_leaves_in_the_greeting() -> None:
    clock = playing("101", "+919000020001")
    clock.run(30)
    (record,) = clock.ledger().calls.values()
    assert [entry["name"] for entry in record.applets] == ["greeting"]
    assert record.ended
    assert (record.ended["by"], record.ended["conversation"]) == ("person", 2)


@pytest.mark.parametrize("app", ["1", "101", "102", "103", "104", "105", "106", "107", "108"])
@pytest.mark.parametrize("seconds", [0, 5, 9, 11, 14, 20])
def test_a_restart_at_any_moment_ends_every_flow_once(app: str, seconds: int) -> None:
    clock = playing(app, TimeLimit="60")
    clock.answers = [(200, b'{"url":"ws://bot.example/"}')]
    clock.run(seconds)
    later = clock.restarted()
    later.run(200)
    book = later.ledger()
    assert all(not call.open for call in later.exchange.calls.values())
    assert [entry["status"] for entry in book.of("ended")] == ["completed"]
    assert later.exchange.active_streams == 0


def test_after_a_restart_in_the_bot_the_next_applet_comes() -> None:
    clock = playing("101")
    clock.run(20)
    assert clock.streams
    later = clock.restarted()
    later.run(60)
    assert later.streams == []
    assert "Stream%5BStatus%5D=failed" in later.asked[0].posting.url
    assert [entry["name"] for entry in later.ledger().of("applet")] == ["greeting", "bot", "told", "human"]


def test_an_answered_passthru_is_not_asked_again_after_a_restart() -> None:
    clock = playing("104")
    clock.run(10)
    last = clock.entries.index(clock.ledger().of("passthru")[0])
    clock.entries = clock.entries[: last + 1]
    later = clock.restarted()
    later.run(10)
    assert later.asked == []
    assert [entry["name"] for entry in later.ledger().of("applet")] == ["before", "bot"]


def test_the_last_passthru_of_an_ended_call_is_sent_after_a_restart() -> None:
    clock = playing("101", TimeLimit="10")
    clock.run(30)
    clock.entries = [entry for entry in clock.entries if entry["event"] != "passthru"]
    later = clock.restarted()
    later.run(1)
    assert [ask.kind for ask in later.asked] == ["passthru"]
    assert later.restarted().exchange.next_at() is None
