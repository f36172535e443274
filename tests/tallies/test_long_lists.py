"""Where counting all would take too long, a page counts some, says so, and never says less than it found."""

from collections.abc import Iterable

import pytest
from django.http import QueryDict
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns import control, digits, suppressing, tallies
from campaigns.audit import COMMAND_LINE
from campaigns.lifecycle import AttemptState, Outcome
from campaigns.models import CampaignContact, Contact, ContactList, Suppression, User
from campaigns.views import audience, calls, paging
from campaigns.views.paging import Some, page, page_by_id
from tests import people
from tests.pages import world

pytestmark = pytest.mark.django_db

few = st.sets(st.integers(0, 12), max_size=10)


def number(place: int) -> str:
    return f"+9190000{place:05}"


def _lists(some: Iterable[Iterable[int]]) -> list[int]:
    return [people.contact_list(map(number, sorted(one))).pk for one in some]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lists=st.lists(few, min_size=1, max_size=3), listed=few, looked_at=st.sampled_from([3, 6, 1000]))
def test_an_audience_is_told_exactly_or_as_at_least_so_many(
    monkeypatch: pytest.MonkeyPatch, lists: list[set[int]], listed: set[int], looked_at: int
) -> None:
    monkeypatch.setattr(audience, "LOOKED_AT", looked_at)
    Suppression.objects.all().delete()
    suppressing.suppress(map(number, listed), reason="asked", by=COMMAND_LINE)
    ContactList.objects.all().delete()
    ids = _lists(lists)
    sizes = tallies.people_on(ids)
    everybody = set().union(*lists)
    suppressed, repeated = audience.on_do_not_call(ids, sizes), audience.on_two_lists(ids, sizes)
    for told, true in (
        (suppressed, len(everybody & listed)),
        (repeated, sum(map(len, lists)) - len(everybody)),
    ):
        assert told.n <= true
        assert not told.exact or told.n == true
    if looked_at == 1000:
        assert suppressed.exact
        assert repeated.exact


def test_nobody_is_on_no_list() -> None:
    assert audience.on_do_not_call([], {}) == audience.on_two_lists([], {}) == Some(0)


def test_a_review_of_long_lists_says_at_most(client_of_meera: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    account = world.account()
    draft = world.draft(account, world.people(4), world.people(4, name="Same people"))
    suppressing.suppress(map(number, range(4)), reason="asked", by=COMMAND_LINE)
    exactly = client_of_meera.get(f"/campaigns/{draft.pk}/").content.decode()
    assert "At most" not in exactly
    monkeypatch.setattr(audience, "LOOKED_AT", 2)
    assert "At most" in client_of_meera.get(f"/campaigns/{draft.pk}/").content.decode()


# ------------------------------------------------------------------------------------------------------- searching
def test_people_are_found_by_their_last_digits() -> None:
    campaign = people.campaign()
    people.contacts(campaign, ["+919000000123", "+919000001123", "+919000000124"])
    rows = CampaignContact.objects.filter(campaign=campaign)
    assert {one.phone for one in digits.ending_in(rows, "0123")} == {"+919000000123"}
    assert digits.ending_in(rows, "123").count() == 2


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("4321", "4321"),
        ("+91 98765-43210", "919876543210"),
        ("(080) 12", "08012"),
        ("Kavita 9", ""),
        ("१२", ""),
        ("", ""),
    ],
)
def test_a_search_is_for_a_number_when_it_is_nothing_but_digits(search: str, found: str) -> None:
    assert digits.in_number(search) == found


def test_a_search_without_an_index_reads_so_many_and_looks_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "LOOKED_AT", 4)
    made = people.contact_list(10)
    people.contact_list(3)
    Contact.objects.filter(contact_list=made, name="Person 9").update(name="Zubin")
    found, query, pages = [], QueryDict(), 0
    while True:
        rows = Contact.objects.filter(name__icontains="zubin")
        shown = page_by_id(rows, {"contact_list_id": made.pk}, query, searched=True)
        found += shown.rows
        pages += 1
        if not shown.older:
            break
        assert shown.looked_at == 4
        query = QueryDict(shown.older)
    assert [one.name for one in found] == ["Zubin"]
    assert pages == 3


