"""What the guide says of streams and no other test holds: the handshake's time, and what a one-way stream can tell."""

import json
import time

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from botbridge.routing import websocket_urlpatterns
from campaigns import tokens
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt
from tests import people
from tests.botbridge.far_end import media_frame, stop_frame
from tests.botbridge.stand_in import Caller, for_bot


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
