"""The readers of the environment."""

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from dialer import env, installation


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIR", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "postgresql://somewhere/dialer")
    return tmp_path


def test_a_value_a_default_and_a_missing_name_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLOUR", "green")
    assert env.text("COLOUR") == "green"
    assert env.text("SHAPE", "round") == "round"
    with pytest.raises(ImproperlyConfigured, match=r"^SHAPE is not set \(nor SHAPE_FILE\)\.$"):
        env.text("SHAPE")


def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIMIT", "")
    assert env.integer("LIMIT", 7) == 7


def test_a_secret_can_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.setenv("API_TOKEN_FILE", str(tmp_path / "token"))
    assert env.secret("API_TOKEN") == "s3cret"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN_FILE", str(tmp_path / "gone"))
    with pytest.raises(ImproperlyConfigured, match=r"API_TOKEN_FILE names a file .* \(No such file or directory\)"):
        env.secret("API_TOKEN", "")


@pytest.mark.parametrize("word", ["1", "true", "YES", "On"])
def test_a_switch_is_on(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCH", word)
    assert env.boolean("SWITCH") is True


@pytest.mark.parametrize("word", ["0", "false", "NO", "Off"])
def test_a_switch_is_off(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SWITCH", word)
    assert env.boolean("SWITCH", default=True) is False


def limited(name: str) -> int:
    return env.integer(name, minimum=1, maximum=9)


def level(name: str) -> str:
    return env.one_of(name, ("DEBUG", "INFO"), "INFO")


def zone(name: str) -> str:
    return env.time_zone(name, "Asia/Kolkata")


@pytest.mark.parametrize(
    ("read", "value", "sentence"),
    [
        (env.integer, "hunter2", "X is not a whole number."),
        (limited, "0", "X must be at least 1."),
        (limited, "10", "X must be at most 9."),
        (level, "hunter2", "X must be one of DEBUG, INFO."),
        (zone, "hunter2", "X is not a time zone; write it like Asia/Kolkata."),
        (zone, "../../etc/passwd", "X is not a time zone; write it like Asia/Kolkata."),
        (env.boolean, "hunter2", "X must be 1 or 0 (true, false, yes, no, on, off do as well)."),
        (env.url, "hunter2", "X is not an address that starts with http:// or https://."),
        (env.url, "http://", "X is not an address that starts with http:// or https://."),
        (env.url, "http://host:99999", "X is not an address that starts with http:// or https://."),
        (env.url, "http://a host/", "X is not an address that starts with http:// or https://."),
        (env.keys, "hunter2hunter2hunter2", "X needs key ids of 1 to 16 letters or digits, each once: kid:base64url."),
        (env.keys, "k1:hunter!", "X holds a key that is not base64url."),
        (env.keys, "k1:hunter22", "X holds a key shorter than 32 bytes."),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_is_wrong_and_never_repeated(
    read: Callable[[str], object], value: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("X", value)
    with pytest.raises(ImproperlyConfigured) as refused:
        read("X")
    assert str(refused.value) == sentence


def test_a_level_is_read_in_any_case_and_a_zone_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (level("X"), zone("X")) == ("INFO", "Asia/Kolkata")
    monkeypatch.setenv("X", "debug")
    assert level("X") == "DEBUG"
    monkeypatch.setenv("X", "Asia/Singapore")
    assert zone("X") == "Asia/Singapore"


def test_a_list_has_commas_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTS", "a.example, b.example,,")
    assert env.words("HOSTS") == ("a.example", "b.example")
    assert env.words("OTHERS", ()) == ()


def test_an_address_loses_its_trailing_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://dialer.example/")
    assert env.url("PUBLIC_URL") == "https://dialer.example"


def test_the_secrets_we_make_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_KEYS", installation.fresh_secrets()["TOKEN_KEYS"])
    assert [(kid, len(key)) for kid, key in env.keys("TOKEN_KEYS").items()] == [("k1", 48)]


def test_a_database_address_becomes_djangos_settings() -> None:
    assert env.database_url("postgresql://me:p%40ss@db.example:6432/calls?sslmode=require") == {
        "ENGINE": "dialer.postgresql",
        "NAME": "calls",
        "USER": "me",
        "PASSWORD": "p@ss",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }


DATABASE_REFUSALS = {
    "DATABASE_URL is not a PostgreSQL address (postgresql://user:password@host:5432/name).",
    "DATABASE_URL names no database (postgresql://user:password@host:5432/name).",
}


@given(st.text().map(lambda end: "postgresql://" + end) | st.text())
def test_any_text_is_a_database_address_or_refused_in_fixed_words(address: str) -> None:
    refusal = ""
    try:
        assert env.database_url(address)["NAME"]
    except ImproperlyConfigured as refused:
        refusal = str(refused)
    assert not refusal or refusal in DATABASE_REFUSALS


def test_a_mail_address_becomes_djangos_settings() -> None:
    settings = env.email_url("smtp+tls://me:secret@mail.example:587")
    assert (settings["EMAIL_HOST"], settings["EMAIL_PORT"], settings["EMAIL_USE_TLS"]) == ("mail.example", 587, True)


@pytest.mark.parametrize("address", ["pigeon://coop", "smtp://host:port", "smtp://[::1"])
def test_a_mail_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"^EMAIL_URL is not"):
        env.email_url(address)


def without_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL")


def test_without_servers_the_sentence_says_what_to_do(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_servers(monkeypatch)
    with pytest.raises(env.NothingRuns) as refused:
        env.secret("DATABASE_URL")
    wanted = f'Nothing runs in {state_dir}: start it with "make run", or set DATABASE_URL and REDIS_URL.'
    assert str(refused.value) == wanted


def publish(state_dir: Path, **values: Any) -> None:
    (state_dir / "runtime.json").write_text(json.dumps(values))


def test_the_running_installation_is_found_while_its_lock_is_held(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_servers(monkeypatch)
    publish(state_dir, DATABASE_URL="postgresql://running/dialer")
    with installation.hold(state_dir):
        assert env.running()
        assert env.secret("DATABASE_URL") == "postgresql://running/dialer"
    assert not env.running()
    with pytest.raises(env.NothingRuns, match="Nothing runs"):
        env.secret("DATABASE_URL")


def test_the_process_environment_wins_over_the_running_installation(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(state_dir, PORT="8010", REDIS_URL="redis://running")
    monkeypatch.setenv("PORT", "9000")
    monkeypatch.delenv("REDIS_URL")
    with installation.hold(state_dir):
        assert env.integer("PORT") == 9000
        assert env.secret("REDIS_URL") == "redis://running"


def test_an_installation_that_is_starting_is_not_taken_for_one_that_runs(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_servers(monkeypatch)
    with installation.hold(state_dir), pytest.raises(env.NothingRuns, match="still starting"):
        env.secret("DATABASE_URL")


def test_a_reader_that_looks_does_not_keep_a_run_from_starting(state_dir: Path) -> None:
    with (state_dir / "lock").open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        with pytest.raises(installation.StateInUse):
            installation.hold(state_dir, patience=0.1)
    installation.hold(state_dir, patience=0).close()
