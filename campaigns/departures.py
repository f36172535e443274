"""When a request that was granted a little ahead of its turn leaves, by this process's own clock.

The turn is an instant of the database's clock. What the two clocks differ by is learnt from the answers themselves:
an answer is never heard before it was given, so the smallest difference of late is the nearest to the truth.
"""

from collections import deque
from datetime import datetime

from campaigns.pacing import AHEAD

LATELY = 64  # looks at the database's clock; a clock that was set back is believed after so many


class Departures:
    """Of one dial loop. Where the clocks are in doubt a request leaves at once: late or early, never lost."""

    def __init__(self) -> None:
        self._differences: deque[float] = deque(maxlen=LATELY)

    def moment(self, leaves_at: datetime, *, looked_at: datetime, heard: float) -> float:
        """A time.monotonic(), at most AHEAD after `heard`, at which the database's clock had said `looked_at`."""
        self._differences.append(heard - looked_at.timestamp())
        return min(leaves_at.timestamp() + min(self._differences), heard + AHEAD.total_seconds())