def test_looking_on_misses_nobody_and_shows_nobody_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where many rows share the moment they were added at."""
    monkeypatch.setattr(paging, "LOOKED_AT", 3)
    suppressing.suppress([number(place) for place in range(11)], reason="asked", by=COMMAND_LINE)
    moments = list(Suppression.objects.values_list("added_at", flat=True))
    Suppression.objects.update(added_at=min(moments))
    wanted = set(Suppression.objects.filter(phone__endswith="0").values_list("pk", flat=True))
    found, query = [], QueryDict()
    while True:
        rows = Suppression.objects.filter(phone__endswith="0")
        shown = page(rows, "added_at", query, among=Suppression.objects.all())
        found += [one.pk for one in shown.rows]
        if not shown.older:
            break
        query = QueryDict(shown.older)
    assert sorted(found) == sorted(wanted)
    assert len(wanted) == 2


def test_a_long_do_not_call_list_is_searched_for_a_reason_page_by_page(
    client_of_meera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "LOOKED_AT", 2)
    suppressing.suppress([number(1)], reason="Register of 2024", by=COMMAND_LINE)
    suppressing.suppress([number(place) for place in range(2, 6)], reason="asked", by=COMMAND_LINE)
    text = client_of_meera.get("/do-not-call/", {"q": "register"}).content.decode()
    assert "None of the 2 numbers looked at matches" in text
    assert "Look on" in text


# -------------------------------------------------------------------------------------------------------- call log
def test_calls_are_counted_from_the_tallies_for_a_campaign_and_an_outcome(client_of_meera: Client) -> None:
    campaign = people.campaign()
    for outcome in (Outcome.BUSY, Outcome.BUSY, Outcome.ANSWERED):
        people.attempt(people.contact(campaign), AttemptState.ENDED, outcome=outcome)
    people.attempt(people.contact(campaign), AttemptState.PLACED)
    people.attempt(people.contact(campaign), AttemptState.REFUSED)
    totals = {
        wanted: client_of_meera.get("/calls/", {"outcome": wanted, "campaign": campaign.pk}).context["total"]
        for wanted in ("", "busy", "open", "refused", "unknown")
    }
    assert totals == {"": Some(5), "busy": Some(2), "open": Some(1), "refused": Some(1), "unknown": Some(0)}


def test_calls_of_a_search_are_counted_so_far(client_of_meera: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "MOST_COUNTED", 3)
    campaign = people.campaign()
    for person in people.contacts(campaign, [f"+9190000000{place}7" for place in range(5)]):
        people.attempt(person, AttemptState.ENDED, outcome=Outcome.BUSY)
    shown = client_of_meera.get("/calls/", {"number": "7"})
    assert shown.context["total"] == Some(3, exact=False)
    assert "More than 3 calls" in shown.content.decode()
    assert client_of_meera.get("/calls/", {"number": "17"}).context["total"] == Some(1)


def test_lists_show_how_many_people_they_have(client_of_meera: Client) -> None:
    made = people.contact_list(3)
    assert client_of_meera.get("/lists/").context["people"] == 3
    shown = client_of_meera.get(f"/lists/{made.pk}/")
    assert shown.context["total"] == 3
    assert shown.context["suppressed"] == Some(0)
    assert ContactList.objects.count() == 1


@pytest.fixture
def client_of_meera(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("meera"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_launching_a_long_list_answers_after_the_first_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "AT_ONCE", 2)
    draft = world.draft(world.account(), world.people(5))
    control.launch(draft.pk, by=COMMAND_LINE)
    assert draft.contacts.count() == 2
