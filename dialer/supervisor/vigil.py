"""Replace a worker that lives and does nothing: frozen, or deaf to the clock's ticks.

A process that should be watched touches a file while it takes work (`campaigns.marks`). One that has not done so for
a minute, while its servers answer and the clock ticks, is killed, and `watching` starts it again. Times are of
time.monotonic(), which stands still while the machine sleeps.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dialer.supervisor.watching import Watch

EVERY = 1.0  # seconds between two looks
QUIET = 15.0  # seconds without a sign: suspected from here on
PATIENCE = 60.0  # seconds that a suspect is given, while all that it needs answers; doubled by each kill in vain
LONGEST = 960.0
STOOD_STILL = 5.0  # a gap between looks: this process, or the whole machine, did not run either


class Vigil:
    """What is known of one process's signs of life."""

    def __init__(self, watch: Watch, mark: Path) -> None:
        self.watch = watch
        self._mark = mark
        self._life: tuple[int | None, int] = (None, 0)  # its process id, and when its mark was touched
        self._heard_at = 0.0
        self._suspect_since: float | None = None
        self._patience = PATIENCE

    def listen(self, now: float) -> None:
        """Take note of a new sign, or of a new process."""
        before, self._life = self._life, (self.watch.daemon.pid, self._touched())
        if before == self._life:
            return
        if before[0] == self._life[0]:
            self._patience = PATIENCE
        self.forget(now)

    def forget(self, now: float) -> None:
        """Begin to wait for a sign anew."""
        self._heard_at, self._suspect_since = now, None

    def trust(self) -> None:
        """Its silence has another cause."""
        self._suspect_since = None

    def silence(self, now: float) -> float:
        """Seconds without a sign; 0 for a process that is not there, which is not ours to mend."""
        return now - self._heard_at if self.watch.daemon.poll() is None else 0.0

    def hangs(self, now: float) -> bool:
        """Whether its silence, for which nothing else can be blamed at the moment, has lasted long enough."""
        self._suspect_since = now if self._suspect_since is None else self._suspect_since
        return now - self._suspect_since >= self._patience

    def kill(self, now: float) -> None:
        """End it, however deaf it is; the next one has longer to give its first sign."""
        process = self.watch.daemon.process
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        self._patience = min(2 * self._patience, LONGEST)
        self.forget(now)

    def _touched(self) -> int:
        try:
            return self._mark.stat().st_mtime_ns
        except OSError:
            return 0


class Watchman:
    """Looks after several processes; while the clock, `beat`, is silent itself, nobody else is to blame.

    `answer` tells whether the database and Redis do, and may take seconds: it is asked only while somebody is silent.
    `say` gets a line for each kill.
    """

    def __init__(
        self,
        vigils: Sequence[Vigil],
        answer: Callable[[], bool],
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vigils = vigils
        self._answer = answer
        self._say = say
        self._clock = clock
        self._looked_at: float | None = None

    def look(self) -> None:
        """Look at all of them, at most once in EVERY."""
        now, before = self._clock(), self._looked_at
        if before is not None and now - before < EVERY:
            return
        for vigil in self._vigils:
            vigil.listen(now)
            if before is None or now - before > STOOD_STILL:
                vigil.forget(now)
        silent = [vigil for vigil in self._vigils if vigil.silence(now) > QUIET]
        answered = bool(silent) and self._answer()
        self._looked_at = self._clock()  # whatever the answer took is no standstill
        for vigil in silent:
            self._judge(vigil, now, answered=answered and not self._no_ticks(vigil, now))

    def _no_ticks(self, vigil: Vigil, now: float) -> bool:
        """Whether it cannot be blamed, because the clock is silent, too."""
        ticking = [one for one in self._vigils if one.watch.daemon.name == "beat"]
        return any(one is not vigil and one.silence(now) > QUIET for one in ticking)

    def _judge(self, vigil: Vigil, now: float, *, answered: bool) -> None:
        if not answered:
            vigil.trust()
        elif vigil.hangs(now):
            name, seconds = vigil.watch.daemon.name, vigil.silence(now)
            self._say(f"{name} has given no sign of life for {seconds:.0f} s, while its servers answer: killing it")
            vigil.kill(now)
