"""The ledger: one JSON object a line, append-only, flushed per line; what happened and nothing else.

The simulator goes on from it after a restart, and the tests judge the product by it. The entries are
described in docs/simulator.md. A flushed line survives `kill -9`; only a power cut could lose the last ones.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

Entry = dict[str, Any]

# Where the entries of a call are kept, one event after the other.
LISTS = {
    "stream": "streams",
    "dtmf": "dtmf",
    "callback": "callbacks",
    "applet": "applets",
    "leg": "legs",
    "passthru": "asked",
    "dynamic-url": "asked",
}


class LedgerFile:
    """Appends entries to a file. A line torn by a crash is closed first, so that the next stays whole."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torn = path.exists() and path.stat().st_size > 0 and not path.read_bytes().endswith(b"\n")
        self._file: IO[str] = path.open("a", encoding="utf-8")
        if torn:
            self._file.write("\n")

    def write(self, entry: Entry) -> None:
        """Append one entry and hand it to the kernel."""
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def entries(path: Path) -> Iterator[Entry]:
    """The entries of a ledger file in order; none if there is no file. A torn line is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue


@dataclass
class CallRecord:
    """One accepted call with everything that the ledger says of it. Times are epoch seconds."""

    accepted: Entry
    answered: Entry | None = None
    ended: Entry | None = None
    streams: list[Entry] = field(default_factory=list)
    dtmf: list[Entry] = field(default_factory=list)
    callbacks: list[Entry] = field(default_factory=list)
    applets: list[Entry] = field(default_factory=list)
    legs: list[Entry] = field(default_factory=list)
    asked: list[Entry] = field(default_factory=list)  # passthru and dynamic-url, in order

    @property
    def passthrus(self) -> list[Entry]:
        """The requests of its Passthru applets."""
        return [entry for entry in self.asked if entry["event"] == "passthru"]

    @property
    def sid(self) -> str:
        return str(self.accepted["sid"])

    @property
    def number(self) -> str:
        """The dialled number, 0-national."""
        return str(self.accepted["from"])

    @property
    def custom_field(self) -> str | None:
        value = self.accepted["custom_field"]
        return None if value is None else str(value)

    @property
    def status(self) -> str:
        return "in-progress" if self.ended is None else str(self.ended["status"])

    @property
    def began_at(self) -> float:
        return float(self.accepted["received_at"])

    @property
    def ended_at(self) -> float:
        """Infinity while the call goes on."""
        return float("inf") if self.ended is None else float(self.ended["at"])


@dataclass
class Ledger:
    """A ledger file, read once."""

    entries: list[Entry]
    calls: dict[str, CallRecord]

    def by_number(self, number: str) -> list[CallRecord]:
        """Calls to a number in any Indian spelling: the last ten digits decide."""
        return [call for call in self.calls.values() if call.number[-10:] == number[-10:]]

    def of(self, event: str) -> list[Entry]:
        """All entries of one kind: request, accepted, refused, ended ..."""
        return [entry for entry in self.entries if entry["event"] == event]

    def doubles(self) -> dict[str, list[CallRecord]]:
        """Numbers that were dialled more than once, with their calls."""
        return _several((call.number, call) for call in self.calls.values())

    def doubled_custom_fields(self) -> dict[str, list[CallRecord]]:
        """CustomFields that came with more than one call: attempts that were posted twice."""
        marked = ((call.custom_field, call) for call in self.calls.values())
        return _several((mark, call) for mark, call in marked if mark is not None)

    def overlaps(self) -> list[tuple[CallRecord, CallRecord]]:
        """Pairs of calls to one number that were open at the same time."""
        pairs = []
        for calls in self.doubles().values():
            ordered = sorted(calls, key=lambda call: call.began_at)
            pairs += [
                (first, second)
                for place, first in enumerate(ordered)
                for second in ordered[place + 1 :]
                if second.began_at < first.ended_at
            ]
        return pairs

    def most_accepted_in(self, seconds: float = 1.0) -> int:
        """The most calls accepted in any sliding window of that many wall seconds."""
        times = sorted(call.began_at for call in self.calls.values())
        most = first = 0
        for last, time in enumerate(times):
            while time - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

    def most_open(self) -> int:
        """The most calls that were open at one moment."""
        changes = [(call.began_at, 1) for call in self.calls.values()]
        changes += [(call.ended_at, -1) for call in self.calls.values()]
        most = now = 0
        for _, change in sorted(changes):
            now += change
            most = max(most, now)
        return most


def read(path: Path | str) -> Ledger:
    """The ledger in a file; empty if there is none yet."""
    return collect(entries(Path(path)))


def collect(found: Iterable[Entry]) -> Ledger:
    """The ledger made of entries."""
    ledger = Ledger(list(found), {})
    for entry in ledger.entries:
        if entry["event"] == "accepted":
            ledger.calls[entry["sid"]] = CallRecord(entry)
        elif entry.get("sid") in ledger.calls:
            _note(ledger.calls[entry["sid"]], entry)
    return ledger


def _note(call: CallRecord, entry: Entry) -> None:
    if entry["event"] == "answered":
        call.answered = entry
    elif entry["event"] == "ended":
        call.ended = entry
    elif entry["event"] in LISTS:
        getattr(call, LISTS[entry["event"]]).append(entry)


def _several(pairs: Iterable[tuple[str, CallRecord]]) -> dict[str, list[CallRecord]]:
    groups: dict[str, list[CallRecord]] = defaultdict(list)
    for key, call in pairs:
        groups[key].append(call)
    return {key: calls for key, calls in groups.items() if len(calls) > 1}
