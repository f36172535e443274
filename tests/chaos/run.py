"""One run: a product with campaigns, faults at seeded moments, the judge beside it, and the reckoning at the end."""

import http.client
import logging
import random
import subprocess
import threading
import time
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from dialer import env
from tests.chaos import ending, faults, hygiene, owed
from tests.chaos.asking import Ask, command, operator
from tests.chaos.crowd import KINDS, Crowd, Kind, gather
from tests.chaos.judge import Judge, Limits, Reading, Rules, Violation
from tests.product.people import write_csv
from tests.product.running import Product, wait_until

log = logging.getLogger(__name__)

LOOK = 0.1  # seconds between two looks at everything
ASK_EVERY = 0.1  # seconds between two questions to the simulator about its health
ASK_EVERY_SO_OFTEN = 2.0  # seconds between two questions to the database whether it is over
STUCK_AFTER = 150.0  # seconds in which nothing at all happens
RING, TALK = 10, 30  # ring timeout and TimeLimit: a slot without evidence is free after 50 s
LAG = 10  # the account's reporting lag: absence counts a minute after the intent
NO_PROOF = 3600  # the same for a run that does not wait for it: nobody may be dialled again while it is judged
ACTS_PER = 240  # pauses, do-not-call entries of three people, edits and ends of talks, as many of each, of faults.PER
OTHERS_END = 45.0  # seconds in which what is still open must settle when nothing needs proof


@dataclass(frozen=True)
class Plan:
    """What a run is given. `rate` is calls a second of the account; `proof` waits until unknown calls are settled."""

    calls: int
    seed: int
    rate: float = 20.0
    speed: float = 30.0
    slots: int = 60
    proof: bool = True
    chosen: tuple[faults.Fault, ...] | None = None  # faults; None: drawn from the seed
    patience: float = 3600.0  # seconds, for all of it
    quiet: float = 12.0  # seconds without a call after which the next fault strikes all the same
    starved: float = 0.0  # seconds that the judge forgives a machine on which too much runs: see Limits

    @property
    def struck(self) -> list[faults.Fault]:
        return faults.plan(self.calls, self.seed) if self.chosen is None else list(self.chosen)


@dataclass
class Report:
    """What came of it; `violations` must be empty."""

    plan: dict[str, Any]
    people: int = 0
    accepted: int = 0
    seconds: float = 0.0
    done: dict[str, int] = field(default_factory=dict)
    most_in_second: int = 0
    seconds_above: int = (
        0  # of calls: pace and one, each because the simulator was late by up to `latest_above` seconds
    )
    latest_above: float = 0.0
    most_in_minute: int = 0
    most_requests: int = 0  # of any kind, in a minute
    most_open: int = 0
    longest_lag: float = 0.0
    not_struck: int = 0
    tracebacks: dict[str, int] = field(default_factory=dict)
    violations: list[Violation] = field(default_factory=list)


