"""Who is called in a run: campaigns of different kinds, and numbers whose fates the simulator knows."""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

FLOW_URL = "http://my.exotel.com/simulated/exoml/start_voice/1"  # a greeting, the end: the cheapest call there is

# Of 1,000 people: answers that are spoiled with or without a call behind them, callbacks that are lost, doubled, turned
# round or late, refusals. Everybody else draws: 70 % answer, the others are busy, do not answer, fail, hang up.
SPOILED = {"40": 8, "41": 8, "43": 8, "44": 2, "47": 6}
WITHOUT_CALL = {"42": 4, "46": 3, "63": 2}  # unknown, and only absence from the list settles it: then never again
ODD = {"30": 10, "31": 20, "32": 20, "33": 20, "34": 10, "13": 10, "14": 3}
DROPPED = {"50": 30, "51": 5, "52": 20, "53": 20}  # of streams; for the bot's campaign
NUMBERS_OF_A_FATE = 1_000
TOO_FAST = "45"  # 429 with five seconds of silence for the whole account
MOST_TOO_FAST = 4


@dataclass(frozen=True)
class Kind:
    """One campaign of the run. `share` of the people; `tries` that one person may get; `words` for create_campaign."""

    name: str
    share: float
    words: tuple[str, ...]
    tries: int = 1
    gap: float = 0.0  # seconds, at least, between two tries
    policy: str = "ask"  # after proof that an unknown call was never made
    fates: Mapping[str, int] = field(default_factory=lambda: ODD)
    closed: bool = False  # outside its calling hours throughout: nobody may ring
    talks: bool = False  # a bot's: the stream's end is the call's end


PLAIN = ("--mode", "flow", "--flow-url", FLOW_URL)
AGAIN = ("--max-attempts", "2", "--retry-minutes", "0.1")  # who was busy, not there or not reached is called twice
KINDS = (
    Kind("Plain", 0.55, PLAIN, policy="never", fates=ODD | SPOILED | WITHOUT_CALL),
    Kind("Again", 0.3, (*PLAIN, *AGAIN), tries=2, gap=6.0, policy="redial", fates=ODD | SPOILED),
    Kind("Bot", 0.1, ("--mode", "bot", "--bot", "echo"), fates=ODD | DROPPED, talks=True),
    Kind("Shared", 0.05, PLAIN),
    Kind("Closed", 0.0, PLAIN, closed=True),
)
CLOSED_PEOPLE = 5


@dataclass
class Crowd:
    """The people of each campaign, ten digits each, in the order of its file."""

    people: dict[str, list[str]]

    def campaigns_of(self) -> dict[str, list[Kind]]:
        """Of each number the kinds of campaign it is in."""
        found: dict[str, list[Kind]] = {}
        for kind in KINDS:
            for number in self.people[kind.name]:
                found.setdefault(number, []).append(kind)
        return found


def gather(calls: int, seed: int, *, spoiled: bool = True) -> Crowd:
    """About `calls` people; half of Shared are in Plain too. Without `spoiled` nobody is fated to need proof."""
    chance = random.Random(f"crowd:{seed}")
    ordinary = _ordinary()
    fated = {fate: _fated(fate) for fate in (*SPOILED, *WITHOUT_CALL, *ODD, *DROPPED, TOO_FAST)}
    crowd = Crowd({})
    for kind in KINDS:
        count = CLOSED_PEOPLE if kind.closed else round(calls * kind.share)
        drawn = [_draw(kind, chance, spoiled=spoiled) for _ in range(count)]
        crowd.people[kind.name] = [next(fated[fate]) if fate else next(ordinary) for fate in drawn]
    _too_fast(crowd.people["Plain"], fated[TOO_FAST], chance)
    shared = crowd.people["Shared"]
    common = [number for number in crowd.people["Plain"] if number.startswith("98")][: len(shared) // 2]
    crowd.people["Shared"] = common + shared[len(common) :]
    return crowd


def _draw(kind: Kind, chance: random.Random, *, spoiled: bool) -> str:
    """A fate, '' for an ordinary number."""
    left = chance.randrange(1_000)
    for fate, share in kind.fates.items():
        if left < share:
            return fate if spoiled or fate not in WITHOUT_CALL else ""
        left -= share
    return ""


def _too_fast(people: list[str], numbers: Iterator[str], chance: random.Random) -> None:
    for _ in range(min(MOST_TOO_FAST, len(people) // 100)):
        people[chance.randrange(len(people) // 4, len(people))] = next(numbers)


def _ordinary() -> Iterator[str]:
    return (f"98{number:08d}" for number in itertools.count(10_000_000))


def _fated(fate: str) -> Iterator[str]:
    """The numbers of a fate; ordinary ones of another series when they are used up."""
    yield from (f"90000{fate}{number:03d}" for number in range(NUMBERS_OF_A_FATE))
    yield from (f"97{fate}{number:06d}" for number in itertools.count(100_000))
