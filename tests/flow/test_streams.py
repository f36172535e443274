"""The bot in a flow: a stream whose address we are asked for, and one at an address that stands in the flow."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.utils import timezone

from botbridge import consumers, lobby
from botbridge.doors import through
from botbridge.routing import websocket_urlpatterns
from campaigns import account_tokens, matching, settling, streams, tokens
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.answers import Accepted
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, Stream, StreamEntry
from tests.botbridge.far_end import dtmf_frame, media_frame, stop_frame
from tests.botbridge.stand_in import Caller, StandIn
from tests.callbacks import carrier
from tests.flow import flow

LOUD = b"\x00\x30\x00\xd0" * 4000  # one second


def asked(exotel: Client, attempt: CallAttempt) -> str:
    """The address that our answer gives."""
    response = flow.get(exotel, flow.path(attempt.account_id, "dynamic-stream"), flow.captured(attempt))
    assert response.status_code == 200, response.content
    return str(json.loads(response.content)["url"])


# ------------------------------------------------------------------------------------------------------------ dynamic
def test_the_address_is_the_calls_own_with_the_campaigns_columns(exotel: Client) -> None:
    attempt = flow.call(sample_rate=16000, stream_parameters=["city", "name"])
    contact = attempt.campaign_contact
    contact.name, contact.variables = "Asha", {"city": "नागपुर", "amount": "5"}
    contact.save()
    parts = urlsplit(asked(exotel, attempt))
    assert parts.scheme == "ws"
    assert parts.path == f"/x/ws/{tokens.mint('stream', str(attempt.pk))}"
    assert parse_qs(parts.query) == {"sample-rate": ["16000"], "city": ["नागपुर"], "name": ["Asha"]}
    assert carrier.fresh(attempt).state == AttemptState.ANSWERED


@pytest.mark.parametrize("spelled", ["CA{}", "of-nobody"])
def test_a_flow_that_names_another_call_sid_beside_our_custom_field_gets_the_address(
    exotel: Client, spelled: str
) -> None:
    attempt = flow.call()
    fields = flow.captured(attempt, spelled.format(attempt.sid))
    response = flow.get(exotel, flow.path(attempt.account_id, "dynamic-stream"), fields)
    assert tokens.mint("stream", str(attempt.pk)) in json.loads(response.content)["url"]
    assert carrier.fresh(attempt).state == AttemptState.ANSWERED


def test_each_asking_after_a_stream_opens_one_more_and_no_address_opens_two(exotel: Client) -> None:
    attempt = flow.call()
    first = urlsplit(asked(exotel, attempt)).path.rsplit("/", 1)[1]
    assert urlsplit(asked(exotel, attempt)).path.endswith(first), "asked twice for one stream"
    stream = streams.open_stream(first)
    with pytest.raises(streams.StreamRefused, match="before"):
        streams.open_stream(first)
    Stream.objects.filter(pk=stream.stream_id).update(closed_at=timezone.now(), closed_by="bot")
    second = urlsplit(asked(exotel, attempt)).path.rsplit("/", 1)[1]
    assert second != first
    streams.open_stream(second)
    for used in (first, second):
        with pytest.raises(streams.StreamRefused):
            streams.open_stream(used)


def test_a_call_that_nobody_knows_gets_no_address_and_is_kept(exotel: Client) -> None:
    attempt = flow.call()
    fields = flow.captured(attempt) | {"CustomField": "", "CallSid": carrier.new_sid(), "Direction": "incoming"}
    response = flow.get(exotel, flow.path(attempt.account_id, "dynamic-stream"), fields)
    assert (response.status_code, json.loads(response.content)) == (404, {"error": matching.UNKNOWN_CALL})
    assert [event.source for event in flow.unmatched()] == ["dynamic"]


@pytest.mark.parametrize(("state", "bot", "why"), [("ended", "echo", "is over"), ("placed", "", "has no bot")])
def test_a_call_that_no_bot_may_talk_on_gets_no_address(exotel: Client, state: str, bot: str, why: str) -> None:
    attempt = flow.call(state, bot=bot)
    response = flow.get(exotel, flow.path(attempt.account_id, "dynamic-stream"), flow.captured(attempt))
    assert response.status_code == 404
    assert why in json.loads(response.content)["error"]


def test_another_token_gets_no_address(exotel: Client) -> None:
    attempt, other = flow.call(), flow.call()
    passthru = flow.path(attempt.account_id).replace("/pt/", "/ds/")
    assert flow.get(exotel, passthru, flow.captured(attempt)).status_code == 404
    crossed = flow.get(exotel, flow.path(other.account_id, "dynamic-stream"), flow.captured(attempt))
    assert json.loads(crossed.content) == {"error": matching.OTHER_ACCOUNT}
    old = flow.path(attempt.account_id, "dynamic-stream")
    account_tokens.rotate(attempt.account_id, "dynamic-stream", by=COMMAND_LINE, grace=timedelta(0))
    assert flow.get(exotel, old, flow.captured(attempt)).status_code == 404
    assert carrier.fresh(attempt).state == AttemptState.PLACED


# ------------------------------------------------------------------------------------------------------------- static
@pytest.fixture
async def attempt(transactional_db: None) -> AsyncIterator[CallAttempt]:
    yield await through(flow.call)
    assert consumers.live_streams() == 0


class AtAccount(Caller):
    """Exotel's side of a socket at the account's address."""

    def __init__(self, path: str, authorization: str = "") -> None:
        super().__init__(StandIn())
        headers = [(b"authorization", authorization.encode())] if authorization else []
        self.socket = WebsocketCommunicator(URLRouter(websocket_urlpatterns), path, headers=headers)

    async def start_call(self, attempt: CallAttempt, parameters: dict[str, str] | None = None) -> AtAccount:
        given = {"CustomField": flow.custom_field(attempt)} if parameters is None else parameters
        await self.start(custom_parameters=given, call_sid=attempt.sid)
        return self


def at(attempt: CallAttempt) -> str:
    return flow.path(attempt.account_id, "static-stream")


@pytest.mark.parametrize("how", ["a value", "a key alone", "the call's sid"])
async def test_the_start_names_the_call(attempt: CallAttempt, how: str) -> None:
    signed = flow.custom_field(attempt)
    parameters = {"a value": {"CustomField": signed}, "a key alone": {signed: ""}, "the call's sid": {}}[how]
    caller = await AtAccount(await through(at, attempt)).start_call(attempt, parameters)
    await caller.say(dtmf_frame("#"))
    await caller.say(media_frame(bytes(320)))
    assert await caller.until_closed() == 1000
    stream = await through(Stream.objects.get, attempt=attempt)
    assert (stream.call_sid, stream.closed_by) == (attempt.sid, "bot")
    assert (await through(carrier.fresh, attempt)).state == AttemptState.ANSWERED


async def test_in_a_flow_the_streams_end_keeps_the_slot(attempt: CallAttempt) -> None:
    caller = await AtAccount(await through(at, attempt)).start_call(attempt)
    await caller.say(stop_frame())
    await caller.until_closed()
    assert (await through(carrier.fresh, attempt)).slot_released_at is None


async def test_the_bots_result_is_written_before_the_flow_goes_on(attempt: CallAttempt) -> None:
    caller = await AtAccount(await through(at, attempt)).start_call(attempt)
    await caller.say(dtmf_frame("#"))
    await caller.say(media_frame(bytes(320)))
    await caller.until(lambda _: False)  # up to the close frame, and not further
    assert (await through(carrier.fresh, attempt)).disposition == "Line test done"
    await caller.gone(1000)


async def test_a_start_of_nobodys_call_is_closed_with_4404_and_kept(
    attempt: CallAttempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby, "EARLY", 0.1)
    caller = AtAccount(await through(at, attempt))
    await caller.start()
    assert await caller.until_closed() == 4404
    (event,) = await through(flow.unmatched)
    assert (event.source, event.account_id, event.note) == ("stream", attempt.account_id, matching.UNKNOWN_CALL)
    assert '"event":"start"' in event.raw


async def test_it_waits_for_the_answer_to_our_own_post(attempt: CallAttempt) -> None:
    unanswered = await through(lambda: flow.call(AttemptState.DIALING, sid=None))
    await through(lambda: CallAttempt.objects.filter(pk=unanswered.pk).update(account=attempt.account))
    caller = AtAccount(await through(at, attempt))
    await caller.start(call_sid="a" * 32, custom_parameters={})
    await through(settling.settle, unanswered.pk, Accepted("a" * 32, 200, "", 0.1))
    await caller.say(dtmf_frame("#"))
    await caller.say(media_frame(bytes(320)))
    assert await caller.until_closed() == 1000
    assert await through(lambda: Stream.objects.filter(attempt=unanswered).exists())


async def test_another_accounts_custom_field_opens_nothing(attempt: CallAttempt) -> None:
    other = await through(flow.call)
    caller = await AtAccount(await through(at, other)).start_call(attempt)
    assert await caller.until_closed() == 4404
    assert not await through(Stream.objects.exists)


async def test_a_stream_that_was_here_or_is_open_is_not_opened_again(attempt: CallAttempt) -> None:
    path = await through(at, attempt)
    caller = await AtAccount(path).start_call(attempt)
    await _opened(attempt)
    second = AtAccount(path)
    await second.start(custom_parameters={flow.custom_field(attempt): ""}, stream_sid="b" * 32, call_sid=attempt.sid)
    assert await second.until_closed() == streams.USED
    await caller.say(stop_frame())
    await caller.until_closed()
    replayed = await AtAccount(path).start_call(attempt)
    assert await replayed.until_closed() == streams.USED


async def _opened(attempt: CallAttempt) -> None:
    while not await through(lambda: Stream.objects.filter(attempt=attempt, started_at__isnull=False).exists()):
        pass


async def test_without_a_start_only_the_start_timeout_runs(
    attempt: CallAttempt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lobby, "START_TIMEOUT", 0.2)
    caller = AtAccount(await through(at, attempt))
    assert (await caller.socket.connect())[0]
    await caller.say('{"event":"connected"}')
    assert await caller.until_closed() == 4002


async def test_a_flood_before_the_start_is_cut_off(attempt: CallAttempt) -> None:
    caller = AtAccount(await through(at, attempt))
    assert (await caller.socket.connect())[0]
    for _ in range(20):
        await caller.say("x" * 250_000)
    assert await caller.until_closed() == 4008


async def test_who_goes_away_in_the_lobby_gives_the_place_back(attempt: CallAttempt) -> None:
    caller = AtAccount(await through(at, attempt))
    assert (await caller.socket.connect())[0]
    await caller.gone()


@pytest.mark.parametrize("what", ["forged", "passthru", "retired", "no password", "a wrong password"])
async def test_a_token_that_is_not_good_is_refused_before_the_handshake_ends(attempt: CallAttempt, what: str) -> None:
    path, authorization = await through(_bad, attempt, what)
    connected, code = await AtAccount(path, authorization).socket.connect()
    assert (connected, code) == (False, streams.FORGED)


def _bad(attempt: CallAttempt, what: str) -> tuple[str, str]:
    if what == "forged":
        return at(attempt)[:-1] + "_", ""
    if what == "passthru":
        return flow.path(attempt.account_id).replace("/pt/", "/ws/a/"), ""
    if what == "retired":
        path = at(attempt)
        account_tokens.rotate(attempt.account_id, "static-stream", by=COMMAND_LINE, grace=timedelta(0))
        return path, ""
    account_tokens.rotate(attempt.account_id, "static-stream", by=COMMAND_LINE, with_password=True)
    return at(attempt), "" if what == "no password" else "Basic " + base64.b64encode(b"exotel:guess").decode()


async def test_the_password_of_the_address_lets_in(attempt: CallAttempt) -> None:
    def protected() -> tuple[str, str]:
        made = account_tokens.rotate(attempt.account_id, "static-stream", by=COMMAND_LINE, with_password=True)
        return at(attempt), f"exotel:{made.password}"

    path, credentials = await through(protected)
    caller = AtAccount(path, "Basic " + base64.b64encode(credentials.encode()).decode())
    await caller.start_call(attempt)
    await caller.say(stop_frame())
    await caller.until_closed()
    assert await through(Stream.objects.filter(attempt=attempt, started_at__isnull=False).exists)


async def test_a_start_with_another_calls_custom_field_is_crossed(attempt: CallAttempt) -> None:
    other = await through(flow.call)
    start = streams.StreamStart("s", "", "", "", 8000, "", {flow.custom_field(other): ""}, "")
    grant = await through(streams.open_stream, tokens.mint("stream", str(attempt.pk)))
    with pytest.raises(streams.StreamRefused) as refused:
        await through(streams.start_stream, grant.stream_id, start)
    assert refused.value.code == streams.CROSSED


# ------------------------------------------------------------------------------------------------------- listen only
async def test_a_listener_hears_and_sends_nothing(transactional_db: None) -> None:
    attempt = await through(lambda: flow.call(bot="listener"))
    caller = await AtAccount(await through(at, attempt)).start_call(attempt)
    await _opened(attempt)
    sequence = 2
    for pcm in (bytes(8000), LOUD[:8000], bytes(12800)):
        for first in range(0, len(pcm), 3200):
            await caller.say(media_frame(pcm[first : first + 3200], sequence))
            sequence += 1
    await caller.say(stop_frame())
    await caller.until_closed()
    assert caller.received == []
    stream = await through(Stream.objects.get, attempt=attempt)
    assert (stream.frames_out, stream.bytes_out) == (0, 0)
    entries = await through(lambda: list(StreamEntry.objects.filter(stream=stream, kind="speech")))
    assert len(entries) == 1
    assert 0.2 < entries[0].data["seconds"] < 1.5
    now = await through(carrier.fresh, attempt)
    assert (now.disposition, now.disposition_details["segments"]) == ("Listened", "1")
    assert now.slot_released_at is None
