"""What a run leaves in its logs is judged: broken connections may complain, and nobody's number stands there."""

import pytest

from tests.chaos import hygiene

HEAD = 'Traceback (most recent call last):\n  File "x.py", line 1, in f\n    g()\n'
AWAY = HEAD + "psycopg.OperationalError: connection failed: the server is away\n\tIs it running?\n"
OURS = HEAD + "KeyError: 'phone'\n"
BECAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
TICK = "celery.beat.SchedulingError: Couldn't apply scheduled task import_tick: "


def wrongs(text: str) -> list[tuple[str, str]]:
    return list(hygiene.errors({"web.log": text}))


@pytest.mark.parametrize(
    "text",
    [
        AWAY,
        AWAY + BECAUSE + HEAD + "django.db.utils.OperationalError: the same\n",
        "2026-11-21 07:00:00,000 ERROR x\n" + HEAD + "redis.exceptions.ConnectionError: Error 111\n",
        HEAD + "2026-11-21 07:00:00,000 INFO the next process\n",
        HEAD + "AttributeError: 'NoneType' object has no attribute 'hostname'\n",
        HEAD + TICK + "Redis is loading the dataset in memory\n",
        HEAD + TICK + "Error 111 connecting to 127.0.0.1:23387. Connection refused.\n",
    ],
)
def test_a_broken_connection_may_complain(text: str) -> None:
    assert wrongs(text) == []


def test_an_error_of_our_own_is_a_violation() -> None:
    assert wrongs("before\n" + OURS + "after\n" + OURS) == [("I25", "web.log, 2 times: KeyError: 'phone'")]


def test_the_end_of_a_chain_counts() -> None:
    assert wrongs(AWAY + BECAUSE + OURS) == [("I25", "web.log, 1 times: KeyError: 'phone'")]


def test_a_deadlock_is_no_broken_connection() -> None:
    assert wrongs(HEAD + "django.db.utils.OperationalError: deadlock detected\n")


def test_a_tick_that_another_cause_kept_from_being_sent_is_a_violation() -> None:
    assert wrongs(HEAD + TICK + "Object of type UUID is not JSON serializable\n")


def test_a_number_and_a_token_in_a_log_are_found_and_not_repeated() -> None:
    token = "AbCdEfGhIjKlMnOpQrStUvWx"
    text = f"call to +919812345678 at /x/cb/k1.7.{token}/"
    found = [what for _, what in hygiene.told({"dial.log": text}, {"9812345678"}, {token})]
    assert len(found) == 2
    assert not any("9812345678" in what or token in what for what in found)


def test_a_log_without_them_is_clean() -> None:
    assert not list(hygiene.told({"dial.log": "attempt 9812345678123 /x/cb/…/"}, {"9812345678"}, {"A" * 24}))
