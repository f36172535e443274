"""Addresses that we hand out carry tokens that nobody else can make, each for one purpose."""

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from campaigns import addresses, tokens
from campaigns.tokens import Forged

OLD = "old:" + base64.urlsafe_b64encode(b"o" * 32).decode()
NEW = "new:" + base64.urlsafe_b64encode(b"n" * 32).decode().rstrip("=")
PURPOSES: tuple[tokens.Purpose, ...] = ("callback", "stream", "custom-field", "passthru", "dynamic-stream")


def test_a_token_says_what_it_was_made_for() -> None:
    assert tokens.read("callback", tokens.mint("callback", "4711")) == "4711"


@pytest.mark.parametrize("other", [purpose for purpose in PURPOSES if purpose != "callback"])
def test_a_token_for_one_purpose_opens_no_other(other: tokens.Purpose) -> None:
    with pytest.raises(Forged):
        tokens.read(other, tokens.mint("callback", "4711"))


def test_a_token_of_another_attempt_does_not_open_this_one() -> None:
    kid, _, mac = tokens.mint("stream", "4711").split(".")
    with pytest.raises(Forged):
        tokens.read("stream", f"{kid}.4712.{mac}")


@given(st.text(max_size=60) | st.from_regex(r"k1\.[0-9]{1,4}\.[A-Za-z0-9_-]{24}", fullmatch=True))
def test_whatever_a_stranger_sends_is_forged(text: str) -> None:
    with pytest.raises(Forged):
        tokens.read("callback", text)


@pytest.mark.parametrize("spoiled", ["", "..", "k1.4711.", "k1.4711", "\ud800.4711.x", "k1.4711.é", "none.4711.x"])
def test_what_only_looks_like_a_token_is_forged(spoiled: str) -> None:
    with pytest.raises(Forged):
        tokens.read("callback", spoiled)


@given(st.data())
def test_a_token_with_one_character_changed_is_forged(data: st.DataObject) -> None:
    token = tokens.mint("stream", "4711")
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda char: char != token[at]))
    with pytest.raises(Forged):
        tokens.read("stream", token[:at] + other + token[at + 1 :])


def test_calls_that_are_out_when_the_key_is_rotated_are_still_known() -> None:
    with override_settings(TOKEN_KEYS=OLD):
        token = tokens.mint("callback", "4711")
    with override_settings(TOKEN_KEYS=f"{NEW},{OLD}"):
        assert tokens.read("callback", token) == "4711"
        assert tokens.mint("callback", "4711").startswith("new.")
    with override_settings(TOKEN_KEYS=NEW), pytest.raises(Forged):
        tokens.read("callback", token)


@pytest.mark.parametrize("keys", ["", "k1", "k1:", "k1:c2hvcnQ", f"{NEW},k2:", "k1:not*base64*at*all*but*long*enough"])
def test_a_key_that_is_missing_short_or_spoiled_stops_us_from_handing_out_addresses(keys: str) -> None:
    with override_settings(TOKEN_KEYS=keys), pytest.raises(ImproperlyConfigured, match="TOKEN_KEYS"):
        tokens.mint("callback", "1")


@override_settings(PUBLIC_URL="https://dial.example.com", PUBLIC_STREAM_URL="")
def test_addresses_are_made_from_the_public_url_and_fit_what_exotel_takes() -> None:
    largest = 10**18
    assert addresses.status_callback(1).startswith("https://dial.example.com/x/cb/")
    assert addresses.stream(1).startswith("wss://dial.example.com/x/ws/")
    assert addresses.stream(1, 16_000).endswith("?sample-rate=16000")
    assert len(addresses.custom_field(largest, largest)) <= 128
    assert tokens.read("custom-field", addresses.custom_field(7, 8)) == "7-8"


@override_settings(PUBLIC_URL="http://127.0.0.1:8000", PUBLIC_STREAM_URL="wss://media.example.com")
def test_streams_may_have_an_address_of_their_own() -> None:
    assert addresses.stream(1).startswith("wss://media.example.com/x/ws/")
    assert addresses.is_plain(addresses.status_callback(1))
    assert not addresses.is_plain(addresses.stream(1))
