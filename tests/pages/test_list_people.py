"""The page of one list: found by any column, sorted, exported as it came in, and taken off the phone for good."""

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from campaigns import suppressing
from campaigns.audit import Actor
from campaigns.importing import loading
from campaigns.models import AuditEntry, Contact, ContactImport, ContactList, Suppression, User
from campaigns.views import list_people
from tests import people
from tests.importing.conftest import Upload, state, upload  # noqa: F401 (fixtures)
from tests.pages.test_contact_lists import text_of

FILE = (
    "Name,Mobile,City,Amount,Due date\n"
    'Kavita,9000000012,Pune,"4,350",05-12-2026\n'
    "-Ravi,9000000007,Nashik,12900,25-11-2026\n"
    "Sunita,9000000088,pune,278,28-11-2026\n"
    "imran,9000000031,Surat,=5,30-11-2026\n"
)
EVERYBODY = ["Kavita", "-Ravi", "Sunita", "imran"]


@pytest.fixture
def due(upload: Upload) -> ContactList:  # noqa: F811
    """Four people with a text, a number and a date each."""
    contact_import = upload(FILE, "Due")
    options = {"types": {"Amount": "number", "Due date": "date"}}
    ContactImport.objects.filter(pk=contact_import.pk).update(options=options)
    loading.run(contact_import.pk)
    return contact_import.contact_list


def shown(client: Client, contact_list: ContactList, **query: Any) -> list[str]:
    """The names on the page, in its order."""
    answer = client.get(f"/lists/{contact_list.pk}/", query)
    assert answer.status_code == 200, answer.content.decode()
    return [person.name for person, _ in answer.context["people"]]


def asked(field: str, op: str, value: str = "") -> dict[str, str]:
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, EVERYBODY),
        ({"q": "RAVI"}, ["-Ravi"]),
        ({"q": "0088"}, ["Sunita"]),
        (asked("var:City", "is", "Pune"), ["Kavita", "Sunita"]),
        (asked("var:Amount", "gt", "4,000"), ["Kavita", "-Ravi"]),
        (asked("var:Due date", "lt", "2026-11-29"), ["-Ravi", "Sunita"]),
        (asked("var:Due date", "between", "28 Nov 2026 to 30 Nov 2026"), ["Sunita", "imran"]),
        ({"field": ["var:City", "var:Amount"], "op": ["is", "lt"], "value": ["pune", "300"]}, ["Sunita"]),
        ({"q": "i", **asked("var:City", "is-not", "Pune")}, ["-Ravi", "imran"]),
    ],
)
def test_people_are_found_by_any_column(
    client_of_meera: Client, due: ContactList, query: dict[str, Any], names: list[str]
) -> None:
    assert shown(client_of_meera, due, **query) == names


@pytest.mark.parametrize(
    ("sort", "names"),
    [
        ("name", ["-Ravi", "imran", "Kavita", "Sunita"]),
        ("-name", ["Sunita", "Kavita", "imran", "-Ravi"]),
        ("phone", ["-Ravi", "Kavita", "imran", "Sunita"]),
        ("var:Amount", ["Sunita", "Kavita", "-Ravi", "imran"]),
        ("-var:Amount", ["-Ravi", "Kavita", "Sunita", "imran"]),
        ("-var:Due date", ["Kavita", "imran", "Sunita", "-Ravi"]),
        ("var:City", ["-Ravi", "Kavita", "Sunita", "imran"]),
        ("var:Nothing", EVERYBODY),
    ],
)
def test_people_are_sorted_by_any_column_as_what_it_is(
    client_of_meera: Client, due: ContactList, sort: str, names: list[str]
) -> None:
    assert shown(client_of_meera, due, sort=sort) == names


