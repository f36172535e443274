"""manage.py as a script runs it: a process of its own, on the database of the test."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import execute_from_command_line
from django.db import connection

from campaigns.models import CallerId, ExotelAccount
from tests import people

MANAGE = Path(settings.BASE_DIR) / "manage.py"


@dataclass(frozen=True)
class Said:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """Exactly one object stood on standard output, and nothing on the other."""
        assert (self.status, self.err) == (0, ""), self
        found = json.loads(self.out)
        assert isinstance(found, dict)
        assert self.out == json.dumps(found, ensure_ascii=False) + "\n"
        return found

    @property
    def refusal(self) -> str:
        """One sentence on standard error, status 1, and nothing on standard output."""
        assert (self.status, self.out) == (1, ""), self
        assert "Traceback" not in self.err
        assert "Error" not in self.err
        return self.err.strip()


Manage = Callable[..., Said]


def run(environment: dict[str, str], *words: str) -> Said:
    command = [sys.executable, "-W", "error", str(MANAGE), *words]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False, cwd=MANAGE.parent
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def manage(transactional_db: None, tmp_path: Path) -> Manage:
    """manage("name", "--flag", …): the command in a process of its own."""
    at = connection.settings_dict
    database = f"postgresql://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    environment = {**os.environ, "DATABASE_URL": database, "STATE_DIR": str(tmp_path / "state")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def called(*words: str, **more: str) -> Said:
        return run(environment | more, *words)

    return called


@pytest.fixture
def here(transactional_db: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Manage:
    """The same within this process, for the many cases for which a process each would take too long."""

    def called(*words: str, **_: str) -> Said:
        capsys.readouterr()
        status = 0
        monkeypatch.setattr(sys, "argv", ["manage.py", *words])
        try:
            execute_from_command_line(["manage.py", *words])
        except SystemExit as ended:
            status = int(ended.code or 0)
        out, err = capsys.readouterr()
        return Said(status, out, err)

    return called


@pytest.fixture
def account(transactional_db: None) -> ExotelAccount:
    """The simulator's account, as the environment's."""
    made = people.account(name="Simulator", from_environment=True)
    CallerId.objects.create(account=made, number=people.CALLER_ID, is_default=True)
    return made
