"""A slot is given back by the first evidence that the call is over, once."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from campaigns import outcomes, pacing, streams, sweeping, tokens
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt, Mode
from campaigns.outcomes import Statement
from campaigns.streams import StreamClosing, StreamStart
from tests import people
from tests.callbacks import carrier

CLOSED = StreamClosing(1000, "bot", "", 1.0, 50, 50, 16_000, 16_000, 0)


def talking(mode: str = Mode.BOT) -> tuple[CallAttempt, int]:
    """A call whose stream is open."""
    campaign = people.campaign(mode=mode, bot="echo")
    attempt = people.attempt(people.contact(campaign), AttemptState.PLACED, sid=carrier.new_sid())
    stream_id = streams.open_stream(tokens.mint("stream", str(attempt.pk))).stream_id
    start = StreamStart("st1", str(attempt.sid), "simulated", attempt.phone, 8000, "base64", {}, "{}")
    streams.start_stream(stream_id, start)
    return carrier.fresh(attempt), stream_id


def by_callback(exotel: Client, attempt: CallAttempt, _: int) -> None:
    carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid)))


def by_stream(_: Client, _attempt: CallAttempt, stream_id: int) -> None:
    streams.close_stream(stream_id, CLOSED)


def by_details(_: Client, attempt: CallAttempt, _stream: int) -> None:
    said = Statement(source="details", at=timezone.now(), sid=str(attempt.sid), status="answered", trusted=True)
    with transaction.atomic():
        outcomes.apply(attempt.pk, said)


def by_time(_: Client, attempt: CallAttempt, _stream: int) -> None:
    CallAttempt.objects.filter(pk=attempt.pk).update(slot_expires_at=timezone.now() - timedelta(seconds=1))
    sweeping.expire_slots()


EVIDENCE = {"callback": by_callback, "stream": by_stream, "details": by_details, "expired": by_time}


@pytest.mark.parametrize("first", EVIDENCE)
def test_the_first_evidence_frees_the_slot_and_the_others_change_nothing(exotel: Client, first: str) -> None:
    attempt, stream_id = talking()
    assert pacing.slots_used(attempt.account_id) == {attempt.campaign_id: 1}

    EVIDENCE[first](exotel, attempt, stream_id)

    freed = carrier.fresh(attempt)
    assert (freed.slot_evidence, pacing.slots_used(attempt.account_id)) == (first, {})
    for bring in EVIDENCE.values():
        bring(exotel, attempt, stream_id)
    after = carrier.fresh(attempt)
    assert (after.slot_released_at, after.slot_evidence) == (freed.slot_released_at, first)
    assert (after.state, after.outcome) == (AttemptState.ENDED, "answered")


def test_an_answered_event_frees_nothing(exotel: Client) -> None:
    attempt, _ = talking()
    carrier.post(exotel, attempt.pk, carrier.full(attempt, str(attempt.sid), "in-progress", "answered"))
    assert carrier.fresh(attempt).slot_released_at is None


def test_the_end_of_a_stream_is_not_the_end_of_a_flow(exotel: Client) -> None:
    attempt, stream_id = talking(Mode.FLOW)
    streams.close_stream(stream_id, CLOSED)
    assert carrier.fresh(attempt).slot_released_at is None


def test_after_a_streams_end_exotel_is_asked_soon_if_no_callback_comes(exotel: Client) -> None:
    attempt, stream_id = talking()
    streams.close_stream(stream_id, CLOSED)
    check_at = carrier.fresh(attempt).check_at
    assert check_at is not None
    assert timedelta(seconds=5) < check_at - timezone.now() < timedelta(seconds=15)
