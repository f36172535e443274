"""What Calls/connect takes and what it answers with 400."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialer.simulator.options import Options
from dialer.simulator.orders import Invalid, Order, read_order

FORM = {
    "From": "+919810000001",
    "CallerId": "08047491899",
    "StreamUrl": "wss://u:p@bot.example/ws/?a=b",
    "StreamType": "bidirectional",
}


def order(**changes: str | None) -> Order:
    form = [(name, value) for name, value in (FORM | changes).items() if value is not None]
    return read_order(form, Options())


def test_numbers_become_national() -> None:
    taken = order(CallerId="+918047491899")
    assert (taken.customer, taken.exophone, taken.kind) == ("09810000001", "08047491899", "stream")


def test_the_ring_and_call_limits_have_defaults() -> None:
    assert (order().time_out, order().time_limit) == (60, 14_400)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"From": None}, "From"),
        ({"CallerId": None}, "CallerId"),
        ({"StreamUrl": None}, "StreamUrl"),
        ({"From": "12"}, "From"),
        ({"From": "+91123"}, "From"),
        ({"CallerId": "09876543210"}, "ExoPhone"),
        ({"StreamUrl": "https://bot.example/"}, "StreamUrl"),
        ({"StreamUrl": "ws://"}, "StreamUrl"),
        ({"StreamUrl": "wss://bot.example/" + "a" * 582}, "StreamUrl"),
        ({"StreamType": None}, "StreamType"),
        ({"StreamType": "both"}, "StreamType"),
        ({"Url": "http://my.exotel.com/x"}, "Url"),
        ({"TimeLimit": "14401"}, "TimeLimit"),
        ({"TimeLimit": "0"}, "TimeLimit"),
        ({"TimeOut": "ten"}, "TimeOut"),
        ({"CustomField": "x" * 129}, "CustomField"),
        ({"StreamName": "x" * 33}, "StreamName"),
        ({"RecordingChannels": "stereo"}, "RecordingChannels"),
        ({"StatusCallback": "d.example/cb"}, "StatusCallback"),
        ({"StatusCallbackEvents[0]": "hangup"}, "StatusCallbackEvents"),
        ({"StatusCallbackEvents[x]": "terminal"}, "StatusCallbackEvents"),
        ({"StatusCallbackContentType": "text/plain"}, "StatusCallbackContentType"),
        ({"from": "+919810000001"}, "from"),
    ],
)
def test_a_bad_request_is_refused_with_the_parameter_named(changes: dict[str, str | None], word: str) -> None:
    with pytest.raises(Invalid, match=word):
        order(**changes)


def test_the_longest_values_are_taken() -> None:
    url = "wss://bot.example/" + "a" * 581
    assert len(url) == 599
    taken = order(StreamUrl=url, CustomField="x" * 128, StreamName="x" * 32, TimeLimit="14400")
    assert taken.stream_url == url


@pytest.mark.parametrize(
    "names",
    [
        ("StatusCallbackEvents[0]", "StatusCallbackEvents[1]"),
        ("StatusCallbackEvents[]", "StatusCallbackEvents[]"),
        ("StatusCallbackEvents", "StatusCallbackEvents"),
    ],
)
def test_events_are_read_in_every_spelling(names: tuple[str, str]) -> None:
    form = [*FORM.items(), (names[0], "terminal"), (names[1], "answered")]
    assert read_order(form, Options()).events == ("terminal", "answered")


def test_both_is_a_word_for_flows_only() -> None:
    flow = [("From", "+919810000001"), ("CallerId", "08047491899"), ("Url", "http://my.exotel.com/x")]
    both = ("StatusCallbackEvents", "both")
    assert read_order([*flow, both], Options()).events == ("answered", "terminal")
    with pytest.raises(Invalid, match="both"):
        read_order([*FORM.items(), both], Options())


@pytest.mark.parametrize("name", ["StreamType", "StreamName", "StreamUrl"])
def test_a_flow_takes_no_stream_parameters(name: str) -> None:
    flow = [("From", "+919810000001"), ("CallerId", "08047491899"), ("Url", "http://my.exotel.com/x")]
    with pytest.raises(Invalid, match=name):
        read_order([*flow, (name, FORM.get(name, "label"))], Options())


def test_the_guides_lower_case_is_read_only_when_asked() -> None:
    form = [(name.lower(), value) for name, value in FORM.items()]
    assert read_order(form, Options(), lowercase=True) == order()
    with pytest.raises(Invalid):
        read_order(form, Options())


@given(st.lists(st.tuples(st.sampled_from([*FORM, "Url", "TimeLimit", "StatusCallback", "x"]), st.text())))
def test_any_form_is_an_order_or_invalid(form: list[tuple[str, str]]) -> None:
    try:
        found = read_order([*FORM.items(), *form], Options())
    except Invalid:
        return
    assert isinstance(found, Order)
