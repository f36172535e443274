"""Two ends of one call: the first stands, the second is kept and flagged, and the call details decide."""

from decimal import Decimal

from django.db import transaction
from django.test import Client
from django.utils import timezone

from campaigns import outcomes, settling
from campaigns.exotel.answers import RefusalKind, Refused
from campaigns.lifecycle import AttemptState, ContactState, Outcome
from campaigns.models import CallAttempt
from campaigns.outcomes import Statement
from tests import people
from tests.callbacks import carrier


def details(attempt: CallAttempt, status: str, **fields: object) -> str:
    values = {"source": "details", "at": timezone.now(), "sid": str(attempt.sid), "status": status, "trusted": True}
    with transaction.atomic():
        return outcomes.apply(attempt.pk, Statement(**(values | fields)))  # type: ignore[arg-type]


def contradicted(exotel: Client, *statuses: str) -> CallAttempt:
    attempt = carrier.placed()
    for status in statuses:
        carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid), status))
    return carrier.fresh(attempt)


def test_the_first_end_stands_and_exotel_is_asked_at_once(exotel: Client) -> None:
    attempt = contradicted(exotel, "busy", "completed")
    assert attempt.outcome == "busy"
    assert attempt.contradiction == "one source says busy, callback says answered"
    assert attempt.check_at is not None
    assert attempt.check_at <= timezone.now()
    assert [event.note for event in carrier.events(attempt)] == ["", attempt.contradiction]


def test_the_details_decide_and_the_flag_stays(exotel: Client) -> None:
    attempt = contradicted(exotel, "busy", "completed")
    assert "the call details decide" in details(attempt, "answered", talk_seconds=12, price=Decimal("0.5"))
    decided = carrier.fresh(attempt)
    assert (decided.outcome, decided.talk_seconds, decided.check_at) == ("answered", 12, None)
    assert decided.confirmed_at is not None
    assert decided.contradiction != ""
    assert carrier.person(attempt).last_outcome == "answered"


def test_details_that_agree_confirm(exotel: Client) -> None:
    attempt = contradicted(exotel, "completed")
    assert details(attempt, "answered") == ""
    assert carrier.fresh(attempt).confirmed_at is not None
    assert carrier.fresh(attempt).contradiction == ""


def test_facts_of_a_late_callback_do_not_replace_those_of_the_details(exotel: Client) -> None:
    attempt = contradicted(exotel, "completed")
    details(attempt, "answered", talk_seconds=12, carrier_status="completed")
    carrier.post(exotel, attempt.pk, carrier.full(attempt, str(attempt.sid)) | {"ConversationDuration": "999"})
    assert carrier.fresh(attempt).talk_seconds == 12


def test_a_retry_that_the_details_prove_needless_is_taken_back(exotel: Client) -> None:
    campaign = people.campaign(max_attempts=2)
    campaign.retry_rules.create(outcome=Outcome.BUSY, times=1)
    attempt = people.attempt(people.contact(campaign), AttemptState.PLACED, sid=carrier.new_sid())
    carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid), "busy"))
    assert carrier.person(attempt).state == ContactState.RETRY
    details(attempt, "answered")
    contact = carrier.person(attempt)
    assert (contact.state, contact.last_outcome, contact.reason) == (ContactState.DONE, "answered", "")


def test_details_of_an_earlier_attempt_leave_what_a_later_one_said(exotel: Client) -> None:
    campaign = people.campaign(max_attempts=2)
    campaign.retry_rules.create(outcome=Outcome.BUSY, times=1)
    contact = people.contact(campaign)
    first = people.attempt(contact, AttemptState.PLACED, sid=carrier.new_sid())
    carrier.post(exotel, first.pk, carrier.minimal(str(first.sid), "busy"))
    contact.refresh_from_db()
    second = people.attempt(contact, AttemptState.PLACED, sid=carrier.new_sid())
    carrier.post(exotel, second.pk, carrier.minimal(str(second.sid), "busy"))
    details(first, "failed")
    assert carrier.fresh(first).outcome == "failed"
    assert carrier.person(first).last_outcome == "busy"


def test_an_end_of_a_call_that_exotel_had_refused_is_flagged_and_nobody_asks_for_ever(exotel: Client) -> None:
    attempt = carrier.placed(AttemptState.DIALING, sid=None)
    settling.settle(attempt.pk, Refused(403, "NDNC", "", None, RefusalKind.NDNC))
    carrier.post(exotel, attempt.pk, carrier.minimal(carrier.new_sid()))
    refused = carrier.fresh(attempt)
    assert (refused.state, refused.outcome, refused.check_at) == (AttemptState.REFUSED, "refused", None)
    assert "refused this call" in refused.contradiction
