"""When a request that was granted a little ahead of its turn leaves, by this process's own clock.

The turn is an instant of the database's clock. What the two clocks differ by is learnt from the answers themselves:
an answer is never heard before it was given, so the smallest difference of late is the nearest to the truth.

Who is late all the same (the process waited for a core, a connection for its handshake) does not leave together with
those whose turn it is by now: everybody passes the gate at least a step after the one before. A process that stood
still while they waited there makes all of them late at once, so who has waited asks the gate again.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache

from campaigns.exotel.exchange import Gate
from campaigns.pacing import AHEAD

LONGEST_LINE = timedelta(seconds=0.4)  # at the gate; a little less than a request may be late by
WOKEN_LATE = 0.005  # seconds that a thread may be woken late, however fast the pace: others compute
LATELY = 64  # looks at the database's clock; a clock that was set back is believed after so many


class Departures:
    """Of one account, in this process. Where clocks are in doubt a request leaves at once: late or early, not lost."""

    def __init__(self) -> None:
        self._differences: deque[float] = deque(maxlen=LATELY)
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def moment(self, leaves_at: datetime, *, looked_at: datetime, heard: float) -> float:
        """A time.monotonic(), at most AHEAD after `heard`, at which the database's clock had said `looked_at`."""
        self._differences.append(heard - looked_at.timestamp())
        return min(leaves_at.timestamp() + min(self._differences), heard + AHEAD.total_seconds())

    def gate(self, steps: Mapping[str, float], leaves: float = 0.0) -> Gate:
        """For one request, to be asked from `leaves` on; `steps` are the least seconds between two, by what keeps that
        pace.

        It gives the instant at which the request may leave, the same one whenever it is asked; but another one if it
        is asked too late for that, because others may be as late. Who is late by less does not keep those behind
        waiting. Nobody waits for more than LONGEST_LINE, after which nothing would be sent.
        """
        late = max(min(steps.values()) / 2, WOKEN_LATE)
        at, in_line = leaves, False

        def passes() -> float:
            nonlocal at, in_line
            with self._lock:
                now = time.monotonic()
                in_time = now <= at + late
                if not (in_line and in_time):
                    turn = max(self._last.get(pace, 0.0) + step for pace, step in steps.items())
                    at, in_line = min(max(at if in_time else now, turn), now + LONGEST_LINE.total_seconds()), True
                    self._last.update(dict.fromkeys(steps, at))
            return at

        return passes

    def line(self) -> float:
        """Seconds until the last of those at the gate leaves; while they are many, no others should be granted."""
        with self._lock:
            return max(self._last.values(), default=0.0) - time.monotonic()


@cache
def of(account_id: int) -> Departures:
    """Those of an account: a loop that follows another has what that one left at the gate before it."""
    return Departures()
