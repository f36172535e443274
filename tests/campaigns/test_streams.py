"""A stream's token: one stream, one call; back within ten seconds of an abnormal drop, and never for another call."""

from datetime import timedelta

import pytest
from django.utils import timezone

from campaigns import streams, tokens
from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import CallAttempt, CallEvent, CampaignAudio, Stream
from campaigns.streams import Entry, StreamClosing, StreamGrant, StreamRefused, StreamStart
from tests import people

pytestmark = pytest.mark.django_db


def closing(by: str = "network", code: int = 1006) -> StreamClosing:
    return StreamClosing(code, by, "", 2.0, 100, 90, 32_000, 28_800, 0)  # type: ignore[arg-type]


def attempt(state: str = AttemptState.PLACED, sid: str | None = "sid-of-the-call", **fields: object) -> CallAttempt:
    campaign = people.campaign(mode="bot", bot="echo", bot_options={"seconds": 5}, sample_rate=16_000)
    contact = people.contact(campaign, name="Asha", variables={"due": 4350})
    return people.attempt(contact, state, sid=sid, **fields)


def open_for(one: CallAttempt) -> StreamGrant:
    return streams.open_stream(tokens.mint("stream", str(one.pk)))


def start(grant: StreamGrant, call_sid: str = "sid-of-the-call") -> None:
    said = StreamStart("st1", call_sid, "simulated", "09000000001", 16_000, "base64", {"a": "b"}, '{"event":"start"}')
    streams.start_stream(grant.stream_id, said)


def refusal(one: CallAttempt) -> int:
    with pytest.raises(StreamRefused) as refused:
        open_for(one)
    return refused.value.code


def test_a_token_opens_a_stream_with_what_the_bot_needs() -> None:
    grant = open_for(attempt())
    assert (grant.bot, grant.bot_options, grant.sample_rate) == ("echo", {"seconds": "5"}, 16_000)
    assert grant.variables == {"name": "Asha", "due": "4350"}


def test_a_recording_is_fetched_once_for_all_talks() -> None:
    one, other = attempt(), attempt()
    CampaignAudio.objects.create(campaign=one.campaign, option="recording", file_name="a.wav", content=b"RIFF a")
    CampaignAudio.objects.create(campaign=other.campaign, option="recording", file_name="b.wav", content=b"RIFF b")
    again = people.attempt(people.contact(one.campaign), AttemptState.PLACED, sid="another")
    heard = [open_for(each).audio["recording"] for each in (one, other, again)]
    assert heard == [b"RIFF a", b"RIFF b", b"RIFF a"]
    assert heard[2] is heard[0]


@pytest.mark.parametrize("purpose", ["callback", "passthru", "dynamic-stream", "custom-field"])
def test_a_token_of_another_purpose_opens_nothing(purpose: tokens.Purpose) -> None:
    with pytest.raises(StreamRefused) as refused:
        streams.open_stream(tokens.mint(purpose, str(attempt().pk)))
    assert refused.value.code == streams.FORGED
    assert not Stream.objects.exists()


def test_a_token_of_an_attempt_that_is_gone_opens_nothing() -> None:
    with pytest.raises(StreamRefused) as refused:
        streams.open_stream(tokens.mint("stream", "123456789"))
    assert refused.value.code == streams.OVER


@pytest.mark.parametrize("state", [AttemptState.ENDED, AttemptState.REFUSED])
def test_a_token_opens_nothing_after_the_call(state: str) -> None:
    assert refusal(attempt(state)) == streams.OVER


@pytest.mark.parametrize("state", [AttemptState.DIALING, AttemptState.UNKNOWN, AttemptState.PLACED])
def test_the_start_of_a_stream_is_proof_that_the_call_was_answered(state: str) -> None:
    one = attempt(state, sid=None)
    start(open_for(one))
    one.refresh_from_db()
    assert (one.state, one.sid) == (AttemptState.ANSWERED, "sid-of-the-call")
    assert one.campaign_contact.__class__.objects.get().state == ContactState.IN_CALL
    event = CallEvent.objects.get()
    assert (event.source, event.applied_at is not None) == ("stream", True)
    stream = Stream.objects.get()
    assert (stream.call_sid, stream.custom_parameters, stream.started_at is not None) == (one.sid, {"a": "b"}, True)


