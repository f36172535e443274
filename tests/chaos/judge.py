"""The judge: reads the simulator's ledger while it is written, and holds each accepted call against the rules.

It knows nothing of our tables. What it needs to know besides the ledger it is told: who is in which campaign, which
limits were set, and when an operator's act was committed (a time no earlier than the commit).
"""

import json
import threading
from bisect import bisect_left, insort
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.chaos.crowd import Kind

Entry = dict[str, Any]

GRACE = 1.0  # seconds after a committed pause or suppression in which a call may still arrive
ENDS_WITHIN = 0.5  # seconds between a stream's end on our side, which frees the slot, and the call's end in the ledger
CATCHES_UP = 0.05  # seconds after a stall in which the simulator takes what came in meanwhile
SETTLED = 2.0  # seconds after which what is judged by how late the far side was can be judged
GAP_MISREAD = 0.05  # seconds by which stamps of two ends of one machine may disagree
NOBODYS = Kind("", 0.0, (), tries=0, closed=True)
TOO_FAST_FATE, TOO_FAST_SECONDS = "45", 5.0


@dataclass(frozen=True)
class Limits:
    """Calls a second and a minute that the account may start, requests of any kind a minute that it may send, and calls
    that may be open at once."""

    per_second: float
    per_minute: float
    requests: float
    slots: int
    slots_of: Mapping[str, int]  # of each campaign by name
    starved: float = 0.0  # seconds that a machine without a free core may hold requests up between gate and wire


@dataclass(frozen=True)
class Violation:
    at: float
    rule: str
    what: str


@dataclass
class Rules:
    """What the judge is told; the operator's thread adds to it while the judge reads."""

    limits: Limits
    campaigns_of: Mapping[str, Sequence[Kind]]  # by the last ten digits
    paused: dict[str, list[list[float]]] = field(default_factory=lambda: defaultdict(list))  # campaign -> [from, until]
    suppressed: dict[str, float] = field(default_factory=dict)  # ten digits -> from
    slots_since: dict[str, tuple[float, int]] = field(default_factory=dict)  # campaign -> from, slots (edited lately)
    lags: list[tuple[float, float]] = field(default_factory=list)  # when the far side was asked, how long it took
    talks: frozenset[str] = frozenset()  # campaigns whose calls end with their stream
    campaigns: dict[str, str] = field(default_factory=dict)  # names by the id that a CustomField carries
    lock: threading.Lock = field(default_factory=threading.Lock)

    def lag(self, since: float, until: float) -> float:
        """The longest that the simulator took to answer a question asked in that time (or still open then)."""
        with self.lock:
            first = max(bisect_left(self.lags, (since - 15.0, 0.0)), 0)
            near = [lag for at, lag in self.lags[first:] if at <= until and at + lag >= since]
        return max(near, default=0.0)

    def slots_at(self, campaign: str, at: float) -> int:
        """How many calls of the campaign may be open at `at`: fewer from when an edit has had time to count."""
        with self.lock:
            since, slots = self.slots_since.get(campaign, (0.0, self.limits.slots_of[campaign]))
        return slots if at > since else self.limits.slots_of[campaign]

    def kind_of(self, number: str, campaign: str) -> Kind:
        """Of the campaign, if the person is in it; a call that nobody asked for counts as out of hours."""
        kinds = {kind.name: kind for kind in self.campaigns_of.get(number, ())}
        return kinds.get(campaign, NOBODYS)

    def paused_at(self, campaign: str, at: float) -> float | None:
        """Since when the campaign was paused at `at`, if it was."""
        with self.lock:
            return next((first for first, last in self.paused[campaign] if first <= at < last), None)


@dataclass
class Crowded:
    """A moment at which `over` calls too many were open; `talks` are the open calls whose stream may have ended."""

    at: float
    over: int
    what: str
    talks: frozenset[str]


