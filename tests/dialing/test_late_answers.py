"""Answers that come twice, late, or after the carrier's own word: the first word stands, nothing is dialled again."""

import pytest

from campaigns import outcomes, pacing, settling, sweeping
from campaigns.exotel.answers import Accepted, ConnectAnswer, NotSent, RefusalKind, Refused, Unknown
from campaigns.models import CallAttempt, EventSource
from campaigns.outcomes import Statement
from tests import people

pytestmark = pytest.mark.django_db

ACCEPTED = Accepted("sid-0000001", 200, "", 0.1)
REFUSED = Refused(400, "no", "", None, RefusalKind.INVALID_REQUEST)
ANSWERS: list[ConnectAnswer] = [ACCEPTED, REFUSED, NotSent("nothing was sent"), Unknown("the connection broke")]


def dialled() -> CallAttempt:
    campaign = people.campaign()
    people.proven(campaign)
    return people.attempt(people.contact(campaign))


def states(attempt: CallAttempt) -> tuple[str, str]:
    attempt.refresh_from_db()
    return attempt.state, attempt.campaign_contact.__class__.objects.get(pk=attempt.campaign_contact_id).state


def called_back(attempt: CallAttempt, status: str = "", *, answered: bool = False) -> None:
    said = Statement(EventSource.CALLBACK, pacing.db_now(), "sid-0000001", status, answered)
    outcomes.apply(attempt.pk, said)


def test_an_accepted_that_comes_after_unknown_places_the_call_after_all() -> None:
    attempt = dialled()
    settling.settle(attempt.pk, Unknown("no whole answer within 10 seconds"))
    assert states(attempt) == ("unknown", "uncertain")
    settling.settle(attempt.pk, ACCEPTED)
    assert states(attempt) == ("placed", "in-call")
    assert (attempt.sid, attempt.reason) == ("sid-0000001", "")


def test_a_refusal_that_comes_after_unknown_ends_the_uncertainty() -> None:
    attempt = dialled()
    settling.settle(attempt.pk, Unknown("no whole answer within 10 seconds"))
    settling.settle(attempt.pk, Refused(429, "slow", "", 1.0, RefusalKind.RATE_LIMITED))
    assert states(attempt) == ("refused", "pending")


def test_an_accepted_that_comes_twice_changes_nothing_the_second_time() -> None:
    attempt = dialled()
    settling.settle(attempt.pk, ACCEPTED)
    before = CallAttempt.objects.filter(pk=attempt.pk).values().get()
    settling.settle(attempt.pk, ACCEPTED)
    assert CallAttempt.objects.filter(pk=attempt.pk).values().get() == before


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_comes_after_the_end_changes_neither_the_call_nor_the_person(answer: ConnectAnswer) -> None:
    attempt = dialled()
    called_back(attempt, "busy")
    assert states(attempt) == ("ended", "done")
    settling.settle(attempt.pk, answer)
    assert states(attempt) == ("ended", "done")
    assert attempt.outcome == "busy"


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_comes_while_the_person_talks_does_not_end_the_talk(answer: ConnectAnswer) -> None:
    attempt = dialled()
    called_back(attempt, answered=True)
    settling.settle(attempt.pk, answer)
    assert states(attempt) == ("answered", "in-call")
    assert attempt.slot_released_at is None


def test_an_unknown_that_a_callback_has_overtaken_does_not_count_against_the_account() -> None:
    attempt = dialled()
    called_back(attempt, answered=True)
    settling.settle(attempt.pk, Unknown("no whole answer within 10 seconds"))
    assert people.pacer(attempt.account).recent == ""


@pytest.mark.parametrize("second", ANSWERS)
@pytest.mark.parametrize("first", ANSWERS)
def test_whatever_two_answers_come_the_person_is_never_due_while_the_call_may_ring(
    first: ConnectAnswer, second: ConnectAnswer
) -> None:
    attempt = dialled()
    settling.settle(attempt.pk, first)
    settling.settle(attempt.pk, second)
    state, contact = states(attempt)
    if state == "refused" and isinstance(second, Accepted):
        assert contact == ("done" if isinstance(first, Refused) else "uncertain")
    else:
        assert (contact in ("pending", "retry", "done")) == (state == "refused")


def test_the_sweepers_unknown_gives_way_to_the_answer_and_never_the_other_way_round() -> None:
    swept, placed = dialled(), dialled()
    settling.settle(placed.pk, Accepted("sid-0000002", 200, "", 0.1))
    assert sweeping.sweep_orphans() == 1
    assert not settling.mark_unknown(placed.pk, sweeping.DIED)
    assert states(swept) == ("unknown", "uncertain")
    settling.settle(swept.pk, ACCEPTED)
    assert states(swept) == ("placed", "in-call")
    assert states(placed) == ("placed", "in-call")