def test_a_token_opens_one_stream_only() -> None:
    one = attempt()
    open_for(one)
    assert refusal(one) == streams.USED


@pytest.mark.parametrize("by", ["bot", "caller", "limit", "error", "server"])
def test_nobody_comes_back_after_an_orderly_end(by: str) -> None:
    one = attempt()
    streams.close_stream(open_for(one).stream_id, closing(by, 1000))
    assert refusal(one) == streams.USED


def test_the_same_call_comes_back_within_ten_seconds_of_an_abnormal_drop() -> None:
    one = attempt()
    grant = open_for(one)
    start(grant)
    streams.close_stream(grant.stream_id, closing())
    again = open_for(one)
    assert again.stream_id != grant.stream_id
    start(again)
    assert refusal(one) == streams.USED  # it is open


def test_after_ten_seconds_it_is_too_late() -> None:
    one = attempt()
    streams.close_stream(open_for(one).stream_id, closing())
    Stream.objects.update(closed_at=timezone.now() - timedelta(seconds=11))
    assert refusal(one) == streams.USED


def test_a_start_that_names_another_call_is_refused_and_changes_nothing() -> None:
    one = attempt()
    people.attempt(people.contact(one.campaign), AttemptState.PLACED, sid="sid-of-another-call")
    grant = open_for(one)
    with pytest.raises(StreamRefused) as refused:
        start(grant, "sid-of-another-call")
    assert refused.value.code == streams.CROSSED
    one.refresh_from_db()
    assert (one.state, Stream.objects.get().started_at) == (AttemptState.PLACED, None)
    assert not CallEvent.objects.exists()


def test_a_start_with_the_callsid_of_another_attempt_is_refused_even_before_ours_is_known() -> None:
    other = attempt(sid="sid-of-another-call")
    one = people.attempt(people.contact(other.campaign), AttemptState.DIALING)
    with pytest.raises(StreamRefused) as refused:
        start(open_for(one), "sid-of-another-call")
    assert refused.value.code == streams.CROSSED


def test_a_stream_that_comes_back_as_another_call_is_refused() -> None:
    one = attempt(AttemptState.DIALING, sid=None)
    people.attempt(people.contact(one.campaign), AttemptState.PLACED, sid="sid-of-another-call")
    grant = open_for(one)
    start(grant)
    streams.close_stream(grant.stream_id, closing())
    with pytest.raises(StreamRefused) as refused:
        start(open_for(one), "sid-of-another-call")
    assert refused.value.code == streams.CROSSED


def test_the_end_of_a_crossed_stream_does_not_free_the_slot() -> None:
    one = attempt()
    streams.close_stream(open_for(one).stream_id, closing("error", streams.CROSSED))
    one.refresh_from_db()
    assert one.slot_released_at is None


def test_closing_twice_is_closing_once() -> None:
    one = attempt()
    grant = open_for(one)
    streams.close_stream(grant.stream_id, closing("caller", 1000))
    streams.close_stream(grant.stream_id, closing("network", 1006))
    stream = Stream.objects.get()
    assert (stream.closed_by, stream.close_code, stream.frames_in) == ("caller", 1000, 100)


def test_lines_of_many_streams_are_stored_together_in_order() -> None:
    first, second = open_for(attempt()), open_for(attempt(sid="another"))
    streams.note([Entry(first.stream_id, 0.5, "key", "1"), Entry(second.stream_id, 0.1, "prompt", "Hello", {"n": 1})])
    entries = [
        (entry.stream_id, entry.kind, entry.text) for entry in Stream.objects.get(pk=first.stream_id).entries.all()
    ]
    assert entries == [(first.stream_id, "key", "1")]
