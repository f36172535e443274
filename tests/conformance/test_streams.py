"""What the guide says of streams and no other test holds: parameters from columns, the handshake, a one-way stream."""

import json
import time
from urllib.parse import parse_qsl, urlsplit

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from hypothesis import given
from hypothesis import strategies as st

from botbridge.routing import websocket_urlpatterns
from campaigns import addresses, creating, intents, tokens
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.payloads import problems
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt
from campaigns.refusals import NotAllowed
from tests import people
from tests.botbridge.far_end import media_frame, stop_frame
from tests.botbridge.stand_in import Caller, for_bot

LONG = st.text(st.characters(codec="utf-8"), max_size=300)


def query_of(address: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


@pytest.mark.django_db
def test_columns_are_sent_in_three_pairs_and_256_characters() -> None:
    campaign = people.campaign(mode="bot", bot="echo", sample_rate=16_000, stream_parameters=["amount", "due", "name"])
    contact = people.contact(campaign, name="Asha Rao", variables={"amount": "4350", "due": "1 March", "secret": "no"})
    request = intents.connect_request(people.attempt(contact), campaign)
    assert query_of(request.stream_url) == {
        "sample-rate": "16000",
        "amount": "4350",
        "due": "1 March",
        "name": "Asha Rao",
    }
    assert problems(request) == []


@given(LONG, LONG, LONG)
def test_values_that_are_too_long_are_cut_and_the_address_is_still_taken(one: str, two: str, three: str) -> None:
    address = addresses.stream(10**18, 24_000, {"one": one, "two": two, "three": three})
    assert len(urlsplit(address).query) <= 256
    assert len(address) < 600
    found = query_of(address)
    assert set(found) == {"sample-rate", "one", "two", "three"}
    assert all(given.startswith(found[name]) for name, given in (("one", one), ("two", two), ("three", three)))


@pytest.mark.django_db
@pytest.mark.parametrize("columns", [["a", "b", "c", "d"], ["a", "a"], ["x" * 120, "y" * 120, "z"], ["sample-rate"]])
def test_columns_that_exotel_would_cut_are_refused(columns: list[str]) -> None:
    account = people.account()
    plan = creating.CampaignPlan(
        name="Reminders",
        lists=[people.contact_list()],
        account=account,
        caller_id=people.CALLER_ID,
        bot="echo",
        stream_parameters=columns,
    )
    with pytest.raises(NotAllowed):
        creating.create(plan, by=COMMAND_LINE)


@pytest.fixture
def placed(transactional_db: None) -> CallAttempt:
    campaign = people.campaign(mode="bot", bot="echo")
    return people.attempt(people.contact(campaign), AttemptState.PLACED, sid="f37f0d4d5e1be0ae8dd5c9ae4b4f19bk")


async def test_the_handshake_takes_far_less_than_ten_seconds(placed: CallAttempt) -> None:
    path = f"/x/ws/{tokens.mint('stream', str(placed.pk))}"
    socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), path)
    began = time.monotonic()
    connected, _ = await socket.connect(timeout=10)
    assert connected
    assert time.monotonic() - began < 3
    await socket.disconnect()


async def test_what_is_heard_is_told_by_length_and_level_and_by_no_name() -> None:
    caller = await Caller(for_bot("listener")).start()
    for _ in range(8):
        await caller.say(media_frame(b"\x10\x20" * 1600))
    await caller.say(stop_frame())
    await caller.gone()
    assert caller.received == []
    (told,) = caller.doors.dispositions
    assert set(told["details"]) == {"heard_seconds", "talk_seconds", "segments", "loudest_dbfs"}
    assert told["details"]["heard_seconds"] == "1.6"
    facts = [entry for entry in caller.doors.entries if entry.kind in ("speech", "level")]
    assert all(set(entry.data) == {"seconds", "dbfs"} and not entry.text for entry in facts)
    assert "Asha" not in json.dumps([entry.data for entry in caller.doors.entries])
