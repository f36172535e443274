"""One long-running process of ours: started in a session of its own, never outliving us, stopped with patience.

Linux only: ``setpriv --pdeathsig`` ends the process with its parent even when that is killed with -9.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

STOP_SECONDS = 20.0


class Daemon(ABC):
    """A process that can be started, asked how it is, stopped and started again.

    Not thread-safe. Spawn from the main thread: the death signal is bound to the thread that started the process.
    """

    name: str
    stop_signal = signal.SIGTERM
    death_signal = "KILL"

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The command line, after everything that it needs has been laid out."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Its whole environment."""

    @property
    def working_folder(self) -> Path:
        """Where it runs."""
        return Path("/")

    @property
    def log(self) -> Path:
        """Its output, of all starts."""
        return self.state_dir / "logs" / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The process id of the last start."""
        return self.process.pid if self.process else None

    def spawn(self) -> None:
        """Start without waiting for anything."""
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment(),
                cwd=self.working_folder,
                start_new_session=True,
            )

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs and before its first start."""
        return self.process.poll() if self.process else None

    def stop(self, grace: float = STOP_SECONDS, hurried: Callable[[], bool] = lambda: False) -> None:
        """Ask it to end; after `grace` seconds, or as soon as `hurried()` says so, kill it. Returns when it is gone."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        deadline = time.monotonic() + grace
        while self.process.poll() is None and time.monotonic() < deadline and not hurried():
            time.sleep(0.02)
        self.sweep()
        self.process.wait()

    def sweep(self) -> None:
        """Kill what is left of its session: itself, and helpers that it started and did not take along.

        Only right after its end, before the kernel gives the number to somebody else.
        """
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def last_words(self, characters: int = 2000) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-characters:].strip()


def dies_with_us(death_signal: str) -> list[str]:
    """What to put before a command so that the kernel sends it this signal when its parent is gone."""
    return ["setpriv", "--pdeathsig", death_signal, "--"] if shutil.which("setpriv") else []
