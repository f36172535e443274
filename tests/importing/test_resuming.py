"""The importing process is killed with -9, at a statement of ours: whoever goes on loses and doubles nothing."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from campaigns.importing import loading
from campaigns.importing.loading import Counts
from campaigns.models import Contact, ContactImport
from tests.importing.conftest import Upload

VICTIM = """
import os, signal, sys
import django
django.setup()
from django.db import connection
from campaigns.importing import loading

statements = 0

def die(execute, sql, params, many, context):
    global statements
    statements += 1
    if statements == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, params, many, context)

with connection.execute_wrapper(die):
    loading.run(int(sys.argv[1]), chunk_rows=50)
"""


def killed_at(statement: int, contact_import: ContactImport, state: Path) -> None:
    at = connection.settings_dict
    url = f"postgresql://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    victim = subprocess.run(
        [sys.executable, "-c", VICTIM, str(contact_import.pk), str(statement)],
        env=os.environ | {"DATABASE_URL": url, "STATE_DIR": str(state)},
        cwd=settings.BASE_DIR,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert victim.returncode == -signal.SIGKILL, victim.stderr.decode()


def finish() -> None:
    """As import_tick does; the server needs a moment to see that the dead process has let go."""
    end = time.monotonic() + 20
    while ContactImport.objects.filter(status__in=["queued", "running"]).exists():
        assert time.monotonic() < end, "the import was not taken up again"
        if not loading.run_due():
            time.sleep(0.02)


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_goes_on_behind_its_last_commit(upload: Upload, state: Path) -> None:
    rows = [f"P{place},90000{place % 270:05},,\n" if place % 10 else f"P{place},12,,\n" for place in range(300)]
    contact_import = upload("Name,Mobile,City,Amount\n" + "".join(rows))
    for statement in (1, 17, 31):
        killed_at(statement, contact_import, state)
    finish()
    contact_import.refresh_from_db()
    assert loading.counts(contact_import) == Counts(rows=300, imported=243, duplicates=27, rejected=30)
    assert Contact.objects.count() == 243
    assert sorted(
        [*Contact.objects.values_list("line", flat=True), *contact_import.issues.values_list("line", flat=True)]
    ) == list(range(2, 302))
