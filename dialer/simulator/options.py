"""The simulator's options: command line first, then `SIMULATOR_<NAME>` in the environment, then the default."""

import argparse
import re
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
    frame_ms: int = 0
    integers: bool = False
    unusual: bool = False
    calls_per_minute: int = 200
    channels: int = 100
    streams: int = 100
    stream_cap: float = 3600.0
    latency: float = 0.3
    callbacks: str = "asked"
    flow_events: str = "minimal"
    flows: Path | None = None
    flow_var: tuple[str, ...] = ()
    passthru: str = ""
    passthru_method: str = "GET"
    recording_delay: float = 60.0
    presigned: bool = False
    hide_ongoing: bool = False
    public_url: str = ""
    stalls: bool = False

    @property
    def guide(self) -> bool:
        """Are ids, frames and states those of the vendor's guide?"""
        return self.dialect == "seed"

    @property
    def frame(self) -> int:
        """Milliseconds of audio in a media frame at speed 1."""
        return self.frame_ms or (100 if self.guide else 20)

    @property
    def passthru_style(self) -> str:
        return self.passthru or ("flat" if self.guide else "brackets")

    @property
    def variables(self) -> dict[str, str]:
        """The flow variables by name."""
        return dict(pair.partition("=")[::2] for pair in self.flow_var)

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
    "frame_ms": "audio per media frame at speed 1: 20 as captured, 100 as the guide says; 0: as the dialect has it",
    "integers": "numbers in frames as JSON integers instead of strings",
    "unusual": "frames in shapes that no page forbids: parameters packed into JSON, digits, base64 cut into lines",
    "streams": "media streams at once; above it a stream fails with Streaming_call_throttled",
    "stream_cap": "seconds after which a stream is ended",
    "flow_events": "minimal: a flow's only callback is the captured one; asked: events as for other calls",
    "flows": "JSON file of flows; without it the built-in ones",
    "flow_var": "NAME=VALUE for the placeholders in flows; may be given again; several in SIMULATOR_FLOW_VAR by spaces",
    "passthru": "Passthru's spelling of a stream: brackets, json, flat; default as the dialect has it",
    "passthru_method": "GET as captured, POST as one page of the vendor has it",
    "recording_delay": "seconds from a call's end until its recording can be fetched",
    "presigned": "name a PreSignedRecordingUrl in details and lists",
    "calls_per_minute": "API requests admitted in a sliding minute; above it 429",
    "channels": "calls at once; above it a call fails immediately",
    "latency": "seconds before a POST is answered",
    "callbacks": "asked: bodies and events as asked; minimal: only the three fields of the capture; "
    "urlencoded: as asked, but application/x-www-form-urlencoded",
    "public_url": "address under which the product reaches this simulator (recordings); default host and port",
    "stalls": "write down when the simulator itself was late: what came in meanwhile is stamped together",
    "hide_ongoing": "leave calls that have not ended out of lists and details",
}
CHOICES = {
    "dialect": ("wire", "seed"),
    "callbacks": ("asked", "minimal", "urlencoded"),
    "frame_ms": (0, 20, 100),
    "flow_events": ("minimal", "asked"),
    "passthru": ("", "brackets", "json", "flat"),
    "passthru_method": ("GET", "POST"),
}


def read_options(arguments: Sequence[str], environment: Mapping[str, str]) -> Options:
    """Options from a command line and an environment. A bad value exits with status 2 and its name."""
    parser = argparse.ArgumentParser(prog="python -m dialer.simulator", description="The pretend Exotel.")
    for field in fields(Options):
        if field.name == "flow_var":
            continue
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
    parser.add_argument("--flow-var", type=_pair, action="append", default=[], help=HELP["flow_var"])
    given_here = vars(parser.parse_args(arguments))
    try:
        pairs = [_pair(text) for text in environment.get("SIMULATOR_FLOW_VAR", "").split()]
    except argparse.ArgumentTypeError as error:
        parser.error(f"SIMULATOR_FLOW_VAR: {error}")
    options = Options(**given_here | {"flow_var": (*pairs, *given_here["flow_var"])})
    if options.speed <= 0:
        parser.error("argument --speed: must be above 0")
    return options


def _reader(name: str, default: object) -> Callable[[str], object]:
    if name == "exophones":
        return _numbers
    if name == "flows" or isinstance(default, Path):
        return Path
    return _bool if isinstance(default, bool) else _plain(default)


def _plain(default: object) -> Callable[[str], object]:
    kinds: dict[type, Callable[[str], object]] = {int: int, float: float, str: str}
    return kinds[type(default)]


def _bool(text: str) -> bool:
    if text.lower() not in {"0", "1", "true", "false", "yes", "no"}:
        raise argparse.ArgumentTypeError(f"{text!r} is not a yes or no")
    return text.lower() in {"1", "true", "yes"}


def _pair(text: str) -> str:
    if not re.fullmatch(r"\w+=\S*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return text


def _numbers(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
