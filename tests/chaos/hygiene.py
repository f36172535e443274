"""What a run must not leave behind besides: orphans, deadlocks, errors of our own, numbers and secrets in the logs.

I17 is looked at while the run goes on, the rest at its end. A crash of PostgreSQL forgets its counters, so deadlocks
are counted from look to look.
"""

import re
import time
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from dialer.simulator.ledger import Ledger
from tests.product.running import Product

SWEPT_WITHIN = 60.0  # seconds in which a dead loop's intents must have been found
FAR_SIDE = frozenset({"simulator.log"})  # not ours

ORPHANS = """
    SELECT id FROM campaigns_callattempt AS attempt WHERE state = 'dialing' AND NOT EXISTS (
        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = attempt.owner AND mode = 'ExclusiveLock'
        AND granted)"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"

# What a connection that breaks, or a server that is away or starting, makes of a statement or a command under way.
BROKEN_CONNECTION = re.compile(
    r"(?:psycopg(?:\.errors)?|django\.db\.utils|redis\.exceptions|kombu\.exceptions|amqp\.exceptions)\."
    r"(?:OperationalError|InterfaceError|AdminShutdown|CrashShutdown|CannotConnectNow|ConnectionError|TimeoutError"
    r"|BusyLoadingError|ConnectionTimeout)\b|(?:ConnectionResetError|ConnectionRefusedError|BrokenPipeError)\b"
    # kombu's Redis channel, asked to acknowledge a task when its connection was closed under it (Channel._connparams)
    r"|AttributeError: 'NoneType' object has no attribute 'hostname'"
    # beat wraps whatever kept it from sending a tick in a type of its own; the next tick is sent a second later
    r"|celery\.beat\.SchedulingError: Couldn't apply scheduled task \w+:"
    r" (?:Redis is loading|Error \d+ connecting to|Error \d+ while (?:reading|writing)|Connection closed by server)"
)
NOT_FORGIVEN = ("deadlock detected", "lock timeout", "statement timeout")
TORN = re.compile(r"\d{4}-\d{2}-\d{2} ")  # the process died while it wrote: the next line of the log follows


@dataclass
class Watch:
    """Looks at the database now and then; `wrongs` at the end."""

    deadlocks: int = 0
    _seen: int = 0
    _orphans: dict[int, float] = field(default_factory=dict)  # since when
    _late: dict[int, float] = field(default_factory=dict)

    def look(self, product: Product) -> None:
        """Raises psycopg.Error while the database is away."""
        now = time.monotonic()
        found = {pk for (pk,) in product.query(ORPHANS)}
        self._orphans = {pk: self._orphans.get(pk, now) for pk in found}
        self._late |= {pk: now - since for pk, since in self._orphans.items() if now - since > SWEPT_WITHIN}
        ((counted,),) = product.query(DEADLOCKS)
        self.deadlocks += max(counted - self._seen, 0)
        self._seen = counted

    def wrongs(self) -> Iterator[tuple[str, str]]:
        for pk, seconds in self._late.items():
            yield "I17", f"attempt {pk} of a dead loop was still dialling after {seconds:.0f} s"
        if self.deadlocks:
            yield "I25", f"PostgreSQL has seen {self.deadlocks} deadlocks"


def logs(product: Product) -> dict[str, str]:
    """Our own, by name."""
    files = sorted((product.state_dir / "logs").glob("*.log"))
    return {one.name: _text(one) for one in files if one.name not in FAR_SIDE}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def told(texts: dict[str, str], numbers: Collection[str], secrets: Collection[str]) -> Iterator[tuple[str, str]]:
    """I24: numbers of people (ten digits) and secrets that a log has whole; each log is named once a kind."""
    for name, text in texts.items():
        if found := {digits[-10:] for digits in re.findall(r"\d{10,13}", text)}.intersection(numbers):
            yield "I24", f"{name} has the numbers of {len(found)} people, {_masked(min(found))} among them"
        if found := set(re.findall(r"[\w-]{16,}", text)).intersection(secrets):
            yield "I24", f"{name} has {len(found)} secrets or tokens, one begins with {min(found)[:4]}"


def _masked(number: str) -> str:
    return f"{number[:2]}…{number[-2:]}"


def secrets_of(product: Product, ledger: Ledger) -> set[str]:
    """The macs of all addresses that the carrier was given, our keys and passwords: words of 16 characters at least."""
    orders = [call.accepted for call in ledger.calls.values()]
    addresses = [order[name] for order in orders for name in ("status_callback", "stream_url") if order[name]]
    words = [word for address in addresses for word in re.findall(r"[\w-]+", urlsplit(address).path)[-1:]]
    for name, value in product.runtime().items():
        if isinstance(value, str) and re.search("KEY|SECRET|TOKEN|PASSWORD|_URL", name):
            words += [urlsplit(value).password or ""] if "://" in value else re.findall(r"[\w-]+", value)
    return {word for word in words if len(word) >= 16}


def errors(texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    """I25: tracebacks that no broken connection explains, by their last line, each once a log."""
    for name, text in texts.items():
        for last, times in Counter(map(_kind, endings(text))).items():
            if last:
                yield "I25", f"{name}, {times} times: {last[:160]}"


def endings(text: str) -> Iterable[str]:
    """The last line of each chain of tracebacks."""
    for block in re.split(r"^(?=.*Traceback \(most recent call last\):)", text, flags=re.MULTILINE)[1:]:
        lines = block.splitlines()[1:]
        last = next((line for line in lines if line and not line[0].isspace()), "")
        rest = block[block.find(last) + len(last) :] if last else ""
        if "\n\nDuring handling of the above" not in rest and "\n\nThe above exception was" not in rest:
            yield last.strip() or "a traceback of another form"


def _kind(last: str) -> str:
    """'' for what a broken connection leaves."""
    broken = BROKEN_CONNECTION.match(last) and not any(words in last for words in NOT_FORGIVEN)
    return "" if broken or TORN.match(last) else last
