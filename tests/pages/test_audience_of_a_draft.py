"""The step "who": rows of conditions, counted as they are written; what is wrong is said, and nothing is lost."""

from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from campaigns import filters
from campaigns.filters import Condition
from campaigns.models import Campaign, Contact, ContactList
from tests import people
from tests.pages import world

pytestmark = pytest.mark.django_db
COUNT = "/campaigns/audience"


@pytest.fixture
def borrowers() -> ContactList:
    world.account()
    made = people.contact_list(0, name="Borrowers", columns=["city", "amount"], types={"amount": "number"})
    Contact.objects.bulk_create(
        Contact(
            contact_list=made,
            phone=f"+9198765432{place:02d}",
            name=name,
            variables={"city": city, "amount": f"{place},000"},
        )
        for place, (name, city) in enumerate((("Asha", "Pune"), ("Ravi", "Goa"), ("Meena", "pune"), ("Om", "Delhi")), 1)
    )
    return made


def rows(*conditions: tuple[str, str, str]) -> dict[str, Any]:
    """What a form sends of its rows."""
    return {name: [row[at] for row in conditions] for at, name in enumerate(("field", "op", "value"))}


def counted(client: Client, borrowers: ContactList, *conditions: tuple[str, str, str], **more: Any) -> str:
    answer = client.post(COUNT, {"lists": [borrowers.pk], **rows(*conditions), **more})
    assert answer.status_code == 200
    return answer.content.decode()


