"""Which faults a run gets, when, and how each is done to a running product. Everything is drawn from the seed."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import psycopg
import redis

from tests.product.running import Product

# Of a run of 30,000 calls, in this proportion in any other; at least one of each. The simulator dies seldom: while it
# is away the account is held, for half a minute.
PER = 30_000
KILLS = {"dial": 60, "web": 30, "work": 25, "beat": 12, "redis": 6, "simulator": 5, "postgres": 3}
FREEZES = {"dial": 14, "web": 6, "work": 5, "simulator": 5, "beat": 2}
CRASHES, TERMINATIONS, FLUSHES = 12, 12, 8
# Points of campaigns.failpoints, and what is done there.
KILLED_AT = (
    "intent.written",
    "intent.committed",
    "post.begin",
    "post.answered",
    "settle.written",
    "settle.committed",
    "outcome.ended",
    "webhook.received",
    "webhook.stored",
    "webhook.applied",
    "stream.opened",
    "stream.closed",
    "sweep.written",
)
AT_EACH_POINT = 4
IN_THE_MIDDLE = ("post.begin", "intent.committed")  # killed a moment later as well, while the request is out
STOPPED_AT = ("intent.committed", "post.begin", "post.answered", "settle.written")
FIRES_WITHIN = 15.0  # seconds; a point that nobody reached is disarmed
BACK_WITHIN = 40.0  # seconds in which the supervisor must have started a victim of an earlier fault again


@dataclass(frozen=True, order=True)
class Fault:
    """One fault. `at` is the share of the calls accepted when it strikes, `seconds` how long a freeze lasts."""

    at: float
    act: str  # kill, freeze, crash, terminate, flush, point, point+crash
    victim: str = ""  # a process, or a point
    order: str = ""  # of a point: kill, kill 0.02, stop
    seconds: float = 0.0

    def __str__(self) -> str:
        for_how_long = f" for {self.seconds:.1f} s" if self.seconds else ""
        return " ".join(filter(None, (self.act, self.victim, self.order))) + for_how_long


def plan(calls: int, seed: int) -> list[Fault]:
    """The faults of a run of `calls`, in order."""
    chance = random.Random(f"faults:{seed}")
    share = calls / PER
    faults = [*_plain(share, chance), *_at_points(share, chance)]
    return sorted(faults)


def one_of_each(seed: int) -> list[Fault]:
    """Whoever comes by each point dies there, then every process anyhow; the database crashes, Redis forgets."""
    chance = random.Random(f"faults:{seed}")
    points = [Fault(0, "point", point, "kill") for point in KILLED_AT]
    others = [Fault(0, "kill", victim) for victim in KILLS if victim != "simulator"]
    others += [Fault(0, "crash"), Fault(0, "terminate"), Fault(0, "flush"), Fault(0, "freeze", "dial", seconds=1.5)]
    chance.shuffle(points)
    chance.shuffle(others)
    points.sort(key=lambda fault: not fault.victim.startswith("stream."))  # while there are still talks
    # The simulator between them: the half minute in which the account is held is then full of what needs no calls.
    faults = [*points, Fault(0, "kill", "simulator"), *others]
    return [replace(fault, at=0.05 + 0.75 * place / len(faults)) for place, fault in enumerate(faults)]


def _times(number: float, share: float) -> range:
    return range(max(1, round(number * share)))


def _moment(chance: random.Random) -> float:
    return chance.uniform(0.03, 0.9)


def _plain(share: float, chance: random.Random) -> Iterator[Fault]:
    for victim, number in KILLS.items():
        yield from (Fault(_moment(chance), "kill", victim) for _ in _times(number, share))
    for victim, number in FREEZES.items():
        for _ in _times(number, share):
            yield Fault(_moment(chance), "freeze", victim, seconds=chance.choice((0.3, 0.7, 1.5, 4.0)))
    for act, number in (("crash", CRASHES), ("terminate", TERMINATIONS), ("flush", FLUSHES)):
        yield from (Fault(_moment(chance), act) for _ in _times(number, share))


def _at_points(share: float, chance: random.Random) -> Iterator[Fault]:
    points = [(point, "kill") for point in KILLED_AT] + [
        (point, f"kill {chance.uniform(0.002, 0.03):.3f}") for point in IN_THE_MIDDLE
    ]
    for point, order in points:
        yield from (Fault(_moment(chance), "point", point, order) for _ in _times(AT_EACH_POINT, share))
    for point in STOPPED_AT:
        for _ in _times(AT_EACH_POINT / 2, share):
            yield Fault(_moment(chance), "point", point, "stop", chance.choice((0.8, 2.0, 5.0)))
    for _ in _times(2, share):
        yield Fault(_moment(chance), "point+crash", "post.begin", "stop", chance.choice((3.0, 6.0)))


@dataclass
class Hand:
    """Does faults to one product; `done` counts them by kind. What was frozen goes on by `tend`."""

    product: Product
    points: Path
    say: Callable[[str], None]
    done: Counter[str] = field(default_factory=Counter)
    frozen: list[tuple[float, psutil.Process]] = field(default_factory=list)
    armed: dict[Path, tuple[float, Fault]] = field(default_factory=dict)
    struck: list[float] = field(default_factory=list)  # the wall clock, at each that was done

    def strike(self, fault: Fault) -> None:
        """Do it now, or arm the point; one line says so."""
        match fault.act:
            case "kill":
                self._victim(fault.victim).send_signal(signal.SIGKILL)
                self.done["kill -9"] += 1
                self.done["Redis losses"] += fault.victim == "redis"
            case "freeze":
                self._freeze(self._victim(fault.victim), fault.seconds)
            case "crash":
                self._crash()
            case "terminate":
                self._terminate()
            case "flush":
                self._flush()
            case _:
                self._arm(fault)
                return
        self._note(fault)

    def _note(self, fault: Fault) -> None:
        self.struck.append(time.time())
        self.say(str(fault))

    def tend(self) -> None:
        """Let go on what was frozen long enough, and look at what became of armed points."""
        now = time.monotonic()
        for due, process in [one for one in self.frozen if one[0] <= now]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGCONT)
            self.frozen.remove((due, process))
        for armed, (until, fault) in list(self.armed.items()):
            if not armed.exists():
                del self.armed[armed]
                self._fired(armed, fault)
            elif now > until:
                armed.unlink(missing_ok=True)
                del self.armed[armed]
                self.say(f"{fault}: nobody came by")
                self.done["points not reached"] += 1

    def release(self) -> None:
        """The faults are over: everything goes on, nothing is armed any more."""
        self.frozen = [(0.0, process) for _, process in self.frozen]
        for armed in self.armed:
            armed.unlink(missing_ok=True)
        self.armed.clear()
        self.tend()

    def _victim(self, name: str) -> psutil.Process:
        """The process of that name, alive; waits for its restart if an earlier fault killed it."""
        until = time.monotonic() + BACK_WITHIN
        while time.monotonic() < until:
            with suppress(psutil.NoSuchProcess, OSError, KeyError, ValueError):
                pids = self.product.pids()
                process = psutil.Process(pids[name])
                if process.status() != psutil.STATUS_ZOMBIE and process.ppid() == pids["supervisor"]:
                    return process
            self.tend()
            time.sleep(0.1)
        raise AssertionError(f"{name} did not come back within {BACK_WITHIN:g} s")

    def _freeze(self, process: psutil.Process, seconds: float) -> None:
        process.send_signal(signal.SIGSTOP)
        self.frozen.append((time.monotonic() + seconds, process))
        self.done["freezes"] += 1

    def _crash(self) -> None:
        """What `pg_ctl -m immediate stop` sends: no checkpoint, no farewell. The supervisor starts it again."""
        self._victim("postgres").send_signal(signal.SIGQUIT)
        self.done["PostgreSQL crashes"] += 1

    def _terminate(self) -> None:
        """All sessions of the product break at once, the dial loops' locks with them."""
        self.done["terminations"] += 1
        with suppress(psycopg.Error):  # it may be down from an earlier fault
            self.product.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = %s",
                "dialer",
            )

    def _flush(self) -> None:
        with suppress(redis.RedisError), redis.Redis.from_url(self.product.runtime()["REDIS_URL"]) as client:
            client.flushall()
        self.done["Redis losses"] += 1

    def _arm(self, fault: Fault) -> None:
        armed = self.points / fault.victim
        if armed in self.armed:
            return
        draft = armed.with_suffix(".draft")
        draft.write_text(fault.order, encoding="utf-8")
        draft.rename(armed)
        self.armed[armed] = time.monotonic() + FIRES_WITHIN, fault

    def _fired(self, armed: Path, fault: Fault) -> None:
        self._note(fault)
        self.done["failpoints"] += 1
        if fault.order != "stop":
            self.done["kill -9"] += 1
            return
        self.done["freezes"] += 1
        for claimed in self.points.glob(f"{armed.name}.*.*"):
            with suppress(psutil.NoSuchProcess, ValueError):
                process = psutil.Process(int(claimed.name.split(".")[-2]))
                self.frozen.append((time.monotonic() + fault.seconds, process))
            claimed.unlink(missing_ok=True)
        if fault.act == "point+crash":
            self._crash()
