"""A CallSid is the same with and without CA before it, and in either case, where two are compared or one is sought."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from campaigns import matching, outcomes, passthru, settling
from campaigns.exotel.answers import Accepted
from campaigns.exotel.sids import bare, same_sid, spellings
from campaigns.lifecycle import AttemptState
from campaigns.models import CallEvent, EventSource
from campaigns.outcomes import Statement
from tests import people
from tests.callbacks import carrier

SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it was": str,
    "upper case": str.upper,
    "CA before it": "CA{}".format,
    "ca before it": "ca{}".format,
    "CA and upper case": lambda sid: f"CA{sid.upper()}",
}
spelled = pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)


@spelled
@pytest.mark.parametrize("sid", ["5f1c", "ca5f1c", "caca", "19bk"])
def test_all_spellings_are_one_sid_and_find_what_is_stored_in_any_case_without_ca(
    spell: Callable[[str], str], sid: str
) -> None:
    assert same_sid(spell(sid), sid)
    assert same_sid(sid, spell(sid))
    assert sid in spellings(spell(sid))


@spelled
def test_what_is_stored_with_ca_is_found_by_the_bare_sid_too(spell: Callable[[str], str]) -> None:
    assert "CA5f1c" in spellings(spell("5f1c"))


def test_other_sids_and_no_sid_at_all_are_not_the_same() -> None:
    assert not same_sid("5f1c", "5f1d")
    assert not same_sid("", "")
    assert not same_sid(None, "")
    assert not same_sid("CA", "")
    assert bare("CA5F1C") == "5f1c"


@spelled
def test_a_callback_in_another_spelling_is_believed(exotel: Client, spell: Callable[[str], str]) -> None:
    sid = "ab" + carrier.new_sid()[2:]
    attempt = carrier.placed(sid=sid)
    carrier.post(exotel, attempt.pk, carrier.full(attempt, spell(sid), "busy"))
    ended = carrier.fresh(attempt)
    assert (ended.state, ended.outcome, ended.contradiction, ended.sid) == ("ended", "busy", "", sid)


@spelled
def test_exotels_own_answer_brings_its_spelling_and_contradicts_none(
    exotel: Client, spell: Callable[[str], str]
) -> None:
    attempt, sid = carrier.placed(AttemptState.DIALING, sid=None), "ab" + carrier.new_sid()[2:]
    carrier.post(exotel, attempt.pk, carrier.minimal(spell(sid), "in-progress"))
    settling.settle(attempt.pk, Accepted(sid, 200, "", 0.1))
    now = carrier.fresh(attempt)
    assert (now.sid, now.state, now.contradiction) == (sid, AttemptState.PLACED, "")


@spelled
def test_the_call_details_in_another_spelling_end_the_call(db: None, spell: Callable[[str], str]) -> None:
    attempt = carrier.placed()
    said = Statement(EventSource.DETAILS, timezone.now(), sid=spell(str(attempt.sid)), status="busy", trusted=True)
    with transaction.atomic():
        assert outcomes.apply(attempt.pk, said) == ""
    now = carrier.fresh(attempt)
    assert (now.outcome, now.sid, now.contradiction) == ("busy", attempt.sid, "")


@spelled
def test_a_sid_alone_finds_its_attempt(db: None, spell: Callable[[str], str]) -> None:
    attempt = carrier.placed(sid="ab" + carrier.new_sid()[2:])
    assert matching.find(attempt.account_id, [], spell(str(attempt.sid))).attempt_id == attempt.pk


def test_the_exact_spelling_goes_before_another(db: None) -> None:
    campaign = people.campaign()
    one, other = (people.attempt(people.contact(campaign), "placed", sid=sid) for sid in ("CA5f1c", "5f1c"))
    assert matching.whose(one.account_id, "CA5f1c") == one.pk
    assert matching.whose(one.account_id, "5f1c") == other.pk


@spelled
def test_another_attempts_sid_is_not_taken_in_any_spelling(exotel: Client, spell: Callable[[str], str]) -> None:
    campaign = people.campaign()
    first, second = people.contacts(campaign, 2)
    theirs = people.attempt(first, AttemptState.PLACED, sid="ab" + carrier.new_sid()[2:])
    ours = people.attempt(second, AttemptState.DIALING)
    carrier.post(exotel, ours.pk, carrier.minimal(spell(str(theirs.sid))))
    now = carrier.fresh(ours)
    assert (now.state, now.sid) == (AttemptState.DIALING, None)
    assert "belongs to another attempt" in now.contradiction


@spelled
def test_a_request_that_came_before_its_sid_is_adopted(db: None, spell: Callable[[str], str]) -> None:
    attempt = carrier.placed(sid="ab" + carrier.new_sid()[2:])
    CallEvent.objects.create(
        account=attempt.account,
        source=EventSource.PASSTHRU,
        digest="d",
        call_sid=spell(str(attempt.sid)),
        note=matching.UNKNOWN_CALL,
        received_at=timezone.now() - timedelta(seconds=1),
    )
    assert passthru.adopt_late() == 1
    assert [event.source for event in carrier.events(attempt)] == ["passthru"]
