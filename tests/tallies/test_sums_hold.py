"""Whatever concurrent connections do to the rows, the sums of their tallies are what a recount finds."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import tallies
from campaigns.lifecycle import AttemptState, ContactState, Outcome
from campaigns.models import CallAttempt, Campaign, CampaignContact, Tally
from tests import people

Act = tuple[str, int, str, str, bool]  # what, to whom, the state, another word, whether it is committed

WHATS = (
    "come", "change one", "change many", "rewrite", "go", "call", "call changes", "calls change", "call goes", "fold",
    "fold all",
)  # fmt: skip
DISPOSITIONS = {"": "", "Promised": "goal", "Hung up": "none", "Stop": "stop"}
acts = st.lists(
    st.tuples(
        st.sampled_from(WHATS),
        st.integers(0, 7),
        st.sampled_from([*ContactState.values]),
        st.sampled_from([*DISPOSITIONS]),
        st.sampled_from([True, True, True, False]),
    ),
    min_size=1,
    max_size=12,
)


class RolledBack(Exception):
    """The act shall not have happened."""


@pytest.mark.django_db(transaction=True)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=acts, second=acts, third=acts)
def test_sums_equal_a_recount_after_any_acts_of_concurrent_connections(
    first: list[Act], second: list[Act], third: list[Act]
) -> None:
    campaign = people.campaign()
    people.contacts(campaign, 8)
    failed: list[BaseException] = []
    threads = [threading.Thread(target=_do_all, args=(campaign, some, failed)) for some in (first, second, third)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert tallies.verify(campaign.pk, timezone.now()) == {}
    assert _sums_by_state(campaign) == _rows_by_state(campaign)


def _do_all(campaign: Campaign, some: Sequence[Act], failed: list[BaseException]) -> None:
    try:
        for act in some:
            try:
                with transaction.atomic():
                    _do(campaign, *act)
            except RolledBack:
                pass
    except BaseException as trouble:  # handed to the test, which raises it
        failed.append(trouble)
        raise
    finally:
        connection.close()


def _do(campaign: Campaign, what: str, whom: int, state: str, word: str, committed: bool) -> None:
    said: dict[str, Any] = {"disposition": word, "disposition_kind": DISPOSITIONS[word]}
    if what == "come":
        people.contacts(campaign, whom, state=state, **said)
    elif what == "fold":
        tallies.fold(0)
    elif what == "fold all":
        tallies.fold(3)
    elif what.startswith("call"):
        _call(campaign, what, whom, state, said)
    else:
        _change(campaign, what, whom, state, said)
    if not committed:
        raise RolledBack


def _change(campaign: Campaign, what: str, whom: int, state: str, said: dict[str, Any]) -> None:
    # Always locked in the same order, so that the threads meet on the same rows and never in a deadlock.
    rows = CampaignContact.objects.filter(campaign=campaign).order_by("pk").select_for_update()
    ids = [one.pk for one in rows]
    chosen = CampaignContact.objects.filter(pk__in=ids[whom : whom + 1] if what in ("change one", "go") else ids[whom:])
    if what == "go":
        chosen.filter(attempts=None).delete()
    elif what == "rewrite":
        chosen.update(name="Somebody", reason="nothing that is counted")
    else:
        chosen.update(state=state, tries=whom % 3, last_outcome=Outcome.ANSWERED if whom % 2 else "", **said)


def _call(campaign: Campaign, what: str, whom: int, state: str, said: dict[str, Any]) -> None:
    rows = CampaignContact.objects.filter(campaign=campaign).order_by("pk").select_for_update()
    persons = list(rows)
    if not persons:
        return
    person = persons[whom % len(persons)]
    states = dict(zip(ContactState.values, AttemptState.values, strict=True))
    calls = CallAttempt.objects.filter(campaign=campaign)
    if what == "call":
        people.attempt(person, AttemptState.ENDED, outcome=Outcome.BUSY)
    elif what == "call goes":
        calls.filter(campaign_contact=person).delete()
    elif what == "calls change":
        calls.update(outcome=Outcome.FAILED, confirmed_at=timezone.now() if whom % 2 else None, **said)
    else:
        # One at most is open for each person: the others stay as they ended.
        last = calls.filter(campaign_contact=person).order_by("-ordinal").first()
        calls.filter(pk=last.pk if last else 0).update(
            state=states[state], outcome="" if whom % 2 else Outcome.ANSWERED
        )


def _sums_by_state(campaign: Campaign) -> dict[str, int]:
    sums = tallies.of_campaign(campaign.pk)
    return {measure.removeprefix("contact:"): n for measure, n in sums.items() if measure.startswith("contact:")}


def _rows_by_state(campaign: Campaign) -> dict[str, int]:
    states = list(campaign.contacts.values_list("state", flat=True))
    return {state: states.count(state) for state in states}


@pytest.mark.django_db
def test_a_statement_that_changes_nothing_counted_writes_no_tally() -> None:
    campaign = people.campaign()
    person = people.contact(campaign)
    call = people.attempt(person)
    before = Tally.objects.count()
    CampaignContact.objects.filter(campaign=campaign).update(reason="x", due_at=timezone.now(), state=person.state)
    CallAttempt.objects.filter(pk=call.pk).update(http_status=200, sid="s", check_at=timezone.now())
    assert Tally.objects.count() == before


@pytest.mark.django_db
def test_a_statement_over_many_rows_writes_a_row_a_count() -> None:
    campaign = people.campaign()
    people.contacts(campaign, 300)
    assert Tally.objects.filter(about=f"campaign:{campaign.pk}").count() == 1
    CampaignContact.objects.filter(campaign=campaign).update(state=ContactState.SKIPPED)
    assert Tally.objects.filter(about=f"campaign:{campaign.pk}").count() == 3
    assert tallies.of_campaign(campaign.pk) == {"contact:skipped": 300}
