"""Two ends of one call: the first stands, the second is kept and flagged, and the call details decide."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from campaigns import outcomes, settling, suppressing
from campaigns.audit import COMMAND_LINE
from campaigns.exotel.answers import RefusalKind, Refused
from campaigns.lifecycle import AttemptState, ContactState, Outcome
from campaigns.models import CallAttempt, Campaign, CampaignContact, Stream
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


def told_wrongly(exotel: Client, **fields: Any) -> CallAttempt:
    """A callback says "completed" of a call that nobody took; a busy number would be called again."""
    campaign = people.campaign(max_attempts=2, **fields)
    campaign.retry_rules.create(outcome=Outcome.BUSY, times=1, delay_minutes=30)
    attempt = people.attempt(people.contact(campaign), AttemptState.PLACED, sid=carrier.new_sid())
    carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid), "completed"))
    assert carrier.person(attempt).state == ContactState.DONE
    return attempt


def test_a_retry_that_the_details_prove_owed_is_planned(exotel: Client) -> None:
    attempt = told_wrongly(exotel)
    details(attempt, "busy")
    contact, in_half_an_hour = carrier.person(attempt), timezone.now() + timedelta(minutes=30)
    assert (contact.state, contact.last_outcome, contact.reason_code) == (ContactState.RETRY, "busy", "retry-rule")
    assert abs(contact.due_at - in_half_an_hour) < timedelta(minutes=1)
    assert contact.reason == "Busy; the retry rule calls again."
    details(attempt, "answered")
    assert carrier.person(attempt).state == ContactState.DONE  # and back, if they change their mind


def a_talk(attempt: CallAttempt) -> None:
    Stream.objects.create(attempt=attempt)


def a_key(attempt: CallAttempt) -> None:
    CallAttempt.objects.filter(pk=attempt.pk).update(flow_digits="2")


def a_suppression(attempt: CallAttempt) -> None:
    suppressing.suppress([attempt.phone], reason="asked", by=COMMAND_LINE)


def the_campaigns_end(attempt: CallAttempt) -> None:
    Campaign.objects.filter(pk=attempt.campaign_id).update(status="completed")


def a_wish(attempt: CallAttempt) -> None:
    CampaignContact.objects.filter(pk=attempt.campaign_contact_id).update(disposition_kind="goal")


def no_try_left(attempt: CallAttempt) -> None:
    CampaignContact.objects.filter(pk=attempt.campaign_contact_id).update(tries=2)


@pytest.mark.parametrize("speaks_against_it", [a_talk, a_key, a_suppression, the_campaigns_end, a_wish, no_try_left])
def test_a_retry_is_not_planned_after_all_when_anything_else_speaks_against_it(
    exotel: Client, speaks_against_it: Callable[[CallAttempt], None]
) -> None:
    attempt = told_wrongly(exotel)
    speaks_against_it(attempt)
    details(attempt, "busy")
    contact = carrier.person(attempt)
    assert (contact.state, contact.last_outcome) == (ContactState.DONE, "busy")
    assert carrier.fresh(attempt).outcome == "busy"


def test_who_was_skipped_stays_skipped_whatever_the_outcome_was(exotel: Client) -> None:
    attempt = told_wrongly(exotel)
    CampaignContact.objects.filter(pk=attempt.campaign_contact_id).update(state="skipped", reason_code="stopped")
    details(attempt, "busy")
    assert carrier.person(attempt).state == ContactState.SKIPPED


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
    assert "was refused or never sent, and then Exotel said that it ended as answered" in refused.contradiction
