"""A good token with another call's facts changes nothing; it is stored, flagged, and Exotel is asked."""

import pytest
from django.test import Client

from campaigns import settling
from campaigns.exotel.answers import Accepted
from campaigns.lifecycle import AttemptState
from campaigns.models import CallAttempt
from tests import people
from tests.callbacks import carrier


def assert_flagged_only(attempt: CallAttempt, before: dict[str, object], words: str) -> None:
    assert carrier.facts(attempt) == before
    assert words in carrier.fresh(attempt).contradiction
    assert carrier.fresh(attempt).check_at is not None
    [event] = carrier.events(attempt)
    assert words in event.note
    assert event.applied_at is not None


@pytest.mark.parametrize("state", [AttemptState.PLACED, AttemptState.ANSWERED, AttemptState.ENDED])
def test_another_callsid_changes_nothing(exotel: Client, state: str) -> None:
    attempt = carrier.placed(state, outcome="busy" if state == AttemptState.ENDED else "")
    before = carrier.facts(attempt)
    response = carrier.post(exotel, attempt.pk, carrier.full(attempt, carrier.new_sid()))
    assert response.status_code == 200
    assert_flagged_only(attempt, before, "another CallSid")


def test_another_persons_numbers_change_nothing_while_no_sid_says_whose_it_is(exotel: Client) -> None:
    """With the attempt's own Sid it is about it, whatever the numbers: test_number_spellings."""
    attempt = carrier.placed(sid=None)
    before = carrier.facts(attempt)
    fields = carrier.full(attempt, carrier.new_sid()) | {"From": "09811111111"}
    assert carrier.post(exotel, attempt.pk, fields).status_code == 200
    assert_flagged_only(attempt, before, "other numbers")


def test_a_callsid_that_belongs_to_another_attempt_ends_neither(exotel: Client) -> None:
    account = people.account()
    campaign = people.campaign(account)
    first, second = people.contacts(campaign, 2)
    theirs = people.attempt(first, AttemptState.PLACED, sid=carrier.new_sid())
    ours = people.attempt(second, AttemptState.DIALING)
    before, others_before = carrier.facts(ours), carrier.facts(theirs)

    carrier.post(exotel, ours.pk, carrier.minimal(str(theirs.sid)))

    assert_flagged_only(ours, before, "belongs to another attempt")
    assert carrier.facts(theirs) == others_before


def test_the_numbers_may_stand_either_way_round_and_in_any_spelling(exotel: Client) -> None:
    attempt = carrier.placed()
    fields = carrier.full(attempt, str(attempt.sid)) | {"From": attempt.caller_id, "To": attempt.phone[1:]}
    carrier.post(exotel, attempt.pk, fields)
    assert carrier.fresh(attempt).state == AttemptState.ENDED


def test_a_body_that_names_only_the_exophone_is_believed(exotel: Client) -> None:
    attempt = carrier.placed()
    carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid)) | {"To": attempt.caller_id, "From": "null"})
    assert carrier.fresh(attempt).state == AttemptState.ENDED


def test_exotels_own_answer_outranks_a_callsid_that_a_callback_named_first(exotel: Client) -> None:
    attempt = carrier.placed(AttemptState.DIALING, sid=None)
    wrong, right = carrier.new_sid(), carrier.new_sid()
    carrier.post(exotel, attempt.pk, carrier.minimal(wrong, "in-progress"))
    assert carrier.fresh(attempt).sid == wrong

    settling.settle(attempt.pk, Accepted(right, 200, "", 0.1))

    mended = carrier.fresh(attempt)
    assert (mended.sid, mended.state) == (right, AttemptState.PLACED)
    assert "another CallSid" in mended.contradiction
    carrier.post(exotel, attempt.pk, carrier.minimal(right, "busy"))
    assert carrier.fresh(attempt).outcome == "busy"


def test_an_answer_with_another_attempts_callsid_leaves_the_call_unknown(db: None) -> None:
    """It cannot be believed, and it does not prove that nothing rang."""
    campaign = people.campaign()
    first, second = people.contacts(campaign, 2)
    theirs = people.attempt(first, AttemptState.PLACED, sid=carrier.new_sid())
    ours = people.attempt(second, AttemptState.DIALING)
    settling.settle(ours.pk, Accepted(str(theirs.sid), 200, "", 0.1))
    assert carrier.fresh(ours).state == AttemptState.UNKNOWN
    assert carrier.fresh(ours).sid is None
