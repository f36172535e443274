"""Our signature says whose call it is: a CallSid that no other attempt has is noted, and the person is talked to."""

import pytest

from campaigns import breakers, matching, outcomes, static_streams, streams, tokens
from campaigns.lifecycle import AttemptState
from campaigns.models import Breaker, CallAttempt, EventSource, Stream
from campaigns.outcomes import Statement
from campaigns.streams import StreamClosing, StreamRefused, StreamStart
from tests import people
from tests.callbacks import carrier
from tests.flow import flow

pytestmark = pytest.mark.django_db
OTHERS = {"CA before it": "CA{}", "all of it": "CAnobodys"}
others = pytest.mark.parametrize("form", OTHERS.values(), ids=OTHERS)


def in_bot_mode() -> CallAttempt:
    campaign = people.campaign(mode="bot", bot="echo", flow_url="")
    return people.attempt(people.contact(campaign), AttemptState.PLACED, sid=carrier.new_sid())


def start_with(call_sid: str, **parameters: str) -> StreamStart:
    return StreamStart("st1", call_sid, "simulated", "09000000001", 8000, "base64", parameters, '{"event":"start"}')


def open_for(attempt: CallAttempt) -> int:
    return streams.open_stream(tokens.mint("stream", str(attempt.pk))).stream_id


def refused_as_crossed(attempt: CallAttempt, call_sid: str) -> int:
    stream_id = open_for(attempt)
    with pytest.raises(StreamRefused) as refused:
        streams.start_stream(stream_id, start_with(call_sid))
    assert refused.value.code == streams.CROSSED
    closing = StreamClosing(refused.value.code, "error", refused.value.reason, 0.1, 0, 0, 0, 0, 0)
    streams.close_stream(stream_id, closing)
    return stream_id


@others
def test_a_stream_whose_start_spells_the_call_otherwise_is_served(form: str) -> None:
    attempt = in_bot_mode()
    stream_id = open_for(attempt)
    streams.start_stream(stream_id, start_with(form.format(attempt.sid)))
    now = carrier.fresh(attempt)
    assert (now.state, now.sid) == (AttemptState.ANSWERED, attempt.sid)
    assert Stream.objects.get(pk=stream_id).started_at is not None


def test_the_difference_is_kept_for_people_to_see_and_callbacks_go_on_as_before() -> None:
    attempt = in_bot_mode()
    streams.start_stream(open_for(attempt), start_with("CAnobodys"))
    assert carrier.fresh(attempt).contradiction == (
        "a stream of this call names another CallSid, which is of no call of ours"
    )
    said = Statement(EventSource.CALLBACK, attempt.intent_at, sid=str(attempt.sid), status="answered")
    assert outcomes.apply(attempt.pk, said) == ""
    assert carrier.fresh(attempt).outcome == "answered"


def test_only_another_spelling_is_no_difference() -> None:
    attempt = in_bot_mode()
    streams.start_stream(open_for(attempt), start_with(f"CA{attempt.sid}".upper()))
    assert carrier.fresh(attempt).contradiction == ""


@others
def test_a_start_with_the_sid_of_another_attempt_is_refused_in_any_spelling(form: str) -> None:
    attempt = in_bot_mode()
    theirs = people.attempt(people.contact(attempt.campaign), AttemptState.PLACED, sid=carrier.new_sid())
    CallAttempt.objects.filter(pk=theirs.pk).update(sid=form.format(theirs.sid))
    refused_as_crossed(attempt, form.format(theirs.sid))
    assert carrier.fresh(attempt).state == AttemptState.PLACED


def test_a_crossed_stream_counts_as_a_talk_in_which_nobody_heard_the_bot_and_frees_no_slot() -> None:
    attempt = in_bot_mode()
    theirs = people.attempt(people.contact(attempt.campaign), AttemptState.PLACED, sid=carrier.new_sid())
    refused_as_crossed(attempt, str(theirs.sid))
    breaker = Breaker.objects.get(campaign=attempt.campaign)
    assert (breaker.bad_talks, breaker.words) == (1, "the start event names another call")
    assert carrier.fresh(attempt).slot_released_at is None


def test_people_whose_streams_are_crossed_one_after_another_hold_the_campaign() -> None:
    attempt = in_bot_mode()
    theirs = people.attempt(people.contact(attempt.campaign), AttemptState.PLACED, sid=carrier.new_sid())
    for _ in range(breakers.TALKS_IN_ROW):
        another = people.attempt(people.contact(attempt.campaign), AttemptState.PLACED, sid=carrier.new_sid())
        refused_as_crossed(another, str(theirs.sid))
    campaign = carrier.fresh(attempt).campaign
    assert breakers.silent_talks(campaign, attempt.intent_at) == breakers.TALKS_IN_ROW


@others
def test_a_fixed_address_serves_the_call_of_the_custom_field(form: str) -> None:
    attempt = flow.call()
    said = start_with(form.format(attempt.sid), CustomField=flow.custom_field(attempt))
    grant = static_streams.open_static(attempt.account_id, said)
    streams.start_stream(grant.stream_id, said)
    assert grant.attempt_id == attempt.pk
    assert carrier.fresh(attempt).state == AttemptState.ANSWERED


@others
def test_a_flow_that_asks_with_the_custom_field_is_about_that_call(form: str) -> None:
    """Passthru and dynamic address: what they say is applied as well."""
    attempt = flow.call()
    sid = form.format(attempt.sid)
    assert matching.find(attempt.account_id, [flow.custom_field(attempt)], sid).attempt_id == attempt.pk
    for source in (EventSource.PASSTHRU, EventSource.DYNAMIC):
        said = Statement(source, attempt.intent_at, sid=sid, status="in-progress", answered=True)
        assert outcomes.apply(attempt.pk, said) == ""
    assert (carrier.fresh(attempt).state, carrier.fresh(attempt).sid) == (AttemptState.ANSWERED, attempt.sid)


def test_words_that_were_let_in_are_disbelieved_if_their_sid_has_become_another_attempts() -> None:
    attempt = flow.call()
    theirs = people.attempt(people.contact(attempt.campaign), AttemptState.PLACED, sid=carrier.new_sid())
    said = Statement(EventSource.PASSTHRU, attempt.intent_at, sid=f"CA{theirs.sid}", answered=True)
    assert "another CallSid" in outcomes.apply(attempt.pk, said)
    assert carrier.fresh(attempt).state == AttemptState.PLACED


def test_a_passthru_about_another_person_is_not_believed_for_its_custom_field() -> None:
    attempt = flow.call()
    said = Statement(EventSource.PASSTHRU, attempt.intent_at, sid="nobodys", answered=True, numbers=("09811111111",))
    assert "other numbers" in outcomes.apply(attempt.pk, said)
