"""What the pages read: the same figures that a count of the rows would give."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns import progress, suppressing, tallies
from campaigns.audit import COMMAND_LINE
from campaigns.importing.chunks import COLUMNS
from campaigns.lifecycle import AttemptState, ContactState, Outcome
from campaigns.models import CallAttempt, Campaign, CampaignContact, Contact, Suppression
from tests import people

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    """Six people: two answered (one reached the goal), one busy, one in call, one uncertain, one not called."""
    made = people.campaign()
    goal, hung_up, busy, talking, unknown, _ = people.contacts(made, 6)
    people.attempt(goal, AttemptState.ENDED, outcome=Outcome.ANSWERED, disposition_kind="goal")
    people.attempt(hung_up, AttemptState.ENDED, outcome=Outcome.ANSWERED, confirmed_at=timezone.now())
    people.attempt(busy, AttemptState.REFUSED)
    people.attempt(busy, AttemptState.ENDED, outcome=Outcome.BUSY)
    people.attempt(talking, AttemptState.ANSWERED)
    people.attempt(unknown, AttemptState.UNKNOWN)
    rows = CampaignContact.objects.filter(campaign=made)
    rows.filter(pk__in=(goal.pk, hung_up.pk)).update(state=ContactState.DONE, last_outcome=Outcome.ANSWERED)
    rows.filter(pk=goal.pk).update(disposition="Promised", disposition_kind="goal")
    rows.filter(pk=hung_up.pk).update(disposition="Hung up", disposition_kind="none")
    return made


def test_the_counts_of_a_campaign_are_those_of_its_rows(campaign: Campaign) -> None:
    counts = progress.counts(campaign.pk)
    assert counts.contacts == {"pending": 2, "in-call": 1, "retry": 0, "done": 2, "skipped": 0, "uncertain": 1}
    assert {outcome: n for outcome, n in counts.outcomes.items() if n} == {"answered": 2, "busy": 1, "unknown": 1}
    assert (counts.attempts, counts.confirmed, counts.total) == (5, 1, 6)


def test_the_funnel_tells_answered_from_responded(campaign: Campaign) -> None:
    steps = {step.label: step.count for step in progress.funnel(campaign.pk)}
    assert steps == {"Contacts": 6, "Dialled": 5, "Answered": 2, "Responded": 1, "Goal": 1}


def test_somebody_who_responded_once_has_answered_whatever_the_last_call_was(campaign: Campaign) -> None:
    CampaignContact.objects.filter(disposition="Promised").update(last_outcome=Outcome.NO_ANSWER)
    steps = {step.label: step.count for step in progress.funnel(campaign.pk)}
    assert (steps["Answered"], steps["Responded"]) == (2, 1)


def test_counts_of_a_campaign_without_anybody_are_zero() -> None:
    counts = progress.counts(people.campaign().pk)
    assert (counts.total, counts.attempts, counts.confirmed) == (0, 0, 0)


def test_today_counts_by_the_time_of_the_intent_and_without_refusals(campaign: Campaign) -> None:
    now = timezone.now()
    CallAttempt.objects.filter(outcome=Outcome.BUSY).update(intent_at=now - timedelta(hours=26))
    assert tallies.since([campaign.pk], now - timedelta(hours=1)) == {
        "dialled": 4,
        "outcome:answered": 2,
        "outcome:unknown": 1,
        "kind:goal": 1,
    }


def test_the_pace_is_told_minute_by_minute(campaign: Campaign) -> None:
    minute = timezone.now().replace(second=0, microsecond=0) - timedelta(minutes=3)
    CallAttempt.objects.all().update(intent_at=minute + timedelta(seconds=59, microseconds=999_999))
    series = dict(progress.pace_series(campaign.pk))
    assert series[minute] == 5
    assert sum(series.values()) == 5
    assert len(series) == 60


def test_lists_know_how_many_people_they_have() -> None:
    some, none = people.contact_list(4), people.contact_list(0)
    Contact.objects.filter(contact_list=some).order_by("pk")[0].delete()
    assert tallies.people_on([some.pk, none.pk]) == {some.pk: 3, none.pk: 0}


def test_people_copied_into_a_list_are_counted() -> None:
    made = people.contact_list(0)
    columns = f"contact_list_id, created_at, {COLUMNS}"
    with connection.cursor() as cursor, cursor.copy(f"COPY campaigns_contact ({columns}) FROM STDIN") as copy:
        for place in range(3):
            copy.write_row((made.pk, timezone.now(), place, f"+91900000000{place}", "", "", "{}", "[]", "", "", "", ""))
    assert tallies.people_on([made.pk]) == {made.pk: 3}


def test_the_do_not_call_list_knows_its_length() -> None:
    suppressing.suppress(["+919000000001", "+919000000002"], reason="asked", by=COMMAND_LINE)
    suppressing.suppress(["+919000000002", "+919000000003"], reason="asked", by=COMMAND_LINE)
    suppressing.unsuppress(["+919000000001"], by=COMMAND_LINE)
    assert tallies.suppressed() == Suppression.objects.count() == 2
