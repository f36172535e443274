"""Who drives an account, and what becomes of the intents of a loop that died."""

import signal
import subprocess
import sys
from datetime import timedelta

import psycopg
import pytest
from django.db import connection

from campaigns import dialing, intents, own_connections, pacing, sweeping
from campaigns.intents import Intent, Wait
from campaigns.models import CallAttempt
from campaigns.owners import Owner
from tests import people
from tests.dialing.driving import until


def backend(owner: Owner) -> int:
    """The server process behind the owner's own connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_locks WHERE classid = %s AND objid = %s", [pacing.OWNER_LOCK, owner.number])
        return int(cursor.fetchone()[0])


def terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


@pytest.mark.django_db
def test_an_account_is_driven_by_one_loop() -> None:
    account, one, other = people.account(), Owner(), Owner()
    assert one.number != other.number
    assert one.take_account(account.pk)
    assert not other.take_account(account.pk)
    assert account.pk in pacing.driven()
    one.give_account(account.pk)
    assert other.take_account(account.pk)
    one.close()
    other.close()
    assert until(lambda: account.pk not in pacing.driven())


@pytest.mark.django_db
def test_two_loops_drive_two_accounts() -> None:
    first, second, one, other = people.account(), people.account(), Owner(), Owner()
    assert one.take_account(first.pk)
    assert other.take_account(second.pk)
    one.close()
    other.close()


@pytest.mark.django_db
def test_a_tick_leaves_an_account_that_is_driven_alone() -> None:
    campaign, driver = people.campaign(), Owner()
    people.contact(campaign)
    assert driver.take_account(campaign.account_id)
    assert dialing.drive_one() is False
    assert not CallAttempt.objects.exists()
    driver.close()


@pytest.mark.django_db
def test_intents_of_a_dead_loop_become_unknown_and_those_of_a_living_one_do_not() -> None:
    campaign, living, dead = people.campaign(), Owner(), Owner()
    kept = people.attempt(people.contact(campaign), owner=living.number)
    lost = people.attempt(people.contact(campaign), owner=dead.number)
    dead.close()
    until(lambda: not pacing.owner_alive(dead.number))
    assert sweeping.sweep_orphans() == 1
    for attempt in (kept, lost):
        attempt.refresh_from_db()
    assert (kept.state, lost.state) == ("dialing", "unknown")
    assert lost.reason == sweeping.DIED
    assert campaign.contacts.get(pk=lost.campaign_contact_id).state == "uncertain"
    living.close()


_OWNER = """
import sys, time, psycopg
held = psycopg.connect(sys.argv[1], autocommit=True)
held.execute("SELECT pg_advisory_lock(%s, %s)", [int(sys.argv[2]), int(sys.argv[3])])
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.django_db
def test_a_frozen_process_keeps_its_intents_and_a_killed_one_leaves_them_unknown() -> None:
    """SIGSTOP, then kill -9. Nothing is decided by the clock: the intent is two hours old."""
    number, old = 1_900_000_000, pacing.db_now() - timedelta(hours=2)
    attempt = people.attempt(people.contact(people.campaign()), owner=number, intent_at=old)
    where = psycopg.conninfo.make_conninfo(**own_connections.parameters())
    command = [sys.executable, "-c", _OWNER, where, str(pacing.OWNER_LOCK), str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGSTOP)
        try:
            assert sweeping.sweep_orphans() == 0
        finally:
            process.kill()  # a frozen one would be waited for, for ever
        until(lambda: not pacing.owner_alive(number))
    assert sweeping.sweep_orphans() == 1
    attempt.refresh_from_db()
    assert attempt.state == "unknown"


@pytest.mark.django_db(transaction=True)
def test_a_loop_whose_lock_was_lost_is_granted_nothing_more() -> None:
    campaign, owner = people.campaign(), Owner()
    people.contacts(campaign, 2)
    assert isinstance(intents.next_intent(campaign.account_id, owner.number), Intent)
    terminate(backend(owner))
    until(lambda: not pacing.owner_alive(owner.number))
    people.rest(campaign)
    step = intents.next_intent(campaign.account_id, owner.number)
    assert isinstance(step, Wait)
    assert step.block.code == "owner"
    owner.give_account(campaign.account_id)  # a lost connection has given it already
    owner.close()


@pytest.mark.django_db
def test_a_call_that_is_open_and_that_nobody_asks_about_is_asked_about() -> None:
    attempt = people.attempt(people.contact(people.campaign()), "placed")
    assert sweeping.ask_about_silent_calls() == 1
    attempt.refresh_from_db()
    assert attempt.check_at == attempt.slot_expires_at
