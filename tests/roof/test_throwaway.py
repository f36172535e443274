"""Servers for one moment leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from dialer import env, installation, throwaway


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for variable in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(variable)
    return tmp_path


def run(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dialer.throwaway", *command], cwd=env.ROOT, stdout=subprocess.PIPE, text=True
    )


def test_a_command_gets_both_servers_and_its_exit_status_is_handed_on(temporary: Path) -> None:
    process = run("sh", "-c", 'echo "$DATABASE_URL $REDIS_URL $STATE_DIR"; exit 7')
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 7
    database, redis, state_dir = said.split()
    assert database.startswith("postgresql://")
    assert redis.startswith("redis://")
    assert Path(state_dir).is_relative_to(temporary)
    assert list(temporary.iterdir()) == []


def test_a_run_that_is_ended_leaves_nothing(temporary: Path) -> None:
    process = run("sh", "-c", "echo up; exec sleep 60")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 130
    process.stdout.close()
    assert list(temporary.iterdir()) == []
    assert psutil.wait_procs(family, timeout=10)[1] == []


def test_what_a_killed_run_left_is_removed_and_what_is_in_use_or_young_is_not(tmp_path: Path) -> None:
    folders = {name: tmp_path / f"{throwaway.PREFIX}{name}" for name in ("left", "used", "young")}
    for folder in folders.values():
        folder.mkdir()
    with installation.hold(folders["used"]):
        for name in ("left", "used"):
            os.utime(folders[name], times=(0, time.time() - 2 * throwaway.YOUNG))
        throwaway.remove_leftovers(tmp_path)
        assert {name for name, folder in folders.items() if folder.exists()} == {"used", "young"}
