"""The do-not-call list and the settings from the pages."""

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import AuditEntry, Pacer, Suppression
from tests.pages import world


def test_numbers_are_added_as_people_write_them(client_of_meera: Client) -> None:
    sent = {"numbers": "90000 00001, +91 90000-00002\n0090000", "reason": "Asked in the branch"}
    refused = client_of_meera.post("/do-not-call/", sent)
    assert refused.status_code == 400
    assert "Not a phone number: 0090000 (" in refused.content.decode()
    assert "90000 00001" in refused.content.decode()
    sent["numbers"] = "90000 00001, +91 90000-00002"
    page = client_of_meera.post("/do-not-call/", sent, follow=True).content.decode()
    assert "Added 2 numbers." in page
    assert set(Suppression.objects.values_list("phone", flat=True)) == {"+919000000001", "+919000000002"}
    assert "+91\xa090000\xa0••02" in page


@pytest.mark.parametrize("written", ["091 90000 00001", "0 91 90000 00001", "9000000001.0", "0+919000000001"])
def test_a_number_is_read_as_contact_lists_are_read(client_of_meera: Client, written: str) -> None:
    """Under any other number the person would be called all the same."""
    sent = {"numbers": written, "reason": "Asked in the branch"}
    client_of_meera.post("/do-not-call/", sent)
    assert Suppression.objects.get().phone == "+919000000001"


def test_a_letter_in_a_number_is_refused_not_dialled_as_its_key(client_of_meera: Client) -> None:
    refused = client_of_meera.post("/do-not-call/", {"numbers": "98765O3210", "reason": "Asked"})
    assert "98765O3210 (Letters in the number)" in refused.content.decode()
    assert not Suppression.objects.exists()


def test_a_number_without_a_reason_is_refused(client_of_meera: Client) -> None:
    page = client_of_meera.post("/do-not-call/", {"numbers": "9000000001", "reason": ""}).content.decode()
    assert "Say why, for whoever asks later." in page


def test_a_number_is_found_by_digits_and_removed(client_of_meera: Client) -> None:
    row = Suppression.objects.create(phone="+919000000077", reason="Asked")
    Suppression.objects.create(phone="+919000000012", reason="Wrong person")
    found = client_of_meera.get("/do-not-call/?q=077").content.decode()
    assert "••77" in found
    assert "••12" not in found
    assert "Removed" in client_of_meera.post("/do-not-call/", {"remove": row.pk}, follow=True).content.decode()
    assert Suppression.objects.get().phone == "+919000000012"
    again = client_of_meera.post("/do-not-call/", {"remove": row.pk}, follow=True).content.decode()
    assert "already off the list" in again
    assert AuditEntry.objects.filter(action="unsuppress").exists()


def test_the_settings_show_what_holds_the_account_and_let_it_go(client_of_meera: Client, db: None) -> None:
    account = world.account()
    Pacer.objects.update(held_code="payment", held_reason="Exotel says: no balance.", held_since=timezone.now())
    page = client_of_meera.get("/settings/").content.decode()
    assert "Exotel says: no balance." in page
    assert "Mended: dial again" in page
    client_of_meera.post(f"/settings/accounts/{account.pk}/lift-hold")
    assert Pacer.objects.get().held_code == ""


def test_the_secrets_of_an_account_are_on_no_page(client_of_meera: Client, db: None) -> None:
    world.account(api_key="the-api-key", api_token="the-api-token")
    page = client_of_meera.get("/settings/").content.decode()
    assert "demo1" in page
    assert "the-api" not in page