class Run:
    """`go` does all of it. `say` gets one line for each fault and act, with the time since the start."""

    def __init__(self, plan: Plan, folder: Path, root: Path = env.ROOT, say: Callable[[str], None] = log.info) -> None:
        self.plan, self.folder, self.root, self._say = plan, folder, root, say
        self.points = folder / "failpoints"
        self.points.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
        self.crowd: Crowd = gather(plan.calls, plan.seed, spoiled=plan.proof)
        talks = frozenset(kind.name for kind in KINDS if kind.talks)
        self.rules = Rules(_limits(plan), self.crowd.campaigns_of(), talks=talks)
        self.judge = Judge(self.rules)
        self.ids: dict[str, int] = {}
        self.done: Counter[str] = Counter()
        self.watch = hygiene.Watch()
        self.over = threading.Event()
        self.asked_off: set[str] = set()
        self.struck: list[float] = []  # when faults struck, by the wall clock
        self.leaked: set[tuple[str, str]] = set()

    def say(self, what: str) -> None:
        self._say(f"{time.monotonic() - self.began:7.1f} s  {len(self.judge.accepted):6} calls  {what}")

    def go(self) -> Report:
        with self._product() as product, operator(product) as ask:
            self._set_up(product, ask)
            watching = [
                threading.Thread(target=self._ask_the_simulator, args=[product]),
                threading.Thread(target=self._operate, args=[ask]),
            ]
            for thread in watching:
                thread.start()
            try:
                not_struck = self._strike_and_watch(product)
            finally:
                self.over.set()
                for thread in watching:
                    thread.join(120)
            command(ask, "campaign_status", str(self.ids["Plain"]))  # the operator is alive: its acts were done
            return self._reckon(product, not_struck)

    @contextmanager
    def _product(self) -> Iterator[Product]:
        product = Product(self.folder, self._environment(), self.root)
        try:
            product.wait_until_up()
            yield product
        finally:
            product.kill()

    def _environment(self) -> dict[str, str]:
        plan = self.plan
        return {
            "SIMULATOR_SPEED": f"{plan.speed:g}",
            "SIMULATOR_CHANNELS": str(plan.slots + 20),
            "SIMULATOR_FLOW_EVENTS": "asked",
            "SIMULATOR_STALLS": "1",
            "SIMULATOR_SEED": str(plan.seed),
            "EXOTEL_CALLS_PER_MINUTE": str(round(plan.rate * 60 / 0.9)),
            "EXOTEL_MAX_CONCURRENT": str(plan.slots),
            "FAILPOINTS": str(self.points),
        }

    def _set_up(self, product: Product, ask: Ask) -> None:
        """Lists, campaigns, and an account whose far side is quick to know what it never heard of; then launch."""
        lag = LAG if self.plan.proof else NO_PROOF
        product.query("UPDATE campaigns_exotelaccount SET reporting_lag = %s RETURNING id", lag)
        for kind in KINDS:
            csv = self.folder / f"{kind.name}.csv"
            write_csv(csv, self.crowd.people[kind.name])
            command(ask, "import_contacts", str(csv), "--list", kind.name)
            self.ids[kind.name] = command(ask, "create_campaign", *self._words(kind))["id"]
            self.rules.campaigns[str(self.ids[kind.name])] = kind.name
        for kind in KINDS:
            command(ask, "launch_campaign", str(self.ids[kind.name]))
        self.say(f"{self.plan.calls} people, seed {self.plan.seed}, {len(self.plan.struck)} faults: launched")

    def _words(self, kind: Kind) -> list[str]:
        slots = self.rules.limits.slots_of[kind.name]
        window = _closed_hours() if kind.closed else "00:00-24:00"
        return [
            "--name", kind.name, "--list", kind.name, "--unknown-policy", kind.policy, "--max-concurrent", str(slots),
            "--ring-timeout", str(RING), "--time-limit", str(TALK), "--window", window, *kind.words,
        ]  # fmt: skip

    # ------------------------------------------------------------------------------------------------ while it runs
    def _strike_and_watch(self, product: Product) -> int:
        """Faults at their moments until all calls are made and settled; how many faults came too late."""
        hand = faults.Hand(product, self.points, self.say, struck=self.struck)
        left, reading = self.plan.struck, Reading(product.state_dir / "simulator-ledger.jsonl")
        known, told, waiting = 0, [""], [""]
        moved = looked = quiet = time.monotonic()
        while True:
            now, before = time.monotonic(), len(self.judge.accepted)
            for entry in reading.fresh():
                self.judge.hear(entry)
                moved = now
            known = self._tell_violations(known)
            hand.tend()
            quiet = quiet if len(self.judge.accepted) == before else now
            while left and (self._is_due(left[0]) or now - quiet > self.plan.quiet):
                hand.strike(left.pop(0))
                quiet = now
            if now - looked > ASK_EVERY_SO_OFTEN:
                looked, waiting = now, self._waiting(product)
                if not left and waiting != told:
                    self.say(f"waits: {'; '.join(waiting) or 'for nothing more'}")
                    told = waiting
                if not waiting or now - moved > STUCK_AFTER or now - self.began > self.plan.patience:
                    break
            time.sleep(LOOK)
        self.judge.finish()
        hand.release()
        self.done.update(hand.done)
        for what in waiting:
            self._violated("liveness", f"nothing has happened for {now - moved:.0f} s: {what}")
        return len(left)

    def _is_due(self, fault: faults.Fault) -> bool:
        return len(self.judge.accepted) >= fault.at * self.plan.calls

    def _tell_violations(self, known: int) -> int:
        for violation in self.judge.violations[known:]:
            self.say(f"VIOLATION {violation.rule}: {violation.what}")
        return len(self.judge.violations)

    def _waiting(self, product: Product) -> list[str]:
        """What the run waits for; a campaign that Dialer itself has paused is resumed, as an operator would.

        That it paused is wrong: none of the crowd's campaigns is a bad list, and no request of theirs is invalid.
        """
        try:
            for campaign, reason in product.query(
                "SELECT id, paused_reason FROM campaigns_campaign WHERE status = 'paused' AND paused_by = 'Dialer'"
            ):
                self._violated("liveness", f"Dialer paused campaign {campaign}: {reason}")
                product.run("resume_campaign", str(campaign))
            self.watch.look(product)
            self.leaked.update(ending.leaked(product, self.judge.over_since, max(self.struck, default=0.0)))
            return ending.unfinished(product, proof=self.plan.proof)
        except (psycopg.Error, OSError, subprocess.TimeoutExpired) as away:
            return [f"the database does not answer: {away}"]

    def _violated(self, rule: str, what: str) -> None:
        self.judge.violations.append(Violation(time.time(), rule, what))
        self.say(f"VIOLATION {rule}: {what}")

    def _ask_the_simulator(self, product: Product) -> None:
        """How late the far side is, again and again: what bunches up behind a frozen one is not our pace.

        Counted from when a question was due: on a machine that has no core for this thread the simulator has none
        either, and nobody saw how late it was.
        """
        where = urlsplit(product.runtime()["EXOTEL_API_URL"])
        due = time.time() + ASK_EVERY
        while not self.over.wait(ASK_EVERY):
            connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
            with suppress(OSError, http.client.HTTPException):
                connection.request("GET", "/_simulator/health")
                connection.getresponse().read()
            connection.close()
            answered = time.time()
            with self.rules.lock:
                insort(self.rules.lags, (due, max(answered - due, 0.0)))
            due = answered + ASK_EVERY

    def _operate(self, ask: Ask) -> None:
        """What operators do, at seeded moments, by a process of its own."""
        chance = random.Random(f"acts:{self.plan.seed}")
        acts = (self._pause, self._suppress, self._adjust, self._hang_up)
        number = max(len(acts), round(ACTS_PER * self.plan.calls / faults.PER))
        moments = sorted((chance.uniform(0.05, 0.95), place % len(acts)) for place in range(number))
        for at, act in moments:
            while len(self.judge.accepted) < at * self.plan.calls:
                if self.over.wait(LOOK):
                    return
            acts[act](ask, chance)

    def _suppress(self, ask: Ask, chance: random.Random) -> None:
        people = self.crowd.people[chance.choice(("Plain", "Again"))]
        chosen = chance.sample(people[len(people) // 2 :], 3)
        self.asked_off.update(chosen)  # whatever is answered: a commit may be one that nobody heard of
        answer = ask({"do": "suppress", "phones": [f"+91{number}" for number in chosen]})
        if "at" in answer:
            for number in chosen:
                self.rules.suppressed.setdefault(number, answer["at"])
            self.done["suppressions"] += len(chosen)

    def _pause(self, ask: Ask, chance: random.Random) -> None:
        name, seconds = chance.choice(("Plain", "Plain", "Again", "Bot")), chance.uniform(1.5, 4.0)
        answer = ask({"do": "pause", "campaign": self.ids[name]})
        if "at" not in answer:
            return
        with self.rules.lock:
            self.rules.paused[name].append([answer["at"], float("inf")])
        self.over.wait(seconds)
        with self.rules.lock:
            self.rules.paused[name][-1][1] = time.time()
        ask({"do": "resume", "campaign": self.ids[name]})
        self.done["pauses"] += 1

    def _adjust(self, ask: Ask, chance: random.Random) -> None:
        """Another pace, share, end or number of slots while it runs; fewer slots are the judge's limit from then on."""
        name = chance.choice(("Plain", "Again", "Bot"))
        most = self.rules.limits.slots_of[name]
        wanted = {
            "calls_per_second": f"{chance.uniform(0.4, 1.5) * self.plan.rate:.2f}",
            "weight": chance.randint(1, 5),
            "max_concurrent": chance.randint(max(1, most // 3), most),
            "ends_at": (datetime.now(UTC) + timedelta(hours=chance.randint(24, 72))).isoformat(),
        }
        chosen = {what: wanted[what] for what in chance.sample(sorted(wanted), 2)}
        slots = chosen.get("max_concurrent")
        if slots is not None:
            with self.rules.lock:
                self.rules.slots_since.pop(name, None)
        answer = ask({"do": "adjust", "campaign": self.ids[name], "wanted": chosen})
        if "at" not in answer:
            return
        if isinstance(slots, int):
            with self.rules.lock:
                self.rules.slots_since[name] = (answer["at"], slots)
        self.done["edits"] += 1

    def _hang_up(self, ask: Ask, _chance: random.Random) -> None:
        if "at" in ask({"do": "hang up", "campaign": self.ids["Bot"]}):
            self.done["hang-ups"] += 1

    # ------------------------------------------------------------------------------------------------ the reckoning
    def _reckon(self, product: Product, not_struck: int) -> Report:
        wait_until(lambda: product.run("campaign_status", "1").returncode == 0, 60, "an answer")
        if not self.plan.proof:
            self._let_settle(product)
        for rule, what in self._wrongs(product):
            self._violated(rule, what)
        judge = self.judge
        return Report(
            plan={name: value for name, value in asdict(self.plan).items() if name != "chosen"},
            people=sum(len(set(people)) for people in self.crowd.people.values()),
            accepted=len(judge.accepted),
            seconds=round(time.monotonic() - self.began, 1),
            done=dict(sorted(self.done.items())),
            most_in_second=judge.most_in_second,
            seconds_above=len(judge.seconds_above),
            latest_above=round(max((lag for _, lag in judge.seconds_above), default=0.0), 2),
            most_in_minute=judge.most_in_minute,
            most_requests=judge.most_requests,
            most_open=judge.most_open,
            longest_lag=round(max((lag for _, lag in self.rules.lags), default=0.0), 2),
            not_struck=not_struck,
            tracebacks=_tracebacks(product),
            violations=judge.violations,
        )

    def _wrongs(self, product: Product) -> Iterator[tuple[str, str]]:
        """(invariant, what is wrong) by everything that looks at the end."""
        ledger, texts = product.ledger(), hygiene.logs(product)
        yield from ending.wrongs(product, self.crowd, proof=self.plan.proof)
        known = owed.Known(self.asked_off, self.struck)
        facts = owed.gather(product, ledger, self.rules.campaigns)
        yield from owed.wrongs(facts, self.crowd, known, proof=self.plan.proof)
        yield from ending.pace(product, self.plan.rate)
        yield from self.watch.wrongs()
        yield from self.leaked
        yield from hygiene.told(texts, self.rules.campaigns_of.keys(), hygiene.secrets_of(product, ledger))
        yield from hygiene.errors(texts)

    def _let_settle(self, product: Product) -> None:
        """Calls of unknown fate that were made are found within moments; those that were not may stay unknown."""
        until = time.monotonic() + OTHERS_END
        while time.monotonic() < until and any(
            rule == "I16" for rule, _ in ending.wrongs(product, self.crowd, proof=False)
        ):
            time.sleep(1.0)


def _limits(plan: Plan) -> Limits:
    """Campaigns may use more together than the account has, so that both limits bind at times."""
    of = {kind.name: max(2, round(plan.slots * min(1.0, kind.share * 1.5))) for kind in KINDS}
    return Limits(plan.rate, plan.rate * 60, round(plan.rate * 60 / 0.9), plan.slots, of, plan.starved)


def _closed_hours() -> str:
    """An hour of the campaign's zone that is half a day away."""
    far = datetime.now(UTC) + timedelta(hours=5.5) + timedelta(hours=12)
    return f"{far:%H}:00-{far + timedelta(hours=1):%H}:00"


def _tracebacks(product: Product) -> dict[str, int]:
    """How many tracebacks each log holds: broken connections leave some, bugs as well."""
    logs = sorted((product.state_dir / "logs").glob("*.log"))
    counts = {one.name: one.read_text(encoding="utf-8", errors="replace").count("Traceback (most") for one in logs}
    return {name: count for name, count in counts.items() if count}
