"""The allow list of recording addresses."""

import socket
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import example, given
from hypothesis import strategies as st

from campaigns.models import ExotelAccount
from campaigns.recordings.addresses import NotAllowed, pin, vet

EXOTEL = ExotelAccount(kind="exotel", api_url="https://api.in.exotel.com", account_sid="sahyadri1")
SIMULATOR = ExotelAccount(kind="simulator", api_url="http://127.0.0.1:9999", account_sid="simulated")
S3 = "https://s3-ap-southeast-1.amazonaws.com/exotelrecordings"
OWN = "https://recordings.exotel.com/exotelrecordings/sahyadri1/abc.mp3"


def test_exotels_own_host_gets_the_key() -> None:
    target = vet(EXOTEL, OWN)
    assert (target.host, target.port, target.credentials, target.public) == ("recordings.exotel.com", 443, True, True)


def test_the_bucket_is_fetched_without_the_key() -> None:
    target = vet(EXOTEL, f"{S3}/sahyadri1/abc.mp3")
    assert (target.credentials, target.presigned) == (False, False)


def test_a_presigned_address_never_gets_the_key() -> None:
    assert vet(EXOTEL, f"{S3}/sahyadri1/abc.mp3?X-Amz-Credential=a&X-Amz-Signature=b").presigned
    assert not vet(EXOTEL, f"{OWN}?X-Amz-Signature=b").credentials
    assert "X-Amz" not in repr(vet(EXOTEL, f"{OWN}?X-Amz-Signature=b"))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://recordings.exotel.com/exotelrecordings/sahyadri1/a.mp3", "only https"),
        ("file:///etc/passwd", "names no host"),
        ("file://recordings.exotel.com/exotelrecordings/sahyadri1/a", "only https"),
        ("ftp://recordings.exotel.com/a", "only https"),
        ("//recordings.exotel.com/exotelrecordings/sahyadri1/a", "only https"),
        ("https://recordings.exotel.com@evil.example/exotelrecordings/sahyadri1/a", "user name"),
        ("https://@recordings.exotel.com/exotelrecordings/sahyadri1/a", "user name"),
        ("https://key:token@recordings.exotel.com/exotelrecordings/sahyadri1/a", "user name"),
        ("https://recordings.exotel.com.evil.example/exotelrecordings/sahyadri1/a", "allow list"),
        ("https://evil.s3-ap-southeast-1.amazonaws.com/exotelrecordings/sahyadri1/a", "allow list"),
        ("https://s3-ap-southeast-1.amazonaws.com/evilrecordings/sahyadri1/a", "folder"),
        (f"{S3}/another1/a.mp3", "folder"),
        (f"{S3}/sahyadri11/a.mp3", "folder"),
        (f"{S3}/sahyadri1/../another1/a.mp3", "climbs"),
        (f"{S3}/sahyadri1/%2e%2e/another1/a.mp3", "climbs"),
        (f"{S3}/sahyadri1/%252e%252e/another1/a.mp3", "climbs"),
        (f"{S3}/sahyadri1/..%5canother1/a.mp3", "climbs"),
        (f"{S3}%2Fsahyadri1/a.mp3", "folder"),
        ("https://recordings.exotel.com:444/exotelrecordings/sahyadri1/a", "allow list"),
        ("https://recordings.exotel.com:port/a", "cannot be read"),
        ("https://[::1/a", "cannot be read"),
        ("https://169.254.169.254/latest/meta-data", "allow list"),
        ("https://127.0.0.1/exotelrecordings/sahyadri1/a", "allow list"),
        ("https://recordings.exotel.com\t/exotelrecordings/sahyadri1/a", "characters"),
        ("https://recordings.exotel.com\\@evil.example/a", "characters"),
        (f"{OWN}?{'a' * 4000}", "too long"),
        ("", "names no host"),
    ],
)
def test_an_address_off_the_list_is_refused_in_words(address: str, words: str) -> None:
    with pytest.raises(NotAllowed, match=words):
        vet(EXOTEL, address)


@given(st.text(max_size=80) | st.from_regex(r"https?://[a-z.@:/%2e\[\]0-9]{0,60}", fullmatch=True))
@example("https://recordings.exotel.com./exotelrecordings/sahyadri1/a")
def test_whatever_is_given_only_the_listed_hosts_come_through(address: str) -> None:
    try:
        target = vet(EXOTEL, address)
    except NotAllowed:
        return
    assert target.host in ("recordings.exotel.com", "s3-ap-southeast-1.amazonaws.com")


def test_a_simulators_own_address_is_fetched_with_its_key_even_over_http() -> None:
    assert vet(SIMULATOR, "http://127.0.0.1:9999/recordings/simulated/a.wav").credentials


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9998/recordings/simulated/a.wav",
        "http://localhost:9999/recordings/simulated/a.wav",
        "https://127.0.0.1:9999/recordings/simulated/a.wav",
        "http://127.0.0.1:9999/recordings/another/a.wav",
        "http://127.0.0.1:9999/recordings/simulated/../another/a.wav",
    ],
)
def test_a_simulators_neighbour_is_refused(address: str) -> None:
    with pytest.raises(NotAllowed):
        vet(SIMULATOR, address)


@override_settings(RECORDING_HOSTS=["cdn.example:8443/calls/", "voice.example"])
def test_a_configured_host_is_fetched_without_the_key() -> None:
    assert not vet(EXOTEL, "https://voice.example/any/where.mp3").credentials
    assert not vet(EXOTEL, "https://cdn.example:8443/calls/a.mp3").credentials
    for refused in (
        "https://cdn.example/calls/a.mp3",
        "https://cdn.example:8443/other/a.mp3",
        "http://voice.example/a",
    ):
        with pytest.raises(NotAllowed):
            vet(EXOTEL, refused)


def resolving_to(*numbers: str) -> Any:
    return lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (number, port)) for number in numbers]


@pytest.mark.parametrize(
    "number",
    [
        "127.0.0.1", "10.0.0.8", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.8", "::ffff:169.254.169.254",
        "64:ff9b::a00:8", "2002:a00:8::1", "::",
    ],
)  # fmt: skip
def test_a_public_host_that_points_into_a_private_net_is_refused(number: str) -> None:
    with pytest.raises(NotAllowed, match="private network"):
        pin(vet(EXOTEL, OWN), resolving_to("3.0.5.9", number))


@pytest.mark.parametrize("number", ["3.0.5.9", "2600:1f00::1", "64:ff9b::300:509"])
def test_a_public_host_is_connected_to_where_it_pointed_once(number: str) -> None:
    assert pin(vet(EXOTEL, OWN), resolving_to(number)) == number


def test_a_host_that_cannot_be_resolved_is_told() -> None:
    def nowhere(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror

    for resolve in (nowhere, resolving_to()):
        with pytest.raises(NotAllowed, match="could not be resolved"):
            pin(vet(EXOTEL, OWN), resolve)
