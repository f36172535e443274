"""When a request that was granted a little ahead of its turn leaves, by this process's own clock.

The turn is an instant of the database's clock. What the two clocks differ by is learnt from the answers themselves:
an answer is never heard before it was given, so the smallest difference of late is the nearest to the truth.

Who is late all the same (the process waited for a core, a connection for its handshake) does not leave together with
those whose turn it is by now: everybody passes the gate at least a step after the one before. A process that stood
still while they waited there makes all of them late at once, so who has waited asks the gate again.

Who is late by a little leaves at once. That none of this puts more than n + 1 into a second is counted on the instants
at which requests really left: n + 2 of them never fall within SECOND.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from math import floor

from campaigns.exotel.exchange import Gate
from campaigns.pacing import AHEAD

LONGEST_LINE = timedelta(seconds=0.4)  # at the gate; a little less than a request may be late by
WOKEN_LATE = 0.01  # seconds that a thread may be woken late, however fast the pace: others compute
SECOND = 1.006  # seconds: some requests take longer to arrive than others
ROUNDING = 1e-6
FORGOTTEN = 2.0  # seconds after which nothing depends on who has left
LATELY = 64  # looks at the database's clock; a clock that was set back is believed after so many


class Departures:
    """Of one account, in this process. Where clocks are in doubt a request leaves at once: late or early, not lost."""

    def __init__(self) -> None:
        self._differences: deque[float] = deque(maxlen=LATELY)
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}
        self._lately: dict[str, deque[Departure]] = {}  # those of the last second or two, of each pace

    def moment(self, leaves_at: datetime, *, looked_at: datetime, heard: float) -> float:
        """A time.monotonic(), at most AHEAD after `heard`, at which the database's clock had said `looked_at`."""
        self._differences.append(heard - looked_at.timestamp())
        return min(leaves_at.timestamp() + min(self._differences), heard + AHEAD.total_seconds())

    def gate(self, steps: Mapping[str, float], leaves: float = 0.0) -> "Departure":
        """For one request, to be asked from `leaves` on; `steps` are the least seconds between two, by what keeps that
        pace."""
        return Departure(self, steps, leaves)

    def line(self, pace: str) -> float:
        """Seconds until the last of those at the gate leaves; while they are many, no others should be granted."""
        with self._lock:
            return self._last.get(pace, 0.0) - time.monotonic()

    def admit(self, one: "Departure") -> float:
        """The instant at which it may leave; see Departure.opens."""
        with self._lock:
            now = time.monotonic()
            in_time = now <= one.at + one.late
            if not (one.in_line and in_time):
                known = len(self._lately)
                turn = max(self._turn(pace, step, one) for pace, step in one.steps.items())
                one.at = min(max(one.at if in_time else now, turn), now + LONGEST_LINE.total_seconds())
                one.in_line = True
                for pace in one.steps:
                    self._last[pace] = one.at
                    self._lately[pace].append(one)
                if len(self._lately) > known:
                    self._forget()
            one.left_at = max(one.at, now)
            return one.at

    def _turn(self, pace: str, step: float, one: "Departure") -> float:
        """The first instant at which the pace lets it leave, which may have had another instant before."""
        most = floor(1 / step + ROUNDING) + 1
        lately = self._lately.get(pace)
        if lately is None or lately.maxlen != 2 * most:
            lately = self._lately[pace] = deque(lately or (), maxlen=2 * most)  # some may be taken out again
        if one.in_line and one in lately:
            lately.remove(one)
        full = lately[-most].left_at + SECOND if len(lately) >= most else 0.0
        return max(self._last.get(pace, 0.0) + step, full)

    def _forget(self) -> None:
        """Paces that nobody has kept for a while: campaigns come and go, the process stays."""
        before = time.monotonic() - FORGOTTEN
        for pace in [pace for pace, last in self._last.items() if last < before]:
            del self._last[pace]
            self._lately.pop(pace, None)


class Departure(Gate):
    """The gate of one request."""

    def __init__(self, line: Departures, steps: Mapping[str, float], leaves: float) -> None:
        self._departures = line
        self.steps = steps
        self.late = max(min(steps.values()) / 2, WOKEN_LATE)  # seconds by which it may be late and leave at once
        self.at = self.left_at = leaves
        self.in_line = False

    def opens(self) -> float:
        """The instant at which the request may leave, the same one whenever it is asked; but another one if it is asked
        too late for that, because others may be as late.

        Who is late by less does not keep those behind waiting. Nobody waits for more than LONGEST_LINE, after which
        nothing would be sent.
        """
        return self._departures.admit(self)

    def left(self) -> None:
        """Later than it was let through, if the process stood still just then."""
        self.left_at = time.monotonic()


@cache
def of(account_id: int) -> Departures:
    """Those of an account: a loop that follows another has what that one left at the gate before it."""
    return Departures()
