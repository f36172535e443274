"""`kill -9` of every process, again and again, in the middle of a campaign: nobody lost, nobody called twice.

The moments and the order of the victims come from a seed that the test's name shows; KILL_SEED=… repeats it.
"""

import logging
import os
import random
import secrets
import signal
import time
from pathlib import Path

import pytest

from tests.product.conftest import Start
from tests.product.people import numbers, write_csv
from tests.product.running import CHILDREN, OUTCOME_OF, Product, wait_until

pytestmark = pytest.mark.processes
log = logging.getLogger(__name__)

# The same in all workers of a run, whose tests must have the same names.
RUN = os.environ.get("PYTEST_XDIST_TESTRUNUID") or secrets.token_hex(4)
SEED = int(os.environ.get("KILL_SEED") or int(RUN[:8], 16))
CONTACTS = 500
PLAIN = ("01", "02", "10", "00", "11", "09", "20", "92", "01", "12", "93", "02", "94", "01", "95")
# Answers that are spoiled, callbacks that are lost, doubled or turned round, a stream that breaks; 42 was never a call.
NASTY = ("30", "31", "32", "33", "40", "41", "42", "43", "44", "50")
# Three plain numbers beside each nasty one: too many calls of unknown fate in a row would hold the account.
FATES = tuple(fate for i, nasty in enumerate(NASTY) for fate in (PLAIN[i], PLAIN[-i - 1], PLAIN[i // 2], nasty))
PACE = ("--calls-per-second", "20", "--max-concurrent", "95", "--ring-timeout", "20", "--time-limit", "60")


def plan(seed: int) -> list[tuple[float, str]]:
    """Pauses in seconds, each with the process that dies after it.

    Everything dies twice, the simulator once: while it is away the account is held, for half a minute.
    """
    chance = random.Random(seed)
    victims = sorted(CHILDREN) + sorted(CHILDREN - {"simulator"})
    chance.shuffle(victims)
    return [(chance.uniform(0.3, 2.2), victim) for victim in victims]


def kill(product: Product, victim: str) -> None:
    """kill -9, and wait until the supervisor has started another one."""
    pid = product.pids()[victim]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: product.pids()[victim] != pid, 30, f"another start of {victim}")


def launched(product: Product, csv: Path) -> int:
    write_csv(csv, numbers(FATES, CONTACTS))
    assert product.manage("import_contacts", str(csv), "--list", "All")["imported"] == CONTACTS
    made = product.manage("create_campaign", "--name", "Kills", "--list", "All", "--mode", "bot", *PACE)
    product.manage("launch_campaign", str(made["id"]))
    wait_until(lambda: product.ledger().calls, 30, "the first call")
    return int(made["id"])


def uncertain_with_a_call(product: Product, campaign: int) -> list[str]:
    """People whose call was accepted, although we do not know it (yet)."""
    ledger = product.ledger()
    people = product.people(campaign).items()
    return [phone for phone, (state, _) in people if state == "uncertain" and ledger.by_number(phone)]


def wait_for_the_end(product: Product, campaign: int) -> None:
    """However slow the machine is, as long as something happens. A held account waits 30 s; a lost callback longer."""
    finished = "SELECT FROM campaigns_campaign WHERE id = %s AND status = 'completed'"
    seen, moved = 0, time.monotonic()
    while not product.query(finished, campaign):
        entries = len(product.ledger().of("ended"))
        seen, moved = (entries, time.monotonic()) if entries != seen else (seen, moved)
        assert time.monotonic() - moved < 90, f"nothing has happened for 90 s: {product.status(campaign)}"
        time.sleep(0.5)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", [SEED])
def test_nobody_is_lost_or_called_twice_whatever_dies(start: Start, tmp_path: Path, seed: int) -> None:
    product = start(SIMULATOR_SPEED="20")
    campaign = launched(product, tmp_path / "people.csv")
    began = time.monotonic()
    for pause, victim in plan(seed):
        time.sleep(pause)
        log.info("%.1f s: %s, after %s calls", time.monotonic() - began, victim, len(product.ledger().calls))
        kill(product, victim)
    assert len(product.ledger().calls) < CONTACTS, "it was over before everything had died"
    wait_until(lambda: product.run("campaign_status", str(campaign)).returncode == 0, 30, "an answer")

    wait_for_the_end(product, campaign)
    status = product.status(campaign)
    log.info("%.1f s: %s", time.monotonic() - began, status)
    assert status["status"] == "completed"
    wait_until(lambda: not uncertain_with_a_call(product, campaign), 30, "the evidence for every call")
    log.info("%.1f s: every call is known", time.monotonic() - began)

    people, ledger = product.people(campaign), product.ledger()
    assert len(people) == sum(status["contacts"].values()) == CONTACTS
    assert ledger.doubles() == {}
    assert ledger.doubled_custom_fields() == {}
    certain = {phone: outcome for phone, (state, outcome) in people.items() if state != "uncertain"}
    assert certain == {phone: OUTCOME_OF[ledger.by_number(phone)[0].status] for phone in certain}
    assert {state for state, _ in people.values()} <= {"done", "uncertain"}
