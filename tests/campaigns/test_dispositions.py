"""What the conversation achieved; a wish not to be called again outlives everything."""

import pytest
from django.db import transaction
from django.utils import timezone

from campaigns import outcomes
from campaigns.lifecycle import AttemptState, ContactState, Outcome
from campaigns.models import AuditEntry, CallAttempt, Suppression
from campaigns.outcomes import Statement
from tests import people

pytestmark = pytest.mark.django_db


def talking() -> CallAttempt:
    campaign = people.campaign(max_attempts=3)
    campaign.retry_rules.create(outcome=Outcome.ANSWERED, times=2)
    return people.attempt(people.contact(campaign), AttemptState.ANSWERED)


def record(attempt: CallAttempt, kind: str, label: str = "Confirmed") -> None:
    outcomes.record_disposition(attempt.pk, key="confirmed", label=label, kind=kind, details={"digit": "1"})


def end(attempt: CallAttempt) -> None:
    with transaction.atomic():
        outcomes.apply(attempt.pk, Statement(source="callback", at=timezone.now(), status="answered"))


def test_it_is_kept_with_the_attempt_and_the_person() -> None:
    attempt = talking()
    record(attempt, "goal")
    attempt.refresh_from_db()
    assert (attempt.disposition, attempt.disposition_kind, attempt.disposition_key) == (
        "Confirmed",
        "goal",
        "confirmed",
    )
    assert attempt.disposition_details == {"digit": "1"}
    assert attempt.campaign_contact.__class__.objects.get().disposition == "Confirmed"


def test_a_wish_not_to_be_called_suppresses_the_number() -> None:
    attempt = talking()
    record(attempt, "stop", "Do not call again")
    entry = Suppression.objects.get()
    assert (entry.phone, entry.source, entry.added_by) == (attempt.phone, "call", None)
    assert entry.reason == "Asked in the call not to be called"
    audit = AuditEntry.objects.get(action="suppress")
    assert audit.actor_name == "Dialer"
    assert attempt.phone not in str(audit.details)


def test_to_say_it_twice_is_no_error() -> None:
    attempt = talking()
    record(attempt, "stop")
    record(attempt, "stop")
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("kind", ["goal", "stop"])
def test_a_retry_that_a_faster_callback_planned_is_taken_back(kind: str) -> None:
    attempt = talking()
    end(attempt)
    contact = attempt.campaign_contact.__class__.objects.get()
    assert contact.state == ContactState.RETRY
    record(attempt, kind)
    contact.refresh_from_db()
    assert (contact.state, contact.reason, contact.last_outcome) == (ContactState.DONE, "", "answered")


def test_progress_leaves_a_planned_retry_alone() -> None:
    attempt = talking()
    end(attempt)
    record(attempt, "progress")
    assert attempt.campaign_contact.__class__.objects.get().state == ContactState.RETRY


def test_long_words_are_cut_not_refused() -> None:
    attempt = talking()
    outcomes.record_disposition(attempt.pk, key="k" * 99, label="l" * 99, kind="progress", details={})
    attempt.refresh_from_db()
    assert (len(attempt.disposition), len(attempt.disposition_key)) == (60, 40)
