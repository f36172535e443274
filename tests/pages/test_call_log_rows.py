"""A line of the call log: last words or the reason why there are none, cost, and whether it can be heard."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from campaigns.models import CallAttempt, Campaign, Recording
from campaigns.views import call_rows
from tests.pages import world
from tests.pages.counting import statements


@pytest.fixture
def campaign(db: None) -> Campaign:
    return world.launched(world.account(), world.people(6))


def _words(*calls: CallAttempt) -> list[str]:
    return [row.words for row in call_rows.rows(list(calls))]


def test_the_persons_last_words_stand_before_the_bots_and_any_reason(campaign: Campaign) -> None:
    call = world.call(world.first_of(campaign), reason="Answered.")
    world.talk(call)
    stream = call.streams.get()
    stream.entries.create(at=20, kind="heard", text="Call me after six")
    stream.entries.create(at=22, kind="prompt", text="Goodbye.")
    assert _words(call) == ["“Call me after six”"]


def test_a_call_without_a_word_says_why(campaign: Campaign) -> None:
    people = list(campaign.contacts.select_related("campaign__account"))
    refused = world.call(people[0], "refused", reason="Exotel may not call this number (NDNC).")
    rang = world.call(people[1], "no-answer")
    unknown = world.call(people[2], "", state="unknown", check_at=timezone.now() + timedelta(minutes=3))
    assert _words(refused, rang) == ["Exotel may not call this number (NDNC).", "rang 39 s"]
    assert _words(unknown)[0].startswith("Exotel is asked again ")


def _log(client: Client, campaign: Campaign) -> str:
    return client.get(f"/calls/?campaign={campaign.pk}").content.decode()


def test_an_outcome_is_provisional_in_the_log_until_the_call_details_confirm_it(
    client_of_meera: Client, campaign: Campaign
) -> None:
    call = world.call(world.first_of(campaign))
    assert "provisional" in _log(client_of_meera, campaign)
    CallAttempt.objects.filter(pk=call.pk).update(confirmed_at=timezone.now())
    assert "provisional" not in _log(client_of_meera, campaign)


@pytest.mark.parametrize("state", ["refused", "unknown", "placed"])
def test_what_has_no_outcome_of_the_carrier_is_not_provisional(
    client_of_meera: Client, campaign: Campaign, state: str
) -> None:
    world.call(world.first_of(campaign), "refused" if state == "refused" else "", state=state, ended_at=None)
    assert "provisional" not in _log(client_of_meera, campaign)


def test_a_contradiction_is_shown_in_the_log_also_after_it_was_decided(
    client_of_meera: Client, campaign: Campaign
) -> None:
    world.call(
        world.first_of(campaign),
        contradiction="one source says busy, callback says answered",
        confirmed_at=timezone.now(),
    )
    assert "sources disagree" in _log(client_of_meera, campaign)


def test_the_page_shows_words_cost_and_what_can_be_heard(client_of_meera: Client, campaign: Campaign) -> None:
    call = world.call(world.first_of(campaign), price=Decimal("0.9"))
    world.talk(call)
    Recording.objects.create(attempt=call, status="stored", give_up_at=timezone.now())
    page = client_of_meera.get(f"/calls/?campaign={campaign.pk}").content.decode()
    assert "Pressed 1" in page
    assert "₹0.90" in page
    assert f'href="/calls/{call.pk}/#recording"' in page
    assert 'aria-label="Listen to Kavita 0' in page
    assert "Export these 1" in page
    assert 'aria-label="Calls by outcome: 1 answered"' in page


def test_fifty_rows_ask_as_often_as_one(client_of_meera: Client, campaign: Campaign) -> None:
    counted = []
    for person in campaign.contacts.select_related("campaign__account")[:2]:
        for ordinal in range(20):
            world.talk(world.call(person, ordinal=ordinal + 1))
        counted.append(statements(lambda: client_of_meera.get("/calls/")))
    assert counted[0] == counted[1]
