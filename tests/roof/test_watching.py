"""The back-off of a process that keeps dying, with a clock that the test turns."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from dialer.daemon import Daemon
from dialer.supervisor.watching import Watch, reason


class Failing(Daemon):
    name = "work"

    def command(self) -> list[str]:
        return [sys.executable, "-c", "raise SystemExit('no such queue')"]

    def environment(self) -> dict[str, str]:
        return {}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Failing]:
    failing = Failing(tmp_path)
    yield failing
    failing.stop(grace=0)


def die(daemon: Daemon) -> None:
    assert daemon.process is not None
    daemon.process.wait(10)


def test_the_pause_doubles_up_to_a_limit_and_is_short_again_after_a_healthy_time(daemon: Failing) -> None:
    said: list[str] = []
    watch = Watch(daemon, said.append)
    now = 0.0
    watch.start(now)
    pauses = []
    for lived in (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 9.9, 10.0):
        die(daemon)
        now += lived
        assert not watch.look(now)
        pauses.append(float(said[-1].split()[-2]))
        assert not watch.look(now + pauses[-1] - 0.01)
        now += pauses[-1]
        assert watch.look(now)
    die(daemon)
    assert pauses == [0.5, 1, 2, 4, 5, 5, 5, 0.5]
    assert said[0] == "work ended with exit status 1 (no such queue); starting it again in 0.5 s"


def test_the_end_of_a_process_is_told_in_words() -> None:
    assert reason(3) == "ended with exit status 3"
    assert reason(-9) == "was killed by SIGKILL"
    assert reason(-200) == "was killed by signal 200"
