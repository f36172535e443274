"""The simulator's options: command line first, then `SIMULATOR_<NAME>` in the environment, then the default."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """What one pretend Exotel is like. Times are carrier seconds; `speed` divides them all."""

    host: str = "127.0.0.1"
    port: int = 8001
    ledger: Path = Path(".state/simulator.jsonl")
    speed: float = 1.0
    seed: int = 1
    account_sid: str = "simulated"
    api_key: str = "simulator"
    api_token: str = "simulator"  # noqa: S105 - the pretend account's documented default
    exophones: tuple[str, ...] = ("08047491899", "08047491900")
    dialect: str = "wire"
    frame_ms: int = 20
    calls_per_minute: int = 200
    channels: int = 100
    latency: float = 0.3
    callbacks: str = "asked"
    hide_ongoing: bool = False
    public_url: str = ""

    @property
    def base_url(self) -> str:
        """Where recordings are fetched from, without a slash at the end."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        return self.public_url.rstrip("/") or f"http://{host}:{self.port}"


HELP = {
    "ledger": "append-only JSONL file, read again at start",
    "speed": "divides every carrier time (ringing, talking, latency, retries, the rate window)",
    "exophones": "the account's caller IDs, separated by commas",
    "dialect": "wire: as captured; seed: the lower-case spelling of the vendor's guide as well",
    "frame_ms": "audio per media frame at speed 1: 20 as captured, 100 as the guide says",
    "calls_per_minute": "API requests admitted in a sliding minute; above it 429",
    "channels": "calls at once; above it a call fails immediately",
    "latency": "seconds before a POST is answered",
    "callbacks": "asked: bodies and events as asked; minimal: only the three fields of the capture; "
    "urlencoded: as asked, but application/x-www-form-urlencoded",
    "public_url": "address under which the product reaches this simulator (recordings); default host and port",
    "hide_ongoing": "leave calls that have not ended out of lists and details",
}
CHOICES = {"dialect": ("wire", "seed"), "callbacks": ("asked", "minimal", "urlencoded"), "frame_ms": (20, 100)}


def read_options(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Options from a command line and an environment. A bad value exits with status 2 and its name."""
    parser = argparse.ArgumentParser(prog="python -m dialer.simulator", description="The pretend Exotel.")
    for field in fields(Options):
        given = environment.get(f"SIMULATOR_{field.name.upper()}")
        default = field.default if given is None else given
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=_reader(field.name, field.default),
            default=default,
            choices=CHOICES.get(field.name),
            nargs="?" if isinstance(field.default, bool) else None,
            const=True if isinstance(field.default, bool) else None,
            help=HELP.get(field.name),
        )
    options = Options(**vars(parser.parse_args(arguments)))
    if options.speed <= 0:
        parser.error("argument --speed: must be above 0")
    return options


def _reader(name: str, default: object) -> Callable[[str], object]:
    if name == "exophones":
        return _numbers
    return _bool if isinstance(default, bool) else Path if isinstance(default, Path) else _plain(default)


def _plain(default: object) -> Callable[[str], object]:
    kinds: dict[type, Callable[[str], object]] = {int: int, float: float, str: str}
    return kinds[type(default)]


def _bool(text: str) -> bool:
    if text.lower() not in {"0", "1", "true", "false", "yes", "no"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not a yes or no")
    return text.lower() in {"1", "true", "yes"}


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
