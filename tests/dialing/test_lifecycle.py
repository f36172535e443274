"""The tables of what may become what, and the one way through which a state changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.lifecycle import (
    ATTEMPT,
    CAMPAIGN,
    CAMPAIGN_CONTACT,
    CORRECTED,
    DISPROVEN,
    DUE_CONTACTS,
    ENDED_CAMPAIGNS,
    IMPORT,
    OPEN_ATTEMPTS,
    AttemptState,
    CampaignStatus,
    ContactState,
    IllegalTransition,
    ImportStatus,
    Table,
    advance,
    sources,
)
from campaigns.models import CallAttempt, CampaignContact
from tests import people

TABLES: list[tuple[Table, list[str]]] = [
    (CAMPAIGN, CampaignStatus.values),
    (CAMPAIGN_CONTACT, ContactState.values),
    (ATTEMPT, AttemptState.values),
    (IMPORT, ImportStatus.values),
]


@pytest.mark.parametrize(("table", "states"), TABLES)
def test_every_state_stands_in_its_table_and_leads_only_to_states_of_its_own(table: Table, states: list[str]) -> None:
    assert set(table) == set(states)
    assert set().union(*table.values()) <= set(states)
    assert not any(state in after for state, after in table.items())


@given(st.lists(st.sampled_from(AttemptState.values), min_size=2, max_size=8))
def test_an_attempt_never_opens_again_and_never_forgets_that_the_phone_rang(path: list[str]) -> None:
    """Along any path that the table allows: nothing follows an end, and dialing comes only first."""
    walked = [path[0]]
    for state in path[1:]:
        if state in ATTEMPT[walked[-1]]:
            walked.append(state)
    assert AttemptState.DIALING not in walked[1:]
    assert not {AttemptState.ENDED, AttemptState.REFUSED} & set(walked[:-1])
    rang = [state for state in walked if state in (AttemptState.PLACED, AttemptState.ANSWERED)]
    assert not rang or walked[-1] not in (AttemptState.REFUSED, AttemptState.UNKNOWN)


def test_a_person_who_is_done_or_skipped_is_never_due_again() -> None:
    assert not CAMPAIGN_CONTACT[ContactState.DONE]
    assert not CAMPAIGN_CONTACT[ContactState.SKIPPED]


def test_who_is_done_by_a_mistake_waits_for_a_retry_and_for_nothing_else() -> None:
    assert dict(CORRECTED) == {ContactState.DONE: frozenset({ContactState.RETRY})}


def test_who_is_in_line_by_a_disproved_proof_becomes_uncertain_and_nothing_else() -> None:
    assert dict(DISPROVEN) == {ContactState.PENDING: frozenset({ContactState.UNCERTAIN})}


def test_somebody_uncertain_is_not_due() -> None:
    assert ContactState.UNCERTAIN not in DUE_CONTACTS
    assert AttemptState.UNKNOWN in OPEN_ATTEMPTS


def test_a_cancelled_campaign_stays_cancelled() -> None:
    assert not CAMPAIGN[CampaignStatus.CANCELLED]
    assert CampaignStatus.CANCELLED in ENDED_CAMPAIGNS


def test_a_move_that_no_table_knows_is_a_programming_error() -> None:
    with pytest.raises(IllegalTransition, match="dialing"):
        sources(ATTEMPT, AttemptState.DIALING)


@pytest.mark.django_db
@pytest.mark.parametrize("to", [state for state in AttemptState.values if state != AttemptState.DIALING])
@pytest.mark.parametrize("before", AttemptState.values)
def test_a_state_moves_exactly_where_its_table_says(before: str, to: str) -> None:
    attempt = people.attempt(people.contact(people.campaign()), before)
    moved = advance(CallAttempt.objects.filter(pk=attempt.pk), ATTEMPT, to, reason="moved")
    attempt.refresh_from_db()
    allowed = to in ATTEMPT[before]
    assert (moved, attempt.state, attempt.reason) == (allowed, to if allowed else before, "moved" if allowed else "")


@pytest.mark.django_db
def test_only_one_of_two_moves_wins() -> None:
    contact = people.contact(people.campaign())
    rows = CampaignContact.objects.filter(pk=contact.pk)
    assert advance(rows, CAMPAIGN_CONTACT, ContactState.IN_CALL) == 1
    assert advance(rows, CAMPAIGN_CONTACT, ContactState.IN_CALL) == 0
