"""A whole talk through the real doors into PostgreSQL: grant, start, timeline, disposition, end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import time
from pathlib import Path

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.urls import re_path
from django.utils import timezone
from pytest_django import Settings

from botbridge import consumers
from botbridge.doors import through
from botbridge.routing import PATH
from campaigns import tokens
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import CallAttempt, Campaign, CampaignContact, ExotelAccount, Stream, StreamEntry, Suppression
from tests.botbridge.far_end import CAPTURED_START, dtmf_frame, start_frame
from tests.botbridge.stand_in import Caller, StandIn


@pytest.fixture
def attempt(transactional_db: None, settings: Settings, tmp_path: Path) -> Iterator[CallAttempt]:
    """A placed call to Asha, whose campaign announces."""
    settings.SPEECH_DIR = tmp_path
    account = ExotelAccount.objects.create(
        name="Simulated", kind="simulator", api_url="http://127.0.0.1:1", api_key="k"
    )
    campaign = Campaign.objects.create(
        name="Reminder",
        account=account,
        bot="announcer",
        bot_options={"message": "Hello {name}."},
        caller_id="08047491899",
        window_start=time(0),
        window_end=time(0),
    )
    now = timezone.now()
    contact = CampaignContact.objects.create(
        campaign=campaign, phone="+919812345678", name="Asha", state=ContactState.IN_CALL, due_at=now
    )
    yield CallAttempt.objects.create(
        account=account,
        account_kind=account.kind,
        campaign=campaign,
        campaign_contact=contact,
        ordinal=1,
        phone=contact.phone,
        caller_id=campaign.caller_id,
        ring_timeout=45,
        time_limit=300,
        mode="bot",
        state=AttemptState.PLACED,
        owner=1,
        intent_at=now,
        slot_expires_at=now,
        proof_at=now,
    )
    assert consumers.live_streams() == 0


def caller_for(attempt: CallAttempt) -> Caller:
    caller = Caller(StandIn())
    application = URLRouter([re_path(PATH, consumers.StreamConsumer.as_asgi())])
    caller.socket = WebsocketCommunicator(application, f"/x/ws/{tokens.mint('stream', str(attempt.pk))}")
    return caller


async def test_a_talk_that_ends_in_an_opt_out_is_in_the_database(attempt: CallAttempt) -> None:
    caller = await caller_for(attempt).start()
    await caller.until(lambda caller: "mark" in caller.events())
    await caller.say(dtmf_frame("9"))
    assert await caller.until_closed() == 1000

    await through(check_the_opt_out, attempt)


def check_the_opt_out(attempt: CallAttempt) -> None:
    stream = Stream.objects.get()
    assert (stream.closed_by, stream.close_code, stream.call_sid) == ("bot", 1000, "3a2f6cbb4ffc9dee76ae06bb8bb119bk")
    kinds = list(StreamEntry.objects.order_by("at", "id").values_list("kind", flat=True))
    assert kinds[:2] == ["connected", "start"]
    assert {"prompt", "first_audio", "key", "mark", "disposition", "closing"} <= set(kinds)
    attempt.refresh_from_db()
    assert (attempt.disposition_kind, attempt.disposition, attempt.state) == ("stop", "Do not call again", "answered")
    assert Suppression.objects.filter(phone=attempt.phone).exists()


async def test_a_token_opens_one_stream_only(attempt: CallAttempt) -> None:
    first = await caller_for(attempt).start()
    assert await caller_for(attempt).socket.connect() == (False, 4409)
    await first.gone(1000)


async def test_the_same_call_may_come_back_soon_after_an_abnormal_drop(attempt: CallAttempt) -> None:
    first = await caller_for(attempt).start()
    await first.gone(1006)
    again = await caller_for(attempt).start()
    await again.gone(1006)
    assert await through(Stream.objects.count) == 2


def _give_to_another_attempt(attempt: CallAttempt, sid: object) -> None:
    other = CallAttempt.objects.get(pk=attempt.pk)
    other.pk, other.ordinal, other.state, other.sid = None, 2, AttemptState.ENDED, str(sid)
    other.save()


async def test_another_call_with_a_stolen_token_is_closed(attempt: CallAttempt) -> None:
    await through(_give_to_another_attempt, attempt, CAPTURED_START["call_sid"])
    caller = caller_for(attempt)
    await caller.socket.connect()
    await caller.say(start_frame())
    assert await caller.until_closed() == 4403
