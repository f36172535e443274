"""Failpoints break calls on purpose: only beside a simulator, only where a point is armed, each time once."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from campaigns import dialing, failpoints
from dialer import env
from tests import people

SIMULATOR = "http://127.0.0.1:8001"


def reached(folder: Path, *points: str, api_url: str = SIMULATOR) -> subprocess.CompletedProcess[str]:
    """A process with FAILPOINTS set that reaches the points in turn, and says so after each."""
    code = "import django; django.setup(); from campaigns import failpoints\n" + "\n".join(
        f"failpoints.reach({point!r}); print({point!r}, flush=True)" for point in points
    )
    given = os.environ | {
        "FAILPOINTS": str(folder),
        "EXOTEL_API_URL": api_url,
        "DJANGO_SETTINGS_MODULE": "dialer.settings",
    }
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=env.ROOT, env=given, capture_output=True, text=True, check=False)


def test_a_point_that_is_armed_kills_who_reaches_it_and_is_disarmed_by_that(tmp_path: Path) -> None:
    (tmp_path / "post.begin").write_text("kill")
    done = reached(tmp_path, "intent.written", "post.begin", "post.answered")
    assert (done.returncode, done.stdout) == (-signal.SIGKILL, "intent.written\n")
    assert reached(tmp_path, "post.begin").returncode == 0


@pytest.mark.parametrize("address", ["", "https://api.in.exotel.com", "http://10.0.0.7:8001", "http://simulator:8001"])
def test_a_process_that_could_ring_a_phone_does_not_start_with_failpoints(tmp_path: Path, address: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="FAILPOINTS"):
        failpoints.folder({"FAILPOINTS": str(tmp_path)}, address)


def test_a_worker_for_a_real_account_refuses_to_start(tmp_path: Path) -> None:
    done = reached(tmp_path, "post.begin", api_url="https://api.in.exotel.com")
    assert done.returncode == 1
    assert "FAILPOINTS breaks calls on purpose" in done.stderr


def test_without_the_variable_nothing_is_looked_for() -> None:
    assert failpoints.folder({}, "https://api.in.exotel.com") is None
    assert failpoints.folder({"FAILPOINTS": ""}, SIMULATOR) is None


@pytest.mark.django_db
def test_an_account_in_the_table_that_could_ring_a_phone_is_held_and_sends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failpoints, "_FOLDER", tmp_path)
    real = people.campaign(people.account(api_url="https://api.in.exotel.com"))
    people.contact(real)
    assert dialing.drive_one() is False
    pacer = people.pacer(real.account)
    assert pacer.held_code == "misconfigured"
    assert "FAILPOINTS breaks calls on purpose" in pacer.held_reason
    assert not real.attempts.exists()
    with pytest.raises(ImproperlyConfigured, match="FAILPOINTS"):
        dialing.client_for(real.account)


@pytest.mark.django_db
@pytest.mark.parametrize("address", [SIMULATOR, "http://localhost:1", "https://api.in.exotel.com"])
def test_a_simulator_is_dialled_with_failpoints_and_anybody_without(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = people.account(api_url=address)
    assert dialing.client_for(account)
    monkeypatch.setattr(failpoints, "_FOLDER", tmp_path)
    if "exotel" not in address:
        assert dialing.client_for(account)
        return
    with pytest.raises(ImproperlyConfigured, match="FAILPOINTS"):
        dialing.client_for(account)


def test_every_point_is_in_the_protocol() -> None:
    sources = [path.read_text(encoding="utf-8") for path in (env.ROOT / "campaigns").glob("*.py")]
    named = {point for text in sources for point in re.findall(r'failpoints\.reach\("([a-z.]+)"\)', text)}
    assert named == set(failpoints.POINTS)
