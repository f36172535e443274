"""The call log, its export and a call's page."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from campaigns.lifecycle import AttemptState
from campaigns.models import AuditEntry, Campaign, Contact, ContactList, User
from campaigns.spreadsheets import safe_cell
from campaigns.views import downloads
from campaigns.views.paging import key_of, read_key
from tests.pages import world
from tests.pages.counting import statements


@pytest.fixture
def campaign(db: None) -> Campaign:
    return world.launched(world.account(), world.people(5))


def test_the_filter_in_the_address_narrows_rows_and_counts(client_of_meera: Client, campaign: Campaign) -> None:
    for person, outcome in zip(campaign.contacts.order_by("pk"), ("answered", "busy", "busy"), strict=False):
        world.call(person, outcome)
    page = client_of_meera.get(f"/calls/?outcome=busy&campaign={campaign.pk}").content.decode()
    assert "2 calls" in page
    assert "Kavita 1" in page
    assert "Kavita 0" not in page
    assert "Kavita 2" in client_of_meera.get("/calls/?number=002").content.decode()


def test_an_unreadable_filter_is_told_and_narrows_nothing(client_of_meera: Client, campaign: Campaign) -> None:
    world.call(world.first_of(campaign))
    response = client_of_meera.get("/calls/?number=abc&campaign=999999&from=yesterday&outcome=lost&after=nonsense")
    assert response.status_code == 200
    assert "Enter digits only." in response.content.decode()
    assert "Kavita 0" in response.content.decode()


def test_days_are_days_of_the_display_zone(client_of_meera: Client, campaign: Campaign) -> None:
    world.call(world.first_of(campaign), intent_at=timezone.now().replace(year=2026, month=3, day=4, hour=20))
    assert "Kavita 0" in client_of_meera.get("/calls/?from=2026-03-05&to=2026-03-05").content.decode()
    assert "Kavita 0" not in client_of_meera.get("/calls/?to=2026-03-04").content.decode()


def test_htmx_gets_the_rows_alone(client_of_meera: Client, campaign: Campaign) -> None:
    page = client_of_meera.get("/calls/", headers={"HX-Request": "true"}).content.decode()
    assert page.lstrip().startswith('<section class="card" id="call-rows"')


def test_the_log_pages_on_by_key(client_of_meera: Client, campaign: Campaign) -> None:
    person, now = world.first_of(campaign), timezone.now()
    made = [world.call(person, ordinal=n + 1, intent_at=now - timedelta(seconds=n // 2)) for n in range(55)]
    after = key_of(made[48].intent_at, made[48].pk)  # rows 48 and 49 share an instant; the larger id comes first
    first = client_of_meera.get("/calls/").content.decode()
    assert f"after={after}" in first
    second = client_of_meera.get(f"/calls/?after={after}").content.decode()
    assert all(f'"/calls/{call.pk}/"' in second for call in made[50:])
    assert not any(f'"/calls/{call.pk}/"' in second for call in made[:50])


def test_the_log_asks_as_often_for_ten_calls_as_for_one(client_of_meera: Client, campaign: Campaign) -> None:
    counted = []
    for start, end in ((0, 1), (1, 5)):
        for person in campaign.contacts.order_by("pk")[start:end]:
            world.call(person)
        counted.append(statements(lambda: client_of_meera.get("/calls/")))
    assert counted[0] == counted[1]


@given(moment=st.integers(-(2**50), 2**52), pk=st.integers(0, 2**62))
def test_a_key_is_read_as_it_was_written(moment: int, pk: int) -> None:
    key = read_key(f"{moment}-{pk}")
    if moment >= 0:
        assert key is not None
        assert key_of(*key) == f"{moment}-{pk}"
    else:
        assert key is None


@given(st.text())
def test_any_text_is_a_key_or_none(text: str) -> None:
    assert read_key(text) is None or isinstance(read_key(text), tuple)


# ----------------------------------------------------------------------------------------------------------- export
@given(st.text())
def test_no_cell_is_ever_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert not cell.lstrip().startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))
    assert cell.endswith(text)


@pytest.mark.parametrize("formula", ["=1", "+1", "-1", "@x", " =1", "\t=1", "＝1", "\u3000＠x"])
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(formula: str) -> None:
    assert safe_cell(formula) == f"'{formula}"


@pytest.mark.django_db(transaction=True)
def test_a_download_keeps_no_connection_while_its_reader_dawdles() -> None:
    pieces = (str(Campaign.objects.count()) for _ in range(2))
    assert downloads.next_piece(pieces) == "0"
    assert connection.connection is None
    assert [downloads.next_piece(pieces) for _ in range(2)] == ["0", ""]


def _export(user: User, *, in_full: bool) -> list[dict[str, str]]:
    """The export as it comes from the ASGI side."""

    async def fetch() -> bytes:
        client = AsyncClient()
        await client.aforce_login(user)
        response: Any = await (client.post("/calls/export") if in_full else client.get("/calls/export"))
        return b"".join([part async for part in response])

    return list(csv.DictReader(io.StringIO(async_to_sync(fetch)().decode("utf-8-sig"))))


@pytest.mark.django_db
def test_the_export_hides_numbers_unless_they_are_asked_for_and_audited() -> None:
    user = User.objects.create_user("meera")
    campaign = world.launched(world.account(), world.people(2), name="=HYPERLINK(1)")
    world.call(world.first_of(campaign), reason="-cmd|x")
    masked = _export(user, in_full=False)
    assert not AuditEntry.objects.filter(action="export numbers").exists()
    shown = _export(user, in_full=True)
    assert [row["Number (with country code)"] for row in masked + shown] == ["91\xa090000\xa0••00", "919000000000"]
    assert (shown[0]["Campaign"], shown[0]["Reason"], shown[0]["Outcome"]) == ("'=HYPERLINK(1)", "'-cmd|x", "Answered")
    assert AuditEntry.objects.get(action="export numbers").actor == user


@pytest.mark.django_db
def test_the_export_carries_the_lists_own_columns_none_of_them_a_formula_or_the_number() -> None:
    user = User.objects.create_user("meera")
    people = ContactList.objects.create(name="Due", columns=["customer_id", "Reason", "=note", "mobile again"])
    said = {"customer_id": "C-1001", "Reason": "late", "=note": "=2+2", "mobile again": "09000000007"}
    Contact.objects.create(contact_list=people, phone="+919000000007", name="Asha", variables=said)
    account = world.account()
    world.call(world.first_of(world.launched(account, people)), reason="Answered.")
    world.call(world.first_of(world.launched(account, world.people(1, name="Others"), name="Others")))
    masked, shown = (_row_of(_export(user, in_full=in_full), "Asha") for in_full in (False, True))
    assert (shown["customer_id"], shown["Reason"], shown["Reason (of the list)"]) == ("C-1001", "Answered.", "late")
    assert shown["'=note"] == "'=2+2"
    assert shown["due"] == ""
    assert (masked["mobile again"], shown["mobile again"]) == ("0••07", "09000000007")


def _row_of(rows: list[dict[str, str]], name: str) -> dict[str, str]:
    return next(row for row in rows if row["Name"] == name)


# -------------------------------------------------------------------------------------------------------- call page
def test_the_call_page_keeps_apart_who_says_what(client_of_meera: Client, campaign: Campaign) -> None:
    attempt = world.call(world.first_of(campaign), contradiction="the callback says busy", disposition="Confirmed")
    world.talk(attempt)
    page = client_of_meera.get(f"/calls/{attempt.pk}/").content.decode()
    assert all(f"<h3>{who}</h3>" in page for who in ("Carrier", "Stream", "Bot", "You"))
    assert "may be a voicemail" in page
    assert "provisional until Exotel’s details confirm it" in page
    assert "Two sources disagree: the callback says busy." in page
    assert "Hello Kavita." in page
    assert "Pressed 1" in page
    assert "2 copies" in page
    assert "the bot hung up" in page


def test_a_confirmed_outcome_is_no_longer_provisional(client_of_meera: Client, campaign: Campaign) -> None:
    attempt = world.call(world.first_of(campaign), confirmed_at=timezone.now())
    assert "provisional" not in client_of_meera.get(f"/calls/{attempt.pk}/").content.decode()


def test_an_unknown_call_says_that_nobody_dials_again_by_itself(client_of_meera: Client, campaign: Campaign) -> None:
    attempt = world.call(
        world.first_of(campaign), "", state=AttemptState.UNKNOWN, ended_at=None, reason="No answer came."
    )
    page = client_of_meera.get(f"/calls/{attempt.pk}/").content.decode()
    assert "Unknown: we cannot say whether the phone rang." in page


def test_the_number_is_hidden_until_its_button_is_pressed_and_that_is_audited(
    client_of_meera: Client, campaign: Campaign
) -> None:
    attempt = world.call(world.first_of(campaign))
    assert "90000\xa000000" not in client_of_meera.get(f"/calls/{attempt.pk}/").content.decode()
    assert "+91\xa090000\xa000000" in client_of_meera.post(f"/calls/{attempt.pk}/").content.decode()
    assert AuditEntry.objects.get(action="show number").subject == f"call:{attempt.pk}"


def test_the_number_is_hidden_in_raw_events_and_in_the_carriers_words_too(
    client_of_meera: Client, campaign: Campaign
) -> None:
    attempt = world.call(world.first_of(campaign), reason="Call to [09000000000] can not be made.")
    attempt.events.create(source="callback", digest="e" * 64, fields={"To": "+919000000000"}, note="about 09000000000")
    assert "9000000000" not in client_of_meera.get(f"/calls/{attempt.pk}/").content.decode()
    assert "9000000000" not in client_of_meera.get("/calls/").content.decode()


def test_a_refused_call_is_not_provisional(client_of_meera: Client, campaign: Campaign) -> None:
    attempt = world.call(world.first_of(campaign), "refused", state=AttemptState.REFUSED)
    assert "provisional" not in client_of_meera.get(f"/calls/{attempt.pk}/").content.decode()
