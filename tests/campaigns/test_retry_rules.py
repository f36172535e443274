"""Who is called again: by outcome, so many times, after a while, inside calling hours, and never against a wish."""

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import transaction
from django.utils import timezone

from campaigns import control, eligibility, outcomes
from campaigns.audit import COMMAND_LINE
from campaigns.lifecycle import AttemptState, CampaignStatus, ContactState, Outcome
from campaigns.models import Campaign, CampaignContact
from campaigns.outcomes import Statement
from tests import people

pytestmark = pytest.mark.django_db
INDIA = ZoneInfo("Asia/Kolkata")


def campaign(times: int = 1, minutes: str = "30", outcome: str = Outcome.BUSY, **fields: Any) -> Campaign:
    made = people.campaign(**{"max_attempts": 5} | fields)
    made.retry_rules.create(outcome=outcome, times=times, delay_minutes=Decimal(minutes))
    return made


def call(contact: CampaignContact, outcome: str, at: datetime | None = None) -> CampaignContact:
    """One attempt that ended so; the person as it leaves them."""
    contact.refresh_from_db()
    attempt = people.attempt(contact, AttemptState.PLACED)
    with transaction.atomic():
        outcomes.apply(attempt.pk, Statement(source="callback", at=at or timezone.now(), status=outcome))
    contact.refresh_from_db()
    return contact


def test_a_busy_number_is_called_again_after_the_delay() -> None:
    now = timezone.now()
    contact = call(people.contact(campaign(minutes="12.5")), Outcome.BUSY, now)
    assert (contact.state, contact.due_at) == (ContactState.RETRY, now + timedelta(minutes=12.5))
    assert contact.reason == "Busy; the retry rule calls again."


def test_an_outcome_without_a_rule_is_the_end() -> None:
    contact = call(people.contact(campaign(outcome=Outcome.NO_ANSWER)), Outcome.BUSY)
    assert (contact.state, contact.last_outcome, contact.reason) == (ContactState.DONE, "busy", "")


def test_a_rule_counts_its_own_outcome_only() -> None:
    made = campaign(times=1)
    made.retry_rules.create(outcome=Outcome.NO_ANSWER, times=2)
    contact = people.contact(made)
    told = [call(contact, outcome).state for outcome in ("no-answer", "busy", "no-answer", "no-answer")]
    assert told == [ContactState.RETRY] * 3 + [ContactState.DONE]


def test_max_attempts_ends_it_whatever_the_rules_say() -> None:
    contact = people.contact(campaign(times=9, max_attempts=2))
    assert [call(contact, "busy").state for _ in range(2)] == [ContactState.RETRY, ContactState.DONE]


def test_an_attempt_that_was_refused_does_not_count_against_max_attempts() -> None:
    contact = people.contact(campaign(times=9, max_attempts=2))
    people.attempt(contact, AttemptState.REFUSED)
    assert call(contact, "busy").state == ContactState.RETRY


def test_a_retry_is_moved_into_calling_hours() -> None:
    hours: dict[str, Any] = {"window_start": time(9), "window_end": time(18), "ring_timeout": 30}
    contact = people.contact(campaign(minutes="60", **hours))
    evening = datetime(2026, 11, 18, 17, 30, tzinfo=INDIA)
    assert call(contact, "busy", evening).due_at == datetime(2026, 11, 19, 9, tzinfo=INDIA)


def test_a_retry_is_moved_into_the_hours_of_the_persons_own_zone() -> None:
    contact = people.contact(
        campaign(minutes="60", window_start=time(9), window_end=time(18)), time_zone="Asia/Singapore"
    )
    noon = datetime(2026, 11, 18, 12, tzinfo=INDIA)  # 14:30 in Singapore, where the hour after it is still open
    assert call(contact, "busy", noon).due_at == noon + timedelta(hours=1)
    later = call(contact, "no-answer", noon)
    assert later.state == ContactState.DONE


def test_a_retry_never_leaves_the_legal_hours_of_a_real_account() -> None:
    real = people.account(kind="exotel")
    made = campaign(minutes="180", of=None, account=real, purpose="recovery")
    evening = datetime(2026, 11, 18, 17, tzinfo=INDIA)
    due = call(people.contact(made), "busy", evening).due_at
    assert due == datetime(2026, 11, 19, 8, tzinfo=INDIA).astimezone(UTC)
    assert eligibility.hours_of(made, "", due).open


@pytest.mark.parametrize("kind", ["goal", "stop"])
def test_who_reached_the_goal_or_asked_to_stop_is_never_called_again(kind: str) -> None:
    contact = people.contact(campaign(outcome=Outcome.ANSWERED), disposition_kind=kind)
    assert call(contact, "answered").state == ContactState.DONE


@pytest.mark.parametrize("kind", ["progress", "objection", "none"])
def test_other_dispositions_leave_it_to_the_rule(kind: str) -> None:
    contact = people.contact(campaign(outcome=Outcome.ANSWERED), disposition_kind=kind)
    assert call(contact, "answered").state == ContactState.RETRY


@pytest.mark.parametrize("status", [CampaignStatus.DRAINING, CampaignStatus.CANCELLED, CampaignStatus.COMPLETED])
def test_a_campaign_that_has_ended_calls_nobody_again(status: str) -> None:
    contact = people.contact(campaign(status=status))
    assert call(contact, "busy").state == ContactState.DONE


@pytest.mark.parametrize(("ago", "state", "status"), [(5, "retry", "running"), (50, "done", "completed")])
def test_who_was_uncertain_when_their_campaign_completed_is_called_again_if_it_turns_out_soon(
    ago: int, state: str, status: str
) -> None:
    ended = timezone.now() - timedelta(minutes=ago)
    made = campaign(status=CampaignStatus.COMPLETED, ended_at=ended, enrolled_at=ended)
    contact = people.contact(made)
    attempt = people.attempt(contact, AttemptState.UNKNOWN)
    contact.refresh_from_db()
    assert contact.state == ContactState.UNCERTAIN
    with transaction.atomic():
        outcomes.apply(attempt.pk, Statement(source="callback", at=timezone.now(), status=Outcome.BUSY))
    control.finish_all()
    contact.refresh_from_db()
    made.refresh_from_db()
    assert (contact.state, made.status) == (state, status)


def test_a_paused_campaign_keeps_the_retry_for_later() -> None:
    assert call(people.contact(campaign(status=CampaignStatus.PAUSED)), "busy").state == ContactState.RETRY


def test_stopping_skips_whoever_waits_for_a_retry() -> None:
    made = campaign()
    contact = call(people.contact(made), "busy")
    control.stop(made.pk, by=COMMAND_LINE)
    contact.refresh_from_db()
    made.refresh_from_db()
    assert (contact.state, contact.reason_code, made.status) == (ContactState.SKIPPED, "stopped", "cancelled")
