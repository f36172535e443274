"""How many match is counted while that is quick, and guessed from slices of longer lists; it costs one query."""

import pytest
from pytest_django import DjangoAssertNumQueries

from campaigns import audiences, filters, tallies
from campaigns.audiences import Matching
from campaigns.models import Contact, ContactList
from tests import people

pytestmark = pytest.mark.django_db


def cities(*named: str) -> ContactList:
    """A list with one person from each of these cities."""
    made = people.contact_list(0, columns=["city"])
    Contact.objects.bulk_create(
        Contact(contact_list=made, phone=f"+91988{made.pk % 1000:03d}{place:06d}", variables={"city": city})
        for place, city in enumerate(named)
    )
    return made


def matching(*lists: ContactList, of: str = "city = Pune") -> Matching:
    asked = [filters.read_text(of, lists)]
    return audiences.matching(lists, asked, tallies.people_on(one.pk for one in lists))


def test_people_of_several_lists_are_counted_together() -> None:
    one, other = cities("Pune", "Goa", "pune"), cities("Goa", "Pune")
    found = matching(one, other)
    assert (found.people, found.of, found.left_out, found.exact) == (3, 5, 2, True)
    assert {person.variables["city"] for person in audiences.examples(found)} == {"Pune", "pune"}


def test_nobody_matching_is_told_exactly() -> None:
    found = matching(cities("Goa"))
    assert (found.people, found.exact, audiences.examples(found)) == (0, True, [])


def test_without_conditions_everybody_matches() -> None:
    one = cities("Pune", "Goa")
    assert audiences.matching([one], [], {one.pk: 2}) == Matching(2, 2)


def test_who_was_taken_off_the_list_does_not_match() -> None:
    one = cities("Pune", "Pune")
    Contact.objects.filter(pk=one.contacts.order_by("pk")[0].pk).update(kept=True)
    assert matching(one).people == 1


def test_of_long_lists_slices_are_read_that_are_spread_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiences, "COUNTED", 100)
    monkeypatch.setattr(audiences, "SLICES", 20)
    monkeypatch.setattr(audiences, "IN_SLICE", 5)
    one = cities(*["Goa"] * 300)
    cities(*["Pune"] * 300)  # another list, whose ids come in between
    Contact.objects.bulk_create(
        Contact(contact_list=one, phone=f"+9197{place:08d}", variables={"city": "Pune"}) for place in range(300)
    )
    found = matching(one)
    assert not found.exact
    assert found.looked_at <= 100
    assert 200 < found.people < 400, "neither only the beginning, nor only the end"
    assert found.of == 600


def test_the_guess_is_rounded_and_never_more_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiences, "COUNTED", 10)
    one = cities(*["Pune"] * 12)
    assert matching(one).people == 12


def test_it_costs_one_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    lists = [cities("Pune", "Goa") for _ in range(3)]
    asked = [filters.read_text("city = Pune", lists)]
    sizes = {one.pk: 2 for one in lists}
    with django_assert_num_queries(1):
        assert audiences.matching(lists, asked, sizes).people == 3