def sent(borrowers: ContactList, *conditions: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """The whole step."""
    return {"name": "Diwali", "lists": [borrowers.pk], "purpose": "service", **rows(*conditions), **more}


# ------------------------------------------------------------------------------------------------------- live count
def test_the_count_follows_what_is_written_and_keeps_nothing(client_of_meera: Client, borrowers: ContactList) -> None:
    text = counted(client_of_meera, borrowers, ("var:city", "is", "Pune"))
    assert '<b class="num">2</b> of 4 people match.' in text
    assert "Asha" in text
    assert "Meena" in text
    assert "Ravi" not in text
    assert "<bdi>city</bdi>: <bdi>pune</bdi>" in text
    assert "+919876543201" not in text, "examples are masked"
    assert not Campaign.objects.exists()


def test_every_condition_must_be_met(client_of_meera: Client, borrowers: ContactList) -> None:
    text = counted(client_of_meera, borrowers, ("var:city", "is", "Pune"), ("var:amount", "gt", "2,000"))
    assert '<b class="num">1</b> of 4 people matches.' in text


def test_without_conditions_it_is_everybody(client_of_meera: Client, borrowers: ContactList) -> None:
    assert '<b class="num">4</b> people: everybody on the list.' in counted(client_of_meera, borrowers)


def test_without_a_list_it_asks_for_one(client_of_meera: Client, borrowers: ContactList) -> None:
    text = client_of_meera.post(COUNT, rows(("name", "is", "Asha"))).content.decode()
    assert "Choose a list to see how many people that are." in text
    assert 'value="Asha"' in text


def test_two_lists_are_counted_together(client_of_meera: Client, borrowers: ContactList) -> None:
    other = people.contact_list(3)
    text = counted(client_of_meera, borrowers, ("name", "is", "Person 1"), lists=[borrowers.pk, other.pk])
    assert '<b class="num">1</b> of 7 people matches.' in text


def test_what_is_wrong_is_said_beside_its_row(client_of_meera: Client, borrowers: ContactList) -> None:
    text = counted(client_of_meera, borrowers, ("", "", ""), ("var:amount", "gt", "many"))
    assert "amount is compared with a number, and “many” is none. Write it like 5,000." in text
    assert 'id="wrong-1"' in text
    assert 'value="many"' in text


def test_a_row_without_a_value_yet_does_not_count(client_of_meera: Client, borrowers: ContactList) -> None:
    text = counted(client_of_meera, borrowers, ("var:city", "is", "Pune"), ("var:amount", "gt", ""), ("", "", "x"))
    assert '<b class="num">2</b> of 4 people match.' in text
    assert text.count('name="field"') == 3


def test_a_column_of_a_list_that_is_not_chosen_any_more_stays(client_of_meera: Client, borrowers: ContactList) -> None:
    other = people.contact_list(1)
    text = counted(client_of_meera, borrowers, ("var:amount", "gt", "5"), lists=[other.pk])
    assert '<option value="var:amount" selected>amount</option>' in text
    assert '<option value="gt" selected>' in text
    assert "No column of these lists is named “amount”" in text


def test_enter_saves_rather_than_removing_a_condition(client_of_meera: Client, borrowers: ContactList) -> None:
    page = client_of_meera.get(f"/campaigns/new?list={borrowers.pk}&field=name&op=is&value=Om").content.decode()
    form = page.split('enctype="multipart/form-data"')[1]
    first = form[form.index("<button") :].partition(">")[0]
    assert 'type="submit"' in first
    assert "name=" not in first


def test_a_field_brings_the_operations_of_its_kind(client_of_meera: Client, borrowers: ContactList) -> None:
    text = counted(client_of_meera, borrowers, ("var:amount", "is", ""))
    assert '<option value="eq" selected>=</option>' in text
    assert '<option value="between">between</option>' in text
    assert '<option value="contains">' not in text


def test_calls_in_a_campaign_can_be_asked_about(client_of_meera: Client, borrowers: ContactList) -> None:
    before = people.campaign(name="Holi")
    people.contact(before, phone="+919876543201", tries=1, state="done", last_outcome="answered")
    text = counted(client_of_meera, borrowers, (f"campaign:{before.pk}", "answered", ""))
    assert '<b class="num">1</b> of 4 people matches.' in text
    assert "is looked at when each person is enrolled" in text
    assert f'<option value="campaign:{before.pk}" selected>Holi</option>' in text


def test_rows_are_added_and_removed(client_of_meera: Client, borrowers: ContactList) -> None:
    one, other = ("var:city", "is", "Pune"), ("name", "contains", "a")
    assert counted(client_of_meera, borrowers, one, act="add").count('name="field"') == 2
    left = counted(client_of_meera, borrowers, one, other, act="drop-0")
    assert left.count('name="field"') == 1
    assert 'value="Pune"' not in left
    for odd in ("drop-", "drop-9", "drop--1", "else"):
        assert counted(client_of_meera, borrowers, one, act=odd).count('name="field"') == 1


@pytest.mark.parametrize(
    "odd", [{"lists": ["x", "9" * 30]}, {"field": ["name"], "op": [], "value": []}, {"op": ["is"]}]
)
def test_what_no_form_sends_is_answered_all_the_same(client_of_meera: Client, odd: dict[str, Any]) -> None:
    assert client_of_meera.post(COUNT, odd).status_code == 200


def test_the_count_costs_the_same_for_many_lists_and_conditions(
    client_of_meera: Client, borrowers: ContactList, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    lists = [borrowers.pk, *(people.contact_list(1).pk for _ in range(4))]
    asked = [("var:city", "is", "Pune"), ("name", "contains", "a"), ("zone", "empty", ""), ("var:amount", "lt", "9")]
    with django_assert_max_num_queries(9):
        page = counted(client_of_meera, borrowers, *asked, lists=lists)
    assert "people match" in page


# -------------------------------------------------------------------------------------------------------- the step
def test_conditions_are_kept_with_the_draft_and_shown_again(client_of_meera: Client, borrowers: ContactList) -> None:
    asked = (("var:city", "is", "Pune"), ("", "", ""), ("var:amount", "gt", "2,000"))
    assert client_of_meera.post("/campaigns/new", sent(borrowers, *asked)).status_code == 302
    campaign = Campaign.objects.get()
    kept = (Condition("var:city", "is", "Pune"), Condition("var:amount", "gt", "2000"))
    assert filters.from_json(campaign.audience) == kept
    page = client_of_meera.get(f"/campaigns/{campaign.pk}/edit").content.decode()
    assert '<b class="num">1</b> of 4 people matches.' in page
    assert page.count('name="field"') == 2


def test_the_other_steps_leave_them_alone(client_of_meera: Client, borrowers: ContactList) -> None:
    client_of_meera.post("/campaigns/new", sent(borrowers, ("var:city", "is", "Pune")))
    campaign = Campaign.objects.get()
    client_of_meera.post(f"/campaigns/{campaign.pk}/edit/what", {"mode": "bot", "bot": "echo"})
    campaign.refresh_from_db()
    assert filters.from_json(campaign.audience) == (Condition("var:city", "is", "Pune"),)


def test_a_bad_condition_is_not_saved_and_nothing_is_lost(client_of_meera: Client, borrowers: ContactList) -> None:
    answer = client_of_meera.post("/campaigns/new", sent(borrowers, ("var:amount", "gt", "many")))
    text = answer.content.decode()
    assert answer.status_code == 400
    assert text.count("amount is compared with a number, and “many” is none.") == 2, "on top, and at its row"
    assert "Mend what is wrong to see how many match." in text
    assert 'value="many"' in text
    assert 'value="Diwali"' in text
    assert not Campaign.objects.exists()


def test_without_a_script_a_row_is_added_by_the_page_itself(client_of_meera: Client, borrowers: ContactList) -> None:
    answer = client_of_meera.post("/campaigns/new", sent(borrowers, ("var:city", "is", "Pune"), act="add"))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert text.count('name="field"') == 2
    assert 'value="Diwali"' in text
    assert '<b class="num">2</b> of 4 people match.' in text
    assert not Campaign.objects.exists()


def test_a_new_campaign_of_a_list_counts_it_at_once(client_of_meera: Client, borrowers: ContactList) -> None:
    page = client_of_meera.get(f"/campaigns/new?list={borrowers.pk}").content.decode()
    assert '<b class="num">4</b> people: everybody on the list.' in page


def test_the_filter_of_a_lists_page_is_taken_over(client_of_meera: Client, borrowers: ContactList) -> None:
    asked = "field=var%3Acity&op=is&value=Pune"
    listed = client_of_meera.get(f"/lists/{borrowers.pk}/?q=Asha&{asked}").content.decode()
    [address] = [part.split('"')[0] for part in listed.split('href="')[1:] if part.startswith("/campaigns/new?list=")]
    page = client_of_meera.get(address.replace("&amp;", "&")).content.decode()
    assert '<b class="num">1</b> of 4 people matches.' in page
    assert page.count('name="field"') == 2


def test_a_filter_of_an_address_that_is_wrong_is_said(client_of_meera: Client, borrowers: ContactList) -> None:
    page = client_of_meera.get(f"/campaigns/new?list={borrowers.pk}&field=var%3Atown&op=is&value=x").content.decode()
    assert "No column of these lists is named “town”" in page
    assert "everybody on the list" in page
