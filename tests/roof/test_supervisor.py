"""The supervisor, run as a process with real servers and small fake children."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from dialer import env, installation

pytestmark = pytest.mark.processes

Start = Callable[..., "Running"]
FAKE_HOUSE = Path(__file__).with_name("fake_house.py")
STOP_ORDER = ["web", "beat", "dial", "work", "simulator", "redis", "postgres"]


class Running:
    """One supervisor and what it said so far."""

    def __init__(self, state_dir: Path, out: Path, extra: dict[str, str]) -> None:
        self.state_dir = state_dir
        self.out = out
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        port = str(installation.stable_port(out.parent, "web"))
        environment = inherited | {"STATE_DIR": str(state_dir), "PORT": port, "PYTHONPATH": str(env.ROOT)} | extra
        with out.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(FAKE_HOUSE)], env=environment, stdout=log, stderr=log, start_new_session=True
            )

    def said(self) -> str:
        return self.out.read_text()

    def wait_until_it_says(self, words: str, seconds: float = 20) -> None:
        wait_until(lambda: words in self.said() or self.process.poll() is not None, seconds)
        assert words in self.said()

    def runtime(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.state_dir / "runtime.json").read_text())
        return values

    def pids(self) -> dict[str, int]:
        return dict(self.runtime()["pids"])

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "a state with späces"


@pytest.fixture
def start(tmp_path: Path, state_dir: Path) -> Iterator[Start]:
    runs: list[Running] = []

    def start_one(**extra: str) -> Running:
        runs.append(Running(state_dir, tmp_path / f"out{len(runs)}", extra))
        return runs[-1]

    yield start_one
    for run in runs:
        if run.process.poll() is None:
            run.end()


def wait_until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def alive(pids: dict[str, int]) -> set[str]:
    return {
        name for name, pid in pids.items()
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    }  # fmt: skip


def test_a_run_starts_everything_and_stops_it_in_order_without_a_trace(start: Start, state_dir: Path) -> None:
    run = start()
    run.wait_until_it_says("Ctrl-C")
    pids = run.pids()
    assert set(pids) == {*STOP_ORDER, "supervisor"} == alive(pids)
    assert "operator, password swordfish" in run.said()
    assert f"http://127.0.0.1:{run.runtime()['PORT']}/" in run.said()
    run.wait_until_it_says("work: 2026-01-01 WARNING the account is held")
    assert "nothing to see" not in run.said()
    assert "nothing to see" in (state_dir / "logs" / "work.log").read_text()

    assert run.end() == 0
    assert re.findall(r"(\w+) stopped after", run.said()) == STOP_ORDER
    assert alive(pids) == set()
    assert not (state_dir / "runtime.json").exists()


def test_a_child_or_a_server_that_dies_is_started_again_on_the_same_port(start: Start) -> None:
    run = start()
    run.wait_until_it_says("Ctrl-C")
    before = run.runtime()
    killed = ("work", "redis", "postgres")
    for name in killed:
        os.kill(before["pids"][name], signal.SIGKILL)
        run.wait_until_it_says(f"{name} was killed by SIGKILL; starting it again in 0.5 s")
    wait_until(lambda: all(run.pids()[name] != before["pids"][name] for name in killed))
    after = run.runtime()
    assert after["DATABASE_URL"] == before["DATABASE_URL"]
    assert after["REDIS_URL"] == before["REDIS_URL"]
    assert after["pids"]["web"] == before["pids"]["web"]


def test_no_process_survives_a_supervisor_that_is_killed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    run = start()
    run.wait_until_it_says("Ctrl-C")
    monkeypatch.setenv("STATE_DIR", str(run.state_dir))
    monkeypatch.delenv("PUBLIC_URL")
    pids = run.pids()
    assert env.running()
    assert env.url("PUBLIC_URL") == run.runtime()["PUBLIC_URL"]

    run.end(signal.SIGKILL)
    wait_until(lambda: not alive(pids))
    assert not env.running()

    again = start()
    again.wait_until_it_says("Ctrl-C")
    secrets = ("SECRET_KEY", "TOKEN_KEYS", "ENCRYPTION_KEYS")
    kept = json.loads((run.state_dir / "secrets.json").read_text())
    assert {name: again.runtime()[name] for name in secrets} == kept


def test_a_second_run_and_a_taken_port_are_refused_with_the_mend(start: Start, tmp_path: Path) -> None:
    run = start()
    run.wait_until_it_says("Ctrl-C")
    second = start()
    assert second.process.wait(20) == 1
    assert f"{run.state_dir} is in use by another run" in second.said()
    port = run.runtime()["PORT"]
    third = start(STATE_DIR=str(tmp_path / "other"), PORT=port)
    assert third.process.wait(20) == 1
    assert re.search(rf"Port {port} is taken .* PORT=\d+ make run", third.said())


def test_a_failed_migration_ends_the_run_and_says_what_failed(start: Start) -> None:
    run = start(BREAK="migrate")
    assert run.process.wait(20) == 1
    assert "manage.py migrate ended with exit status 1:\nrelation missing" in run.said()
    assert re.findall(r"(\w+) stopped after", run.said()) == ["redis", "postgres"]


def test_a_run_without_a_simulator_or_an_account_starts_and_says_so(start: Start) -> None:
    run = start(SIMULATOR="0", NO_ACCOUNT="1")
    run.wait_until_it_says("Ctrl-C")
    assert "calls go to   no account yet" in run.said()
    assert run.end() == 0


def test_a_bad_setting_is_named_before_anything_starts(start: Start, state_dir: Path) -> None:
    run = start(PORT="eight thousand")
    assert run.process.wait(20) == 1
    assert run.said() == "PORT is not a whole number.\n"
    assert not (state_dir / "pg18").exists()
