"""The importing process is killed with -9, twenty times in one import: whoever goes on loses and doubles nothing."""

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from campaigns.importing import loading
from campaigns.importing.loading import Counts
from campaigns.lifecycle import DUE_IMPORTS
from campaigns.models import Contact, ContactImport
from tests.dialing.driving import racing
from tests.importing.conftest import Upload

KILLS = 20
CHUNK_ROWS = 20
SEED = 7

# One process that is ready to import, and a child of it for each life: a start of Python a kill would take a minute.
NURSERY = """
import os, signal, sys, time
import django
django.setup()
from django.db import connection
from campaigns.importing import chunks, loading, one_at_a_time

def mortal(work, after):
    left = after
    def counted(*args):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*args)
    return counted

def live(import_id, what, after):
    if what == "batch":
        chunks.by_columns.read = mortal(chunks.by_columns.read, after)
    dies = mortal(lambda execute, *args: execute(*args), after if what == "statement" else 0)
    with connection.execute_wrapper(dies):
        while True:
            try:
                loading.run(import_id, chunk_rows=int(sys.argv[2]))
            except one_at_a_time.Busy:  # the server has not noticed the death of the one before
                time.sleep(0.01)

for line in sys.stdin:
    what, after = line.split()
    child = os.fork()
    if not child:
        live(int(sys.argv[1]), what, int(after))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


def deaths(contact_import: ContactImport, state: Path, orders: list[str]) -> list[int]:
    """Exit codes of so many processes, each of which dies where it is told: "batch 2", "statement 3"."""
    at = connection.settings_dict
    url = f"postgresql://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    lives = subprocess.run(
        [sys.executable, "-c", NURSERY, str(contact_import.pk), str(CHUNK_ROWS)],
        env=os.environ | {"DATABASE_URL": url, "STATE_DIR": str(state)},
        cwd=settings.BASE_DIR,
        input="\n".join(orders),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [int(code) for code in lives.stdout.split()]


def finish() -> None:
    """As import_tick does; the server needs a moment to see that the dead process has let go."""
    end = time.monotonic() + 20
    while ContactImport.objects.filter(status__in=["queued", "running"]).exists():
        assert time.monotonic() < end, "the import was not taken up again"
        if not loading.run_due():
            time.sleep(0.02)


def conserved(contact_import: ContactImport, rows: int) -> None:
    """Each line of the file is a contact or an issue, once."""
    lines = Contact.objects.filter(contact_import=contact_import).values_list("line", flat=True)
    assert sorted([*lines, *contact_import.issues.values_list("line", flat=True)]) == list(range(2, rows + 2))


@pytest.mark.django_db(transaction=True)
def test_an_import_that_is_killed_twenty_times_conserves_its_rows(upload: Upload, state: Path) -> None:
    rows = [f"P{place},90000{place % 1800:05},,\n" if place % 10 else f"P{place},12,,\n" for place in range(2000)]
    contact_import = upload("Name,Mobile,City,Amount\n" + "".join(rows))
    chance = random.Random(SEED)
    kinds = [chance.choice((("batch", 4), ("statement", 30))) for _ in range(KILLS)]
    orders = [f"{what} {chance.randint(1, most)}" for what, most in kinds]
    assert deaths(contact_import, state, orders) == [-9] * KILLS
    contact_import.refresh_from_db()
    assert 0 < contact_import.rows < 2000
    finish()
    contact_import.refresh_from_db()
    assert loading.counts(contact_import) == Counts(rows=2000, imported=1620, duplicates=180, rejected=200)
    assert Contact.objects.count() == 1620
    conserved(contact_import, 2000)


def worker() -> None:
    while ContactImport.objects.filter(status__in=DUE_IMPORTS).exists():
        if not loading.run_due():
            time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_two_files_that_come_into_one_list_at_once_do_not_disturb_each_other(upload: Upload) -> None:
    files = [
        "Name,Mobile\n" + "".join(f"P,90000{place:05}\n" for place in range(part, part + 300)) for part in (0, 200)
    ]
    first, second = [upload(each) for each in files]
    racing(worker, worker)
    assert Contact.objects.count() == 500
    for each in (first, second):
        each.refresh_from_db()
        conserved(each, 300)
    assert first.imported + second.imported == 500
    assert first.duplicates + second.duplicates == 100
