"""When a request that was granted a little ahead of its turn leaves, by this process's own clock.

The turn is an instant of the database's clock. What the two clocks differ by is learnt from the answers themselves:
an answer is never heard before it was given, so the smallest difference of late is the nearest to the truth.

Who is late all the same (the process waited for a core, a connection for its handshake) does not leave together with
those whose turn it is by now: everybody passes the gate at least a step after the one before.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import datetime

from campaigns.exotel.exchange import Gate
from campaigns.pacing import AHEAD

LATELY = 64  # looks at the database's clock; a clock that was set back is believed after so many


class Departures:
    """Of one dial loop. Where the clocks are in doubt a request leaves at once: late or early, never lost."""

    def __init__(self) -> None:
        self._differences: deque[float] = deque(maxlen=LATELY)
        self._lock = threading.Lock()
        self._last: dict[str, float] = {}

    def moment(self, leaves_at: datetime, *, looked_at: datetime, heard: float) -> float:
        """A time.monotonic(), at most AHEAD after `heard`, at which the database's clock had said `looked_at`."""
        self._differences.append(heard - looked_at.timestamp())
        return min(leaves_at.timestamp() + min(self._differences), heard + AHEAD.total_seconds())

    def gate(self, steps: Mapping[str, float]) -> Gate:
        """For one request: `steps` are the least seconds between two requests, by what keeps that pace.

        Nobody waits at it for more than AHEAD: a slow pace is not kept by waiting for who was late.
        """

        def passes() -> float:
            with self._lock:
                now = time.monotonic()
                turn = max(self._last.get(pace, 0.0) + step for pace, step in steps.items())
                at = min(max(now, turn), now + AHEAD.total_seconds())
                self._last.update(dict.fromkeys(steps, at))
            return at

        return passes
