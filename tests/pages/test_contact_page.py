"""One person over all lists and campaigns."""

import pytest
from django.test import Client

from campaigns.models import AuditEntry, Campaign, Contact, Suppression
from tests.pages import world
from tests.pages.test_contact_lists import text_of


@pytest.fixture
def campaign(db: None) -> Campaign:
    account = world.account()
    first, second = world.people(3), world.people(3, name="Second list")
    world.call(world.first_of(world.launched(account, first, name="October")), "busy")
    campaign = world.launched(account, second, name="November")
    world.call(world.first_of(campaign), disposition="Promised to pay", disposition_kind="goal")
    return campaign


def test_lists_campaigns_and_calls_of_one_person_stand_together(client_of_meera: Client, campaign: Campaign) -> None:
    contact = Contact.objects.filter(phone=world.first_of(campaign).phone).latest("pk")
    page = client_of_meera.get(f"/contacts/{contact.pk}/").content.decode()
    assert all(words in page for words in ("Pune EMI", "Second list", "October", "November", "Promised to pay", "4350"))
    assert "2 calls" in page
    assert "90000\xa000000" not in page


def test_a_persons_page_says_which_file_brought_them_and_which_named_them_later(
    client_of_meera: Client, campaign: Campaign
) -> None:
    contact = Contact.objects.filter(phone=world.first_of(campaign).phone).latest("pk")
    first, later = (contact.contact_list.imports.create(file_name=f"{name}.csv") for name in ("May", "June"))
    Contact.objects.filter(pk=contact.pk).update(contact_import=first, line=12)
    text = text_of(client_of_meera, f"/contacts/{contact.pk}/")
    assert "Line 12 of May.csv" in text
    Contact.objects.filter(pk=contact.pk).update(changed_by=later.pk)
    assert "From May.csv" in text_of(client_of_meera, f"/contacts/{contact.pk}/")
    assert f'/imports/{later.pk}/">a later file' in client_of_meera.get(f"/contacts/{contact.pk}/").content.decode()


def test_the_same_page_is_reached_from_a_call_and_from_a_campaign(client_of_meera: Client, campaign: Campaign) -> None:
    person = world.first_of(campaign)
    for address in (f"/contacts/of-call/{person.attempts.get().pk}/", f"/contacts/in-campaign/{person.pk}/"):
        assert "2 calls" in client_of_meera.get(address).content.decode()


def test_a_person_is_put_on_do_not_call_and_taken_off_again(client_of_meera: Client, campaign: Campaign) -> None:
    address = f"/contacts/in-campaign/{world.first_of(campaign).pk}/"
    assert client_of_meera.post(address, {"act": "suppress", "reason": ""}).status_code == 400
    assert not Suppression.objects.exists()
    client_of_meera.post(address, {"act": "suppress", "reason": "Asked on 20 Nov"})
    assert Suppression.objects.get().reason == "Asked on 20 Nov"
    assert "Asked on 20 Nov" in client_of_meera.get(address).content.decode()
    client_of_meera.post(address, {"act": "unsuppress"})
    assert not Suppression.objects.exists()
    assert {"suppress", "unsuppress"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_showing_the_number_is_audited(client_of_meera: Client, campaign: Campaign) -> None:
    person = world.first_of(campaign)
    page = client_of_meera.post(f"/contacts/in-campaign/{person.pk}/", {"act": "show"}).content.decode()
    assert "+91\xa090000\xa000000" in page
    assert AuditEntry.objects.get(action="show number").subject == f"enrolment:{person.pk}"


def test_a_number_in_full_finds_its_person_and_never_stands_in_an_address(
    client_of_meera: Client, campaign: Campaign
) -> None:
    found = client_of_meera.post("/contacts/find", {"number": "090000 00000"})
    assert found["Location"].startswith("/contacts/")
    assert "9000000000" not in found["Location"]
    nobody = client_of_meera.post("/contacts/find", {"number": "+919876543210"})
    assert "Nobody with this number" in nobody.content.decode()
    assert client_of_meera.post("/contacts/find", {"number": "nonsense"}).status_code == 400


def test_simulated_calls_are_not_shown_beside_real_ones(client_of_meera: Client, campaign: Campaign) -> None:
    person = world.first_of(campaign)
    world.account(kind="exotel", name="Exotel", api_url="https://api.in.exotel.com", from_environment=True)
    page = client_of_meera.get(f"/contacts/in-campaign/{person.pk}/").content.decode()
    assert "Never called." in page
    assert "November" not in page
