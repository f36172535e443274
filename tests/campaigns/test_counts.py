"""What the pages and campaign_status count: every state and outcome, zeros too, and nothing twice."""

from datetime import timedelta
from itertools import pairwise

import pytest
from django.utils import timezone

from campaigns import progress
from campaigns.lifecycle import AttemptState, ContactState, Outcome
from campaigns.models import StreamEntry
from tests import people

pytestmark = pytest.mark.django_db


def test_an_empty_campaign_counts_zeros() -> None:
    counts = progress.counts(people.campaign().pk)
    assert dict(counts.contacts) == dict.fromkeys(ContactState.values, 0)
    assert dict(counts.outcomes) == dict.fromkeys([*Outcome.values, "unknown"], 0)
    assert (counts.total, counts.attempts, counts.in_call, counts.uncertain, counts.left, counts.slots_used) == (0,) * 6


def test_people_are_counted_by_state_and_attempts_by_outcome() -> None:
    campaign = people.campaign()
    people.contacts(campaign, 2)
    people.contact(campaign, state=ContactState.SKIPPED)
    people.attempt(people.contact(campaign), AttemptState.ANSWERED)
    people.attempt(people.contact(campaign), AttemptState.UNKNOWN)
    people.attempt(people.contact(campaign), AttemptState.REFUSED)  # nothing was dialled
    done = people.contact(campaign, state=ContactState.DONE)
    for outcome in (Outcome.BUSY, Outcome.ANSWERED):
        at = timezone.now()
        people.attempt(done, AttemptState.ENDED, outcome=outcome, slot_released_at=at, confirmed_at=at)
    others = people.campaign()
    people.attempt(people.contact(others), AttemptState.ANSWERED)

    counts = progress.counts(campaign.pk)

    assert {state: n for state, n in counts.contacts.items() if n} == {
        "pending": 3, "in-call": 1, "done": 1, "skipped": 1, "uncertain": 1,
    }  # fmt: skip
    assert {outcome: n for outcome, n in counts.outcomes.items() if n} == {"busy": 1, "answered": 1, "unknown": 1}
    assert (counts.attempts, counts.confirmed, counts.left, counts.total) == (4, 2, 3, 7)
    assert counts.slots_used == 3  # what was refused gives its slot back elsewhere; here it is still held


def test_the_funnel_says_where_people_stop() -> None:
    campaign = people.campaign()
    people.contacts(campaign, 2)
    people.contact(campaign, tries=1, last_outcome="busy")
    people.contact(campaign, tries=2, last_outcome="answered")
    people.contact(campaign, tries=1, last_outcome="answered", disposition="Later", disposition_kind="objection")
    people.contact(campaign, tries=1, last_outcome="answered", disposition="Paid", disposition_kind="goal")
    steps = [(step.label, step.count, step.of) for step in progress.funnel(campaign.pk)]
    assert steps == [
        ("Contacts", 6, 0), ("Dialled", 4, 6), ("Answered", 3, 4), ("Responded", 2, 3), ("Goal", 1, 2),
    ]  # fmt: skip


def test_the_pace_has_a_figure_for_each_minute_zeros_included() -> None:
    campaign = people.campaign()
    now = timezone.now()
    for minutes, state in ((0, "placed"), (0, "refused"), (3, "ended"), (3, "unknown"), (90, "ended")):
        people.attempt(people.contact(campaign), state, intent_at=now - timedelta(minutes=minutes))
    series = progress.pace_series(campaign.pk, minutes=10)
    assert len(series) == 10
    assert sum(n for _, n in series) == 3
    assert max(n for _, n in series) == 2
    assert {later - earlier for (earlier, _), (later, _) in pairwise(series)} == {timedelta(minutes=1)}


def test_open_calls_are_the_longest_first_with_their_last_words() -> None:
    campaign = people.campaign()
    now = timezone.now()
    ringing = people.attempt(people.contact(campaign, name="Asha"), AttemptState.PLACED, intent_at=now)
    since = now - timedelta(seconds=30)
    talking = people.attempt(people.contact(campaign, name="Ravi"), "answered", intent_at=since, answered_at=since)
    people.attempt(people.contact(campaign), AttemptState.UNKNOWN)
    stream = talking.streams.create()
    for at, kind, text in ((1.0, "prompt", "Hello Ravi"), (2.0, "key", "1"), (3.0, "clear", "")):
        StreamEntry.objects.create(stream=stream, at=at, kind=kind, text=text)

    calls = progress.open_calls(campaign.pk)

    assert [(call.name, call.state, call.said) for call in calls] == [
        ("Ravi", "in-call", "Pressed 1"), ("Asha", "ringing", "Ringing"),
    ]  # fmt: skip
    assert [call.attempt_id for call in calls] == [talking.pk, ringing.pk]
    assert progress.open_calls(campaign.pk, limit=1) == calls[:1]
