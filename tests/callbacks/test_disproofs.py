"""Somebody speaks of a call that counts as never dialled: the person is not dialled again by itself."""

from datetime import timedelta

import pytest
from django.test import Client

from campaigns import control, intents, outcomes, pacing, settling, sweeping
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.answers import Accepted, ConnectAnswer, NotSent, RefusalKind, Refused, Unknown
from campaigns.intents import Intent
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt
from campaigns.owners import Owner
from tests import people
from tests.callbacks import carrier

EVENTS = {"answered": ("in-progress", "answered"), "ringing": ("ringing", "ringing"), "busy": ("busy", "terminal")}
LONG_AGO = timedelta(minutes=40)


def proved_absent(policy: str) -> CallAttempt:
    """Unknown, and later proved never to have been dialled: its time has passed by then."""
    campaign = people.campaign(unknown_policy=policy, max_attempts=3)
    attempt = people.attempt(people.contact(campaign), AttemptState.DIALING)
    settling.settle(attempt.pk, Unknown("the connection broke"))
    CallAttempt.objects.filter(pk=attempt.pk).update(slot_expires_at=pacing.db_now() - LONG_AGO)
    outcomes.prove_absent(attempt.pk)
    return carrier.fresh(attempt)


def tell(exotel: Client, attempt: CallAttempt, event: str, sid: str = "") -> None:
    status, kind = EVENTS[event]
    said = carrier.full(attempt, sid or carrier.new_sid(), status, kind)
    assert carrier.post(exotel, attempt.pk, said).status_code == 200


def is_dialled(attempt: CallAttempt) -> bool:
    people.rest(attempt.campaign)
    loop = Owner()
    try:
        return isinstance(intents.next_intent(attempt.account_id, loop.number), Intent)
    finally:
        loop.close()


@pytest.mark.parametrize("event", EVENTS)
def test_who_is_in_line_by_the_proof_waits_for_somebody_instead(exotel: Client, event: str) -> None:
    attempt = proved_absent("redial")
    assert carrier.person(attempt).state == "pending"
    tell(exotel, attempt, event)
    contact, told = carrier.person(attempt), carrier.fresh(attempt)
    assert (contact.state, contact.reason_code, contact.tries) == ("uncertain", "contradicted", 0)
    assert "never dialled, and then Exotel spoke of it" in contact.reason
    assert (told.state, told.check_at) == ("refused", None)
    assert "call list did not have this call, and then Exotel said that it" in told.contradiction
    assert told.slot_released_at is not None  # its time is over, so it takes no slot
    assert carrier.events(told)[-1].note == told.contradiction
    assert not is_dialled(attempt)


def test_without_such_a_word_they_are_dialled(exotel: Client) -> None:
    assert is_dialled(proved_absent("redial"))


@pytest.mark.parametrize("event", EVENTS)
def test_nobody_puts_them_back_in_line_as_proved_never_dialled(exotel: Client, event: str) -> None:
    attempt = proved_absent("ask")
    tell(exotel, attempt, event)
    assert carrier.person(attempt).reason_code == "contradicted"
    assert control.dial_uncertain(attempt.campaign_id, by=COMMAND_LINE) == 0


def test_the_posts_own_answer_after_all_is_evidence_too(exotel: Client) -> None:
    attempt = proved_absent("redial")
    settling.settle(attempt.pk, Accepted(carrier.new_sid(), 200, "", 0.1))
    assert carrier.person(attempt).state == "uncertain"
    assert not is_dialled(attempt)


def test_who_is_called_again_already_is_left_to_that_call(exotel: Client) -> None:
    attempt = proved_absent("redial")
    later = people.attempt(carrier.person(attempt), AttemptState.PLACED, sid=carrier.new_sid())
    tell(exotel, attempt, "answered")
    assert carrier.person(attempt).state == "in-call"
    assert carrier.fresh(attempt).contradiction != ""
    assert carrier.fresh(later).state == "placed"


def test_who_is_never_dialled_again_stays_skipped(exotel: Client) -> None:
    attempt = proved_absent("never")
    tell(exotel, attempt, "answered")
    assert carrier.person(attempt).state == "skipped"
    assert carrier.fresh(attempt).contradiction != ""


def test_a_callback_about_other_numbers_disproves_nothing(exotel: Client) -> None:
    attempt = proved_absent("redial")
    stranger = carrier.full(attempt, carrier.new_sid()) | {"From": "09999999999"}
    carrier.post(exotel, attempt.pk, stranger)
    assert carrier.person(attempt).state == "pending"
    assert "other numbers" in carrier.fresh(attempt).contradiction


@pytest.mark.parametrize("answer", [Refused(429, "slow", "", 1.0, RefusalKind.RATE_LIMITED), NotSent("refused")])
def test_a_refused_call_that_goes_on_all_the_same_holds_its_slot_until_it_ends(
    exotel: Client, answer: ConnectAnswer
) -> None:
    attempt, sid = carrier.placed(AttemptState.DIALING, sid=None), carrier.new_sid()
    settling.settle(attempt.pk, answer)
    tell(exotel, attempt, "answered", sid)
    assert carrier.person(attempt).reason_code == "contradicted"
    assert carrier.fresh(attempt).slot_released_at is None
    tell(exotel, attempt, "busy", sid)
    assert carrier.fresh(attempt).slot_released_at is not None


def test_such_a_slot_is_free_when_the_call_must_be_over(exotel: Client) -> None:
    attempt = carrier.placed(AttemptState.DIALING, sid=None)
    settling.settle(attempt.pk, NotSent("refused"))
    tell(exotel, attempt, "answered")
    CallAttempt.objects.filter(pk=attempt.pk).update(slot_expires_at=pacing.db_now() - LONG_AGO)
    assert sweeping.expire_slots() == 1


def test_words_that_come_after_the_end_take_no_slot_again(exotel: Client) -> None:
    attempt = people.attempt(
        people.contact(people.campaign()), AttemptState.DIALING, slot_expires_at=pacing.db_now() + timedelta(hours=1)
    )
    settling.settle(attempt.pk, Refused(429, "slow", "", 1.0, RefusalKind.RATE_LIMITED))
    sid = carrier.new_sid()
    tell(exotel, attempt, "busy", sid)
    assert carrier.fresh(attempt).slot_released_at is not None
    tell(exotel, attempt, "answered", sid)
    assert carrier.fresh(attempt).slot_released_at is not None