def test_the_address_says_who_is_shown_and_no_more(client_of_meera: Client, due: ContactList) -> None:
    form = {"q": "", "field": ["var:City", ""], "op": ["is", "is"], "value": ["Pune", ""], "sort": "-name"}
    answer = client_of_meera.get(f"/lists/{due.pk}/", form)
    assert answer["Location"] == f"/lists/{due.pk}/?sort=-name&field=var%3ACity&op=is&value=Pune"
    page = client_of_meera.get(answer["Location"])
    assert "2 of 4: City is Pune" in page.content.decode()
    assert page.context["form_rows"][0][0].value == "Pune"
    assert f'/lists/{due.pk}/export?sort=-name&amp;field=var%3ACity&amp;op=is&amp;value=Pune"' in page.content.decode()


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (asked("var:Amount", "gt", "much"), "“much” is none. Write it like 5,000."),
        (asked("var:Nobody", "is", "x"), "No column of these lists is named “Nobody”"),
        ({"q": "9000000012"}, "whole numbers stay out of addresses"),
    ],
)
def test_a_filter_that_cannot_be_read_shows_nobody_and_says_why(
    client_of_meera: Client, due: ContactList, query: dict[str, str], words: str
) -> None:
    answer = client_of_meera.get(f"/lists/{due.pk}/", query)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not answer.context["people"]
    exported = client_of_meera.post(f"/lists/{due.pk}/export?field=x&value=y")
    assert exported.status_code == 302
    assert client_of_meera.get(f"/lists/{due.pk}/suppress?field=x&value=y").status_code == 302
    assert not AuditEntry.objects.filter(action="export numbers").exists()


def test_a_value_whose_column_was_not_chosen_is_to_be_mended(client_of_meera: Client, due: ContactList) -> None:
    given = {"field": ["", ""], "op": ["is", "is"], "value": ["Pune", ""]}
    answer = client_of_meera.get(f"/lists/{due.pk}/", given, follow=True)  # the empty row is dropped once
    assert (answer.status_code, len(answer.redirect_chain)) == (400, 1)
    assert "Choose what is compared" in answer.content.decode()


def test_a_sorted_list_is_paged(client_of_meera: Client, due: ContactList, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_people, "A_PAGE", 3)
    first = client_of_meera.get(f"/lists/{due.pk}/", {"sort": "name"})
    assert [one.name for one, _ in first.context["people"]] == ["-Ravi", "imran", "Kavita"]
    assert first.context["page"].older == "sort=name&page=1"
    assert shown(client_of_meera, due, sort="name", page="1") == ["Sunita"]
    assert shown(client_of_meera, due, sort="name", page="999") == []


def test_a_list_too_long_to_sort_keeps_the_order_of_its_files(
    client_of_meera: Client, due: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_people, "MOST_SORTED", 3)
    assert shown(client_of_meera, due, sort="name") == EVERYBODY
    page = client_of_meera.get(f"/lists/{due.pk}/", asked("var:City", "is", "pune"))
    assert [heading.query for heading in page.context["headings"]] == [""] * 5
    assert page.context["matching"].n == 2


# ----------------------------------------------------------------------------------------------------------- export
def exported(client: Client, contact_list: ContactList, query: str = "") -> tuple[str, str]:
    answer: Any = client.post(f"/lists/{contact_list.pk}/export?{query}")
    return b"".join(answer.streaming_content).decode("utf-8-sig"), answer["Content-Disposition"]


def test_who_is_shown_is_exported_as_they_came_in_and_audited(client_of_meera: Client, due: ContactList) -> None:
    text, name = exported(client_of_meera, due, "field=var:Amount&op=gt&value=5000")
    assert f"{timezone.localdate():%Y-}" in name
    assert "Due 2" in name
    assert list(csv.reader(io.StringIO(text))) == [
        ["Name", "Mobile", "City", "Amount", "Due date"],
        ["'-Ravi", "'+919000000007", "Nashik", "12900", "25-11-2026"],
    ]
    entry = AuditEntry.objects.get(action="export numbers")
    assert (entry.subject, entry.details) == (f"list:{due.pk}", {"filter": ["Amount over 5,000"]})


def test_an_export_that_is_uploaded_again_is_the_same_list(
    client_of_meera: Client,
    due: ContactList,
    upload: Upload,  # noqa: F811
) -> None:
    text, _ = exported(client_of_meera, due)
    again = upload(text, "Again")
    assert loading.run(again.pk).imported == 4
    both = [
        list(Contact.objects.filter(contact_list=one).order_by("pk").values_list("phone", "name", "variables"))
        for one in (due, again.contact_list)
    ]
    assert both[0] == both[1]