class Judge:
    """Feed it entries in the order of the ledger, then `finish`; `violations` grows."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.violations: list[Violation] = []
        self.accepted: list[float] = []  # when, in order
        self.calls_of: Counter[str] = Counter()  # by number
        self.seen_marks: set[str] = set()
        self.seen_addresses: set[str] = set()
        self.open: dict[str, tuple[str, str]] = {}  # sid -> number, campaign
        self.open_of: Counter[str] = Counter()  # campaign
        self.most_open = self.most_in_second = self.most_in_minute = self.most_requests = 0
        self.seconds_above: list[tuple[int, float]] = []  # calls, and how late the simulator was: what excuses them
        self.over_since: dict[str, float] = {}  # by sid: when a call ended
        self.ended = 0
        self._ended_at: dict[tuple[str, str], float] = {}  # by number and campaign
        self._too_fast_until: list[tuple[float, float]] = []
        self._requests: deque[float] = deque()  # of the last minute
        self._minute = self._second = 0  # the first call inside each sliding window
        self._crowded: list[Crowded] = []
        self._later: deque[tuple[float, Callable[[], None]]] = deque()

    def hear(self, entry: Entry) -> None:
        """One line of the ledger."""
        while self._later and entry.get("at", 0.0) > self._later[0][0] + SETTLED:
            self._later.popleft()[1]()
        match entry["event"]:
            case "accepted":
                self._accepted(entry)
            case "ended":
                self._ended(entry)
            case "stalled":
                with self.rules.lock:
                    insort(self.rules.lags, (entry["at"] - entry["seconds"], entry["seconds"]))
            case "request" if not entry["path"].startswith("/recordings/"):
                self._request(entry["at"])
            case "refused" if entry["fate"] == TOO_FAST_FATE:
                self._too_fast_until.append((entry["at"], entry["at"] + TOO_FAST_SECONDS))

    def finish(self) -> None:
        """No more entries come: judge what was kept until more is known."""
        while self._later:
            self._later.popleft()[1]()

    def _accepted(self, entry: Entry) -> None:
        at, number, sid = entry["received_at"], entry["from"][-10:], entry["sid"]
        kinds = self.rules.campaigns_of.get(number, ())
        self.accepted.append(at)
        self._once(at, number, entry["custom_field"] or "", kinds)
        self._own_address(at, number, entry["status_callback"] or "")
        campaign = self.rules.campaigns.get(campaign_of(entry["custom_field"]), "")
        self.open[sid] = (number, campaign)
        self.open_of[campaign] += 1
        self.calls_of[number] += 1
        self._slots(at, campaign)
        self._gap(at, number, campaign)
        self._pace(at)
        self._later.append((at, lambda: self._allowed(at, number, campaign)))

    def _ended(self, entry: Entry) -> None:
        self.ended += 1
        self.over_since[entry["sid"]] = entry["at"]
        number, campaign = self.open.pop(entry["sid"], ("", ""))
        self._ended_at[number, campaign] = entry["at"]
        self.open_of[campaign] -= 1
        for crowded in self._crowded:
            if entry["sid"] in crowded.talks and entry["at"] <= crowded.at + ENDS_WITHIN + self._lag_after(crowded.at):
                crowded.over -= 1

    def _violated(self, at: float, rule: str, what: str) -> None:
        self.violations.append(Violation(at, rule, what))

    def _once(self, at: float, number: str, mark: str, kinds: Sequence[Kind]) -> None:
        """I1, I2, I14: no attempt twice, nobody while a call is open, nobody more often than the campaigns allow."""
        if mark in self.seen_marks:
            self._violated(at, "I1", f"the attempt {mark.split('.')[1:2]} was placed twice ({number})")
        self.seen_marks.add(mark)
        if any(number == other for other, _ in self.open.values()):
            self._violated(at, "I2", f"{number} was rung while another call to it was open")
        if self.calls_of[number] >= sum(kind.tries for kind in kinds):
            self._violated(at, "I14", f"{number} was rung {self.calls_of[number] + 1} times")

    def _own_address(self, at: float, number: str, address: str) -> None:
        """What a callback says is about one call: its address carries the attempt's own token."""
        if address in self.seen_addresses:
            self._violated(at, "I1", f"the call to {number} has the callback address of another call")
        self.seen_addresses.add(address)

    def _gap(self, at: float, number: str, campaign: str) -> None:
        """I15: nobody is rung again before the campaign's delay is over, from the end of the call before."""
        before, gap = self._ended_at.get((number, campaign)), self.rules.kind_of(number, campaign).gap
        if before is not None and at - before < gap - GAP_MISREAD:
            self._violated(at, "I15", f"{number} was rung again after {at - before:.2f} s, {gap:g} s are set")

    def _slots(self, at: float, campaign: str) -> None:
        """I8: open calls within the slots of the account and of the campaign."""
        limits, of = self.rules.limits, self.open_of[campaign]
        self.most_open = max(self.most_open, len(self.open))
        if len(self.open) > limits.slots:
            self._too_many(at, len(self.open) - limits.slots, f"{len(self.open)} calls, {limits.slots} slots are set")
        if campaign and of > (most := self.rules.slots_at(campaign, at - self._grace(at))):
            self._too_many(at, of - most, f"{of} calls of {campaign}, {most} slots are set", campaign)

    def _too_many(self, at: float, over: int, what: str, campaign: str = "") -> None:
        """A violation, unless so many talks were over on our side: the end of a stream is the call's end and frees the
        slot, and the carrier hears of it a moment later, or when it listens again."""
        talks = {sid for sid, (_, of) in self.open.items() if of in self.rules.talks and campaign in ("", of)}
        crowded = Crowded(at, over, what, frozenset(talks))
        self._crowded.append(crowded)
        self._later.append((at, lambda: self._judge_crowded(crowded)))

    def _judge_crowded(self, crowded: Crowded) -> None:
        self._crowded.remove(crowded)
        if crowded.over > 0:
            self._violated(crowded.at, "I8", f"open at once: {crowded.what}")

    def _lag_after(self, at: float) -> float:
        return self.rules.lag(at, at + ENDS_WITHIN)

    def _pace(self, at: float) -> None:
        """I6, I7: no sliding second or minute above the limit and one."""
        while at - self.accepted[self._second] >= 1.0:
            self._second += 1
        while at - self.accepted[self._minute] >= 60.0:
            self._minute += 1
        limits, second = self.rules.limits, len(self.accepted) - self._second
        minute = len(self.accepted) - self._minute
        self.most_in_second, self.most_in_minute = max(self.most_in_second, second), max(self.most_in_minute, minute)
        if second > limits.per_second + 1:
            self._later.append((at, lambda: self._judge_second(at, second)))
        if minute > limits.per_minute + 1:
            self._violated(at, "I7", f"{minute} calls in a minute, {limits.per_minute:g} are set")

    def _request(self, at: float) -> None:
        """I7: whatever is asked of the carrier counts against the account's minute, not only calls."""
        self._requests.append(at)
        while at - self._requests[0] >= 60.0:
            self._requests.popleft()
        self.most_requests = max(self.most_requests, len(self._requests))
        if len(self._requests) > self.rules.limits.requests + 1:
            self._later.append((at, partial(self._judge_minute, at, len(self._requests))))

    def _judge_minute(self, at: float, requests: int) -> None:
        limit = self.rules.limits.requests
        if requests > limit * (1.0 + self.rules.lag(at - 60.0, at) / 60.0) + 1:
            self._violated(at, "I7", f"{requests} requests in a minute, {limit:g} are allowed")

    def _judge_second(self, at: float, calls: int) -> None:
        """More than the pace and one: what had left in time and waited for a late simulator came in with the rest."""
        limit, lag = self.rules.limits.per_second, self.rules.lag(at - 1.0 - CATCHES_UP, at)
        if calls <= limit * (1.0 + lag + self.rules.limits.starved) + 1:
            self.seconds_above.append((calls, lag))
        else:
            self._violated(
                at, "I6", f"{calls} calls in a second, {limit:g} are set, the simulator was {lag:.2f} s late"
            )

    def _grace(self, at: float) -> float:
        """How long before `at` an operator's act was, at least, if it should have been heeded."""
        return GRACE + self.rules.lag(at - GRACE, at)

    def _allowed(self, at: float, number: str, campaign: str) -> None:
        """I9, I10, I11 and 429: not outside hours, not after do-not-call or a pause, not while told to wait."""
        grace = self._grace(at)
        if self.rules.kind_of(number, campaign).closed:
            self._violated(at, "I9", f"{number} was rung outside the calling hours of its campaign")
        since = self.rules.suppressed.get(number)
        if since is not None and at > since + grace:
            self._violated(at, "I10", f"{number} was rung {at - since:.2f} s after it was on the do-not-call list")
        for since, until in self._too_fast_until:
            if since + grace < at < until - 0.1:
                self._violated(at, "429", f"a call {at - since:.2f} s after 429 with Retry-After: 5")
        since = self.rules.paused_at(campaign, at)
        if since is not None and at > since + grace:
            self._violated(at, "I11", f"{number} of {campaign} was rung {at - since:.2f} s after the pause")


def campaign_of(mark: str | None) -> str:
    """The campaign's id in a CustomField (key.campaign-attempt.signature), '' if it is none of ours."""
    parts = (mark or "").split(".")
    return parts[1].split("-")[0] if len(parts) == 3 else ""


class Reading:
    """Follows the ledger file as it grows. A line that is not whole yet waits; one torn by a crash is left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0

    def fresh(self) -> Iterator[Entry]:
        """Entries that came since the last look."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._place)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._place += len(line)
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    continue
