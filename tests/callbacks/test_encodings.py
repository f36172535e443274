"""A callback means the same in each of the three encodings, with the minimal body and with the full one."""

import pytest
from django.test import Client

from campaigns.lifecycle import AttemptState, ContactState, Outcome
from tests.callbacks import carrier

OUTCOMES = {
    "completed": Outcome.ANSWERED,
    "busy": Outcome.BUSY,
    "no-answer": Outcome.NO_ANSWER,
    "failed": Outcome.FAILED,
    "canceled": Outcome.CANCELLED,
}


@pytest.mark.parametrize("encoding", carrier.ENCODINGS)
@pytest.mark.parametrize("body", ["minimal", "full"])
@pytest.mark.parametrize("status", OUTCOMES)
def test_a_terminal_callback_ends_the_attempt_with_its_outcome(
    exotel: Client, encoding: str, body: str, status: str
) -> None:
    attempt = carrier.placed()
    sid = str(attempt.sid)
    fields = carrier.minimal(sid, status) if body == "minimal" else carrier.full(attempt, sid, status)

    response = carrier.post(exotel, attempt.pk, fields, carrier.ENCODINGS[encoding])

    assert response.status_code == 200
    ended = carrier.fresh(attempt)
    assert (ended.state, ended.outcome, ended.carrier_status) == (AttemptState.ENDED, OUTCOMES[status], status)
    assert ended.contradiction == ""
    assert carrier.person(attempt).state == ContactState.DONE
    [event] = carrier.events(attempt)
    assert event.applied_at is not None
    assert event.call_sid == sid
    assert event.fields["DateUpdated"] == "2026-01-15 18:14:07"


@pytest.mark.parametrize("encoding", carrier.ENCODINGS)
def test_the_full_body_adds_talk_time_and_the_recording(exotel: Client, encoding: str) -> None:
    attempt = carrier.placed()
    recording = "https://recordings.exotel.com/exotelrecordings/acct/1.mp3"
    fields = carrier.full(attempt, str(attempt.sid)) | {"RecordingUrl": recording}
    carrier.post(exotel, attempt.pk, fields, carrier.ENCODINGS[encoding])
    ended = carrier.fresh(attempt)
    assert (ended.talk_seconds, ended.recording_url) == (32, recording)


@pytest.mark.parametrize("encoding", carrier.ENCODINGS)
def test_an_answered_event_is_no_end(exotel: Client, encoding: str) -> None:
    attempt = carrier.placed()
    fields = carrier.full(attempt, str(attempt.sid), "in-progress", "answered")
    carrier.post(exotel, attempt.pk, fields, carrier.ENCODINGS[encoding])
    talking = carrier.fresh(attempt)
    assert talking.state == AttemptState.ANSWERED
    assert talking.answered_at is not None
    assert talking.slot_released_at is None
    assert carrier.person(attempt).state == ContactState.IN_CALL


def test_the_same_facts_in_another_encoding_are_the_same_event(exotel: Client) -> None:
    attempt = carrier.placed()
    fields = carrier.minimal(str(attempt.sid))
    for encoding in carrier.ENCODINGS.values():
        carrier.post(exotel, attempt.pk, fields, encoding)
    [event] = carrier.events(attempt)
    assert event.copies == 3


def test_a_status_nobody_knows_is_kept_and_exotel_is_asked(exotel: Client) -> None:
    attempt = carrier.placed()
    carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid), "teleported"))
    waiting = carrier.fresh(attempt)
    assert waiting.state == AttemptState.PLACED
    assert waiting.check_at is not None
    assert "teleported" in carrier.events(attempt)[0].note
