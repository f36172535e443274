"""The same callback again is counted, not believed again, however many come at once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from campaigns.lifecycle import AttemptState
from tests import people
from tests.callbacks import carrier

COPIES = 100


def test_a_replay_after_the_end_changes_nothing(exotel: Client) -> None:
    attempt = carrier.placed()
    fields = carrier.full(attempt, str(attempt.sid), "busy")
    carrier.post(exotel, attempt.pk, fields)
    before = carrier.facts(attempt)
    assert carrier.post(exotel, attempt.pk, fields).status_code == 200
    assert carrier.facts(attempt) == before
    [event] = carrier.events(attempt)
    assert event.copies == 2


def test_the_end_said_again_with_more_facts_is_no_contradiction(exotel: Client) -> None:
    attempt = carrier.placed()
    carrier.post(exotel, attempt.pk, carrier.minimal(str(attempt.sid)))
    ended_at = carrier.fresh(attempt).ended_at
    carrier.post(exotel, attempt.pk, carrier.full(attempt, str(attempt.sid)))
    ended = carrier.fresh(attempt)
    assert (ended.contradiction, ended.talk_seconds, ended.ended_at) == ("", 32, ended_at)
    assert [event.note for event in carrier.events(attempt)] == ["", "said before"]


@pytest.mark.django_db(transaction=True)
def test_a_hundred_copies_at_once_are_one_event_applied_once() -> None:
    campaign = people.campaign(max_attempts=3)
    campaign.retry_rules.create(outcome="busy", times=2)
    attempt = people.attempt(people.contact(campaign), AttemptState.PLACED, sid=carrier.new_sid())
    fields = carrier.minimal(str(attempt.sid), "busy")

    def deliver(_: int) -> int:
        try:
            return carrier.post(Client(), attempt.pk, fields).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(deliver, range(COPIES))) == {200}

    [event] = carrier.events(attempt)
    assert event.copies == COPIES
    assert event.note == ""
    assert event.applied_at is not None
    contact = carrier.person(attempt)
    assert (carrier.fresh(attempt).outcome, contact.state, contact.tries) == ("busy", "retry", 1)


@pytest.mark.django_db(transaction=True)
def test_different_callbacks_of_many_calls_at_once_all_count() -> None:
    """Only its own attempt is locked while a callback is applied: others of the campaign do not wait or clash."""
    campaign = people.campaign()
    attempts = [
        people.attempt(one, AttemptState.PLACED, sid=carrier.new_sid()) for one in people.contacts(campaign, 30)
    ]
    told = [
        (attempt.pk, fields)
        for attempt in attempts
        for fields in (
            carrier.full(attempt, str(attempt.sid), "in-progress", "answered"),
            carrier.full(attempt, str(attempt.sid)),
        )
    ]

    def deliver(one: tuple[int, dict[str, str]]) -> int:
        try:
            return carrier.post(Client(), *one).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(deliver, told)) == {200}
    assert set(campaign.attempts.values_list("state", "outcome", "contradiction")) == {("ended", "answered", "")}
