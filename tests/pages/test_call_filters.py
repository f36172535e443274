"""Saved filters of the call log."""

import pytest
from django.test import Client

from campaigns.models import Campaign
from tests.pages import world


@pytest.fixture
def campaign(db: None) -> Campaign:
    campaign = world.launched(world.account(), world.people(3))
    world.call(world.first_of(campaign), "busy")
    return campaign


def _save(client: Client, name: str, query: str = "outcome=busy&after=1-1&csrfmiddlewaretoken=x") -> str:
    answer = client.post("/calls/filters", {"name": name, "query": query})
    return str(answer["Location"])


def test_a_filter_is_kept_under_its_name_without_its_page(client_of_meera: Client, campaign: Campaign) -> None:
    assert _save(client_of_meera, "Busy ones") == "/calls/?outcome=busy"
    page = client_of_meera.get("/calls/").content.decode()
    assert '<a class="chip" href="/calls/?outcome=busy"><bdi>Busy ones</bdi></a>' in " ".join(page.split())
    assert 'aria-current="true"><bdi>Busy ones' in client_of_meera.get("/calls/?outcome=busy").content.decode()


def test_a_filter_is_forgotten(client_of_meera: Client, campaign: Campaign) -> None:
    _save(client_of_meera, "Busy ones")
    client_of_meera.post("/calls/filters", {"remove": "Busy ones", "query": ""})
    assert "Busy ones" not in client_of_meera.get("/calls/").content.decode()


def test_a_hostile_name_is_text_and_a_forged_cookie_is_none(client_of_meera: Client, campaign: Campaign) -> None:
    _save(client_of_meera, world.EVIL[:40])
    assert "<img" not in client_of_meera.get("/calls/").content.decode()
    client_of_meera.cookies["call-filters"] = "forged:cookie:text"
    assert 'id="saved"' not in client_of_meera.get("/calls/").content.decode()


def test_at_most_eight_are_kept_and_a_name_is_rewritten(client_of_meera: Client, campaign: Campaign) -> None:
    for number in range(9):
        _save(client_of_meera, f"Filter {number}")
    page = client_of_meera.get("/calls/").content.decode()
    assert ("Filter 7" in page, "Filter 8</bdi>" in page) == (True, False)
    _save(client_of_meera, "Filter 1", "outcome=answered")
    assert client_of_meera.get("/calls/").content.decode().count("<bdi>Filter 1</bdi>") == 1


@pytest.mark.parametrize(("name", "query"), [("", "outcome=busy"), ("Nothing", ""), ("Other", "next=//evil.example")])
def test_nothing_is_kept_without_a_name_or_a_filter(
    client_of_meera: Client, campaign: Campaign, name: str, query: str
) -> None:
    assert _save(client_of_meera, name, query).startswith("/calls/")
    assert 'id="saved"' not in client_of_meera.get("/calls/").content.decode()
