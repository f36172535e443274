"""DATABASE_URL and REDIS_URL of the operator's own are tried before anything that needs them."""

import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from dialer.supervisor import given


def refused(name: str, address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(name, address)
    with pytest.raises(ImproperlyConfigured) as wrong:
        given.server(name)
    return str(wrong.value)


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_server_that_answers_is_taken_and_none_is_none(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert given.server(name) == os.environ[name]
    monkeypatch.delenv(name)
    monkeypatch.setenv("STATE_DIR", "/nonexistent")
    assert given.server(name) == ""


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("DATABASE_URL", "postgresql://dialer:hunter2@127.0.0.1:1/dialer"),
        ("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0"),
    ],
)
def test_a_server_that_does_not_answer_is_told_in_one_line_without_its_password(
    name: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentence = refused(name, address, monkeypatch)
    assert sentence.startswith(f"{name} names a server that cannot be used: ")
    assert "refused" in sentence
    assert "hunter2" not in sentence
    assert "\n" not in sentence


def test_what_is_no_address_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "is not a PostgreSQL address" in refused("DATABASE_URL", "mysql://x/y", monkeypatch)
    assert "is not a Redis address" in refused("REDIS_URL", "http://x", monkeypatch)