def test_columns_of_later_files_stand_behind_and_no_two_headings_are_alike(
    client_of_meera: Client,
    due: ContactList,
    upload: Upload,  # noqa: F811
) -> None:
    loading.run(upload("Mobile,Phone,Branch\n9000000041,12,North\n", "Due").pk)
    text, _ = exported(client_of_meera, due)
    header, *rows = csv.reader(io.StringIO(text))
    assert header == ["Name", "Mobile", "City", "Amount", "Due date", "Phone", "Branch"]
    assert rows[-1] == ["", "'+919000000041", "", "", "", "12", "North"]


def test_who_has_left_the_list_is_not_in_the_file_that_would_bring_them_back(
    client_of_meera: Client, due: ContactList
) -> None:
    Contact.objects.filter(name="Sunita").update(kept=True)
    text, _ = exported(client_of_meera, due)
    assert [row[0] for row in csv.reader(io.StringIO(text))] == ["Name", "Kavita", "'-Ravi", "imran"]


# --------------------------------------------------------------------------------------------------------- suppress
def test_who_is_shown_is_never_called_again_after_a_yes_that_names_their_number(
    client_of_meera: Client, meera: User, due: ContactList
) -> None:
    people.campaign(name="October EMI", lists=[due])
    address = f"/lists/{due.pk}/suppress?field=var:City&op=is&value=Pune"
    text = text_of(client_of_meera, address)
    assert "Never call 2 people? Of Due : City is Pune" in text
    assert "October EMI is running and stops calling them at once." in text
    suppressing.suppress(["+919000000012"], reason="before", by=Actor.of(meera))
    answer = client_of_meera.post(address, {"people": "2", "reason": "They moved"}, follow=True)
    assert "Added 1 number to do-not-call. Nobody calls them from now on. 1 number stood there already." in (
        answer.content.decode().replace("\xa0", " ")
    )
    added = Suppression.objects.get(phone="+919000000088")
    assert (added.reason, added.added_by, added.source) == ("They moved", meera, "operator")
    assert Suppression.objects.count() == 2
    entry = AuditEntry.objects.get(action="suppress people")
    assert (entry.subject, entry.details["filter"]) == (f"list:{due.pk}", ["City is Pune"])


def test_nobody_is_added_without_a_reason_or_when_they_are_more_than_was_said(
    client_of_meera: Client, due: ContactList
) -> None:
    address = f"/lists/{due.pk}/suppress"
    assert "Say why" in client_of_meera.post(address, {"people": "4", "reason": ""}).content.decode()
    answer = client_of_meera.post(address, {"people": "3", "reason": "They moved"}).content.decode()
    assert "The list has changed since you asked" in answer
    assert 'name="people" value="4"' in answer
    assert 'value="They moved"' in answer
    assert not Suppression.objects.exists()


def test_many_are_added_in_chunks_and_a_second_run_ends_a_broken_one(
    meera: User, due: ContactList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressing, "CHUNK", 2)
    everybody = Contact.objects.filter(contact_list=due)
    suppressing.suppress(["+919000000007"], reason="before", by=Actor.of(meera))
    added = suppressing.suppress_people(everybody, reason="x" * 300, by=Actor.of(meera), subject="list:1")
    assert added == suppressing.Added(people=4, new=3)
    again = suppressing.suppress_people(everybody, reason="x", by=Actor.of(meera), subject="list:1")
    assert again == suppressing.Added(people=4, new=0)


def test_people_are_looked_for_before_dialling_is_held_up(meera: User, due: ContactList) -> None:
    with CaptureQueriesContext(connection) as asked:
        suppressing.suppress_people(
            Contact.objects.filter(contact_list=due), reason="x", by=Actor.of(meera), subject="list:1"
        )
    said = [each["sql"] for each in asked]
    held = next(place for place, sql in enumerate(said) if "campaigns_pacer" in sql)
    assert not [sql for sql in said[held:] if "campaigns_contact" in sql]
