"""Headless use: every name and key that scripts depend on, against the whole product, judged by the ledger."""

import time
from pathlib import Path

import pytest

from dialer.simulator.ledger import CallRecord
from tests.product.people import numbers, write_csv
from tests.product.running import OUTCOME_OF, Product, wait_until

pytestmark = pytest.mark.processes

# Every plain answer, and numbers (92-97) that draw theirs.
FATES = ("00", "01", "02", "03", "09", "10", "11", "12", "20", "30", "31", "33", "92", "93", "94", "95", "96", "97")
ROWS = {"rows": 200, "imported": 175, "duplicates": 16, "rejected": 9}


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "people of December.csv"
    write_csv(path, numbers(FATES, ROWS["imported"]), duplicates=ROWS["duplicates"], bad=ROWS["rejected"])
    return path


def made(product: Product, name: str, *options: str) -> int:
    words = ("--name", name, "--list", "December", "--mode", "bot", *options)
    return int(product.manage("create_campaign", *words)["id"])


def accepted_since(product: Product, at: float) -> list[CallRecord]:
    return [call for call in product.ledger().calls.values() if call.began_at > at]


def test_a_csv_becomes_calls_and_outcomes_that_equal_the_ledger(product: Product, csv: Path) -> None:
    assert product.manage("import_contacts", str(csv), "--list", "December") == {"list": "December", **ROWS}
    again = product.manage("import_contacts", str(csv), "--list", "December")
    assert again == {"list": "December", "rows": 200, "imported": 0, "duplicates": 191, "rejected": 9}

    per_second = 25.0
    campaign = made(product, "Reminders", "--calls-per-second", str(per_second), "--max-concurrent", "40")
    assert product.status(campaign)["status"] == "draft"
    assert product.manage("launch_campaign", str(campaign))["status"] == "running"
    status = product.wait_for_status(campaign, "completed", 90)

    assert status["contacts"] == {
        "pending": 0, "in call": 0, "retry at": 0, "done": ROWS["imported"], "skipped": 0, "uncertain": 0,
    }  # fmt: skip
    assert status["uncertain"] == 0
    assert status["attempts"] == ROWS["imported"]
    ledger = product.ledger()
    people = product.people(campaign)
    assert len(people) == len(ledger.calls) == ROWS["imported"]
    assert ledger.doubles() == {}
    told = {phone: outcome for phone, (_, outcome) in people.items()}
    assert told == {phone: OUTCOME_OF[ledger.by_number(phone)[0].status] for phone in people}
    assert sum(status["outcomes"].values()) == ROWS["imported"]
    assert status["outcomes"]["answered"] == list(told.values()).count("answered")

    assert not [entry for entry in ledger.of("refused") if entry["status"] == 429]
    assert ledger.most_open() <= 40
    for window in (1.0, 3.0):  # an intent's POST may leave up to half a second after it was granted
        assert ledger.most_accepted_in(window) <= per_second * (window + 0.5) + 1


def test_pause_resume_suppress_and_stop_do_at_once_what_they_say(product: Product, csv: Path) -> None:
    product.manage("import_contacts", str(csv), "--list", "December")
    campaign = str(made(product, "Stop and go", "--calls-per-second", "12"))
    product.manage("launch_campaign", campaign)
    wait_until(lambda: len(product.ledger().calls) >= 15, 30, "the fifteenth call")

    assert product.manage("pause_campaign", campaign)["status"] == "paused"
    paused_at = time.time()
    pending = [phone for phone, (state, _) in product.people(int(campaign)).items() if state == "pending"]
    unwanted = pending[:3]
    assert product.manage("suppress", *unwanted, "--reason", "asked by letter") == {"added": 3, "numbers": 3}
    assert product.manage("unsuppress", unwanted[2]) == {"removed": 1, "numbers": 1}
    time.sleep(2)
    waiting = product.status(int(campaign))
    assert waiting["status"] == "paused"
    assert waiting["waiting"] == "Paused by command line."
    assert accepted_since(product, paused_at + 1) == []

    assert product.manage("resume_campaign", campaign)["status"] == "running"
    resumed_at = time.time()
    wait_until(lambda: len(accepted_since(product, resumed_at)) >= 15, 30, "the fifteenth call after the pause")

    assert product.manage("stop_campaign", campaign)["status"] in ("draining", "cancelled")
    stopped_at = time.time()
    status = product.wait_for_status(int(campaign), "cancelled", 60)
    assert accepted_since(product, stopped_at + 1) == []
    assert sum(status["contacts"].values()) == ROWS["imported"]
    assert {state for state, n in status["contacts"].items() if n} == {"done", "skipped"}
    ledger = product.ledger()
    assert status["contacts"]["done"] == len(ledger.calls)
    assert {call.status for call in ledger.calls.values()} <= set(OUTCOME_OF)  # no talk was cut
    assert [ledger.by_number(phone) for phone in unwanted[:2]] == [[], []]


def test_a_stop_that_hangs_up_ends_talks_which_would_go_on(product: Product, tmp_path: Path) -> None:
    """Numbers that never hang up, and a bot that listens for two minutes: only Dialer ends these calls."""
    path = tmp_path / "silent.csv"
    write_csv(path, numbers(("22",), 12), duplicates=0, bad=0)
    product.manage("import_contacts", str(path), "--list", "December")
    words = ("--bot", "echo", "--bot-option", "max_seconds=120", "--time-limit", "3000", "--max-concurrent", "6")
    campaign = str(made(product, "Cut short", *words))
    product.manage("launch_campaign", campaign)
    wait_until(lambda: len([call for call in product.ledger().calls.values() if call.streams]) >= 6, 40, "six talks")

    stopped = product.manage("stop_campaign", campaign, "--hang-up")
    assert stopped["talks"] + stopped["ringing"] == 6
    status = product.wait_for_status(int(campaign), "cancelled", 40)
    assert status["contacts"] == {
        "pending": 0, "in call": 0, "retry at": 0, "done": 6, "skipped": 6, "uncertain": 0,
    }  # fmt: skip
    assert [call.status for call in product.ledger().calls.values()] == ["completed"] * 6


def test_what_is_refused_is_one_sentence_and_exit_status_1(product: Product, csv: Path, tmp_path: Path) -> None:
    picture = tmp_path / "people.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    refused = {
        ("launch_campaign", "99"): "There is no campaign 99.",
        ("import_contacts", str(picture), "--list", "x"): "",
        ("import_contacts", str(csv), "--list", "x", "--phone-column", "Tel"): "The file has no column “Tel”",
        ("create_campaign", "--name", "x", "--list", "none", "--mode", "bot"): "There is no contact list “none”",
        ("suppress", "12", "--reason", "x"): "",
        ("test_call", "12"): "",
    }
    for words, sentence in refused.items():
        done = product.run(*words)
        assert done.returncode == 1, words
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        assert done.stderr.strip(), words
        assert sentence in done.stderr
    called = product.manage("test_call", "9000001001", "--bot", "announcer")
    assert (called["status"], called["outcome"]) == ("completed", "answered")
