"""Watch processes: one that dies is started again, after a pause that doubles while it keeps dying."""

import signal
from collections.abc import Callable

from dialer.daemon import Daemon

SHORTEST_PAUSE = 0.5  # seconds
LONGEST_PAUSE = 5.0
HEALTHY_AFTER = 10.0  # a process that lived so long has started up and worked: the shortest pause again


class Watch:
    """Keeps one process alive. `say` gets one line for each thing that happens to it."""

    def __init__(self, daemon: Daemon, say: Callable[[str], None]) -> None:
        self.daemon = daemon
        self._say = say
        self._pause = SHORTEST_PAUSE
        self._started = 0.0
        self._due: float | None = None

    def start(self, now: float) -> None:
        """Start it, or note that it runs already. `now` in seconds of a clock that never goes back."""
        if self.daemon.pid is None or self.daemon.poll() is not None:
            self.daemon.spawn()
        self._started, self._due = now, None

    def look(self, now: float) -> bool:
        """Look once; True if it was started again just now."""
        if self._due is not None and now >= self._due:
            self.start(now)
            return True
        status = self.daemon.poll()
        if self._due is None and status is not None:
            self._died(status, now)
        return False

    def _died(self, status: int, now: float) -> None:
        self.daemon.sweep()
        if now - self._started >= HEALTHY_AFTER:
            self._pause = SHORTEST_PAUSE
        why = f" ({self._last_line()})" if status > 0 else ""
        self._say(f"{self.daemon.name} {reason(status)}{why}; starting it again in {self._pause:g} s")
        self._due = now + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _last_line(self) -> str:
        lines = self.daemon.last_words().splitlines()
        return lines[-1][:200] if lines else "no output"


def reason(status: int) -> str:
    """How a process ended, in words: a negative status is a signal's number."""
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"
