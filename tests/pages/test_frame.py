"""The frame of every page: sign-in, health, theme."""

import pytest
from django.test import Client

from campaigns.models import User


def test_a_stranger_is_sent_to_the_sign_in_and_back(stranger: Client) -> None:
    response = stranger.get("/")
    assert response.status_code == 302
    assert response["Location"] == "/sign-in?next=/"


def test_health_answers_without_a_sign_in(stranger: Client) -> None:
    response = stranger.get("/health")
    assert (response.status_code, response.json()) == (200, {"ok": True})


def test_the_right_password_opens_the_page_asked_for(stranger: Client, meera: User) -> None:
    form = {"username": "meera", "password": "a long enough secret", "next": "/calls/"}
    response = stranger.post("/sign-in", form)
    assert (response.status_code, response["Location"]) == (302, "/calls/")


def test_a_wrong_password_says_how_many_tries_are_left(stranger: Client, meera: User) -> None:
    response = stranger.post("/sign-in", {"username": "meera", "password": "wrong"})
    assert "User name and password do not match. 5 tries left before a wait of 15 min." in response.content.decode()
    assert 'value="meera"' in response.content.decode()


def test_six_wrong_passwords_lead_to_a_wait_told_in_words(stranger: Client, meera: User) -> None:
    for _ in range(6):
        response = stranger.post("/sign-in", {"username": "meera", "password": "wrong"})
    assert response.status_code == 429
    assert "Waiting: 6 passwords in a row were wrong." in response.content.decode()
    assert "15 min" in response.content.decode()


def test_signing_out_needs_a_post(client_of_meera: Client) -> None:
    assert client_of_meera.get("/sign-out").status_code == 405
    assert client_of_meera.post("/sign-out").status_code == 302
    assert client_of_meera.get("/").status_code == 302


@pytest.mark.parametrize("chosen", ["light", "dark"])
def test_the_chosen_theme_is_kept_in_a_cookie_and_written_on_the_page(client_of_meera: Client, chosen: str) -> None:
    response = client_of_meera.post("/me/theme", {"theme": chosen, "next": "/settings/"})
    assert response["Location"] == "/settings/"
    assert f'data-theme="{chosen}"' in client_of_meera.get("/settings/").content.decode()


def test_an_unknown_theme_changes_nothing(client_of_meera: Client) -> None:
    response = client_of_meera.post("/me/theme", {"theme": '"><script>', "next": "https://evil.example/"})
    assert response["Location"] == "/"
    assert "theme" not in response.cookies


def test_the_word_without_its_slash_leads_to_the_page(client_of_meera: Client) -> None:
    assert client_of_meera.get("/campaigns")["Location"] == "/campaigns/"
    assert client_of_meera.get("/campaigns/7?page=2")["Location"] == "/campaigns/7/?page=2"


def test_a_page_that_does_not_exist_says_so_in_words(stranger: Client) -> None:
    response = stranger.get("/nowhere")
    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()


def test_a_form_without_its_token_is_refused_in_words(meera: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(meera)
    response = client.post("/me/theme", {"theme": "dark"})
    assert response.status_code == 403
    assert "This form is too old" in response.content.decode()
