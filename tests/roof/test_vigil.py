"""A process that lives and does nothing is replaced; one that only waits for somebody else is not."""

import itertools
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery.signals import after_task_publish, task_received
from celery.utils.dispatch import Signal

from campaigns import marks, tasks
from dialer.daemon import Daemon
from dialer.supervisor import given
from dialer.supervisor.processes import processes
from dialer.supervisor.vigil import LONGEST, STOOD_STILL, Vigil, Watchman
from dialer.supervisor.watching import Watch


class Sleeping(Daemon):
    def __init__(self, state_dir: Path, name: str) -> None:
        super().__init__(state_dir)
        self.name = name

    def command(self) -> list[str]:
        return ["sleep", "600"]

    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"]}


class Guarded:
    """Processes under a watchman, with a clock that the test turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1000.0
        self.servers_answer = True
        self.said: list[str] = []
        self.watches: dict[str, Watch] = {}
        self.touched = 0
        vigils: list[Vigil] = []
        for name in ("beat", "dial"):
            self.watches[name] = Watch(Sleeping(folder, name), self.said.append)
            self.watches[name].start(self.now)
            vigils.append(Vigil(self.watches[name], folder / name))
        self.watchman = Watchman(vigils, lambda: self.servers_answer, self.said.append, clock=lambda: self.now)

    def sign(self, *names: str) -> None:
        self.touched += 1
        for name in names:
            (self.folder / name).touch()
            os.utime(self.folder / name, ns=(0, self.touched))

    def after(self, seconds: float, *signs: str) -> int:
        """How many were killed in these seconds, in which these give signs of life."""
        before, end = len(self.said), self.now + seconds
        while self.now < end:
            self.now += 1.0
            self.sign(*signs)
            self.watchman.look()
        return len([line for line in self.said[before:] if "no sign of life" in line])

    def dead(self, name: str) -> bool:
        process = self.watches[name].daemon.process
        assert process is not None
        return process.poll() is not None


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Guarded]:
    guarded = Guarded(tmp_path)
    yield guarded
    for watch in guarded.watches.values():
        watch.daemon.stop(grace=0)


def killed(house: Guarded, name: str) -> bool:
    process = house.watches[name].daemon.process
    return process is not None and process.wait(10) == -signal.SIGKILL


def test_a_frozen_worker_is_killed_after_a_minute_and_the_log_says_why(house: Guarded) -> None:
    house.after(5, "beat", "dial")
    pid = house.watches["dial"].daemon.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert house.after(60, "beat") == 0
    assert house.after(20, "beat") == 1
    assert killed(house, "dial")
    assert house.said == ["dial has given no sign of life for 76 s, while its servers answer: killing it"]
    assert not house.dead("beat")


def test_one_that_gives_signs_is_left_alone(house: Guarded) -> None:
    assert house.after(300, "beat", "dial") == 0


def test_nobody_is_killed_while_the_database_or_redis_is_away_nor_soon_after(house: Guarded) -> None:
    house.servers_answer = False
    assert house.after(600) == 0
    house.servers_answer = True
    assert house.after(50) == 0
    assert house.after(300, "beat", "dial") == 0


def test_nobody_is_killed_because_the_machine_slept(house: Guarded) -> None:
    house.after(60, "beat")
    for _ in range(20):
        house.now += STOOD_STILL + 300
        assert house.after(10, "beat") == 0


def test_while_the_clock_is_silent_only_the_clock_is_to_blame(house: Guarded) -> None:
    house.after(5, "beat", "dial")
    assert house.after(80) == 1
    assert killed(house, "beat")
    assert not house.dead("dial")
    house.watches["beat"].start(house.now)
    assert house.after(50, "beat") == 0


def test_one_that_never_gives_a_sign_is_killed_ever_less_often(house: Guarded) -> None:
    at = []
    for _ in range(7):
        while not house.after(1, "beat"):
            assert house.now < 10_000
        at.append(house.now)
        assert killed(house, "dial")
        house.watches["dial"].start(house.now)
    waits = [round(later - first) for first, later in itertools.pairwise(at)]
    assert waits == sorted(waits)
    assert waits[0] > 120
    assert waits[-1] >= LONGEST
    house.after(2, "beat", "dial")
    assert house.after(80, "beat") == 1


def test_a_process_that_is_being_started_again_is_not_judged(house: Guarded) -> None:
    house.watches["dial"].daemon.stop(grace=0)
    assert house.after(200, "beat") == 0


# -------------------------------------------------------------------------------------------------- signs and servers
def test_the_clock_and_the_workers_are_watched_and_nobody_else() -> None:
    table = processes({"STATE_DIR": "/state", "PORT": "8000"})
    assert {process.name for process in table if process.signs} == {"beat", "dial", "work"}


@pytest.mark.django_db
def test_a_tick_leaves_a_sign_where_the_supervisor_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "dial.alive"
    monkeypatch.setenv(marks.VARIABLE, str(mark))
    monkeypatch.setattr(marks, "_written_at", float("-inf"))
    tasks.dial_tick.apply()
    assert mark.exists()
    mark.unlink()
    tasks.dial_tick.apply()
    assert not mark.exists(), "once a second is enough"


@pytest.mark.parametrize("happens", [after_task_publish, task_received], ids=["the clock ticks", "a tick comes late"])
def test_the_clock_and_who_hears_it_leave_a_sign(
    happens: Signal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(marks.VARIABLE, str(tmp_path / "mark"))
    monkeypatch.setattr(marks, "_written_at", float("-inf"))
    happens.send(sender=None)
    assert (tmp_path / "mark").exists()


def test_a_folder_that_is_gone_keeps_nobody_from_working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(marks.VARIABLE, str(tmp_path / "gone" / "dial.alive"))
    monkeypatch.setattr(marks, "_written_at", float("-inf"))
    marks.leave()
    assert marks._written_at > float("-inf")  # it has tried
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize(
    ("database", "redis", "both"),
    [
        ("", "", True),
        ("postgresql://dialer@127.0.0.1:1/dialer", "", False),
        ("", "redis://127.0.0.1:1/0", False),
    ],
)
def test_servers_answer_when_both_do(database: str, redis: str, both: bool) -> None:
    assert given.answer(database or os.environ["DATABASE_URL"], redis or os.environ["REDIS_URL"]) is both
