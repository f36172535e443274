"""Flows: what the operator clicked together in the vendor's App Bazaar, as a JSON file (docs/simulator.md).

The addresses inside may hold placeholders (`{passthru_url}`), filled from the simulator's flow variables when the
applet is entered, as an operator types the product's addresses into the vendor's pages.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any
from urllib.parse import urlencode, urlsplit

from dialer.simulator.streams import MOST_CHARACTERS, MOST_PARAMETERS

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
VENDOR = {"my.exotel.com", "my.exotel.in", "my.in.exotel.com"}
RATES = {8000, 16000, 24000}


class FlowError(ValueError):
    """A flow that cannot be played, in words."""


@dataclass(frozen=True)
class Greeting:
    """Plays something for `seconds`."""

    seconds: float = 4.0
    next: str = ""


@dataclass(frozen=True)
class Gather:
    """Plays a menu for `seconds`, then waits `wait` for up to `digits` keys; `keys` names the applet of each answer."""

    seconds: float = 2.0
    wait: float = 5.0
    digits: int = 1
    keys: Mapping[str, str] | None = None
    otherwise: str = ""
    next: str = ""


@dataclass(frozen=True)
class Voicebot:
    """Audio both ways until one side ends it. `url`: ws, wss, or http(s) that answers {"url": "wss://…"}."""

    url: str
    sample_rate: int = 8000
    custom_parameters: Mapping[str, str] | None = None
    record: bool = False
    next: str = ""


@dataclass(frozen=True)
class Listen:
    """The Stream applet: audio to the far side only; the next applet begins at once. `action`: start or stop."""

    action: str = "start"
    url: str = ""
    sample_rate: int = 8000
    custom_parameters: Mapping[str, str] | None = None
    record: bool = False
    next: str = ""


@dataclass(frozen=True)
class Passthru:
    """A request to the product. Not `asynchronous`: its status picks the way, `otherwise` for anything but 200, 302.

    `style` (brackets, json, flat) and `method` (GET, POST) win over the simulator's options.
    """

    url: str
    asynchronous: bool = False
    on_200: str = ""
    on_302: str = ""
    otherwise: str = ""
    next: str = ""
    style: str = ""
    method: str = ""


@dataclass(frozen=True)
class Connect:
    """A second leg to a human: rings, then talks, or has another `outcome` than answers and takes `otherwise`."""

    number: str = "08047491999"
    rings: float = 4.0
    talks: float = 8.0
    outcome: str = "answers"
    otherwise: str = ""
    next: str = ""


@dataclass(frozen=True)
class Hangup:
    """Ends the call."""

    next: str = ""


Applet = Greeting | Gather | Voicebot | Listen | Passthru | Connect | Hangup
KINDS: dict[str, type[Applet]] = {
    "Greeting": Greeting,
    "Gather": Gather,
    "Voicebot": Voicebot,
    "Stream": Listen,
    "Passthru": Passthru,
    "Connect": Connect,
    "Hangup": Hangup,
}
NAMES = {kind: name for name, kind in KINDS.items()}
WORDS: dict[str, set[Any]] = {
    "action": {"start", "stop"},
    "style": {"", "brackets", "json", "flat"},
    "method": {"", "GET", "POST"},
    "outcome": {"answers", "busy", "no-answer", "failed"},
    "sample_rate": RATES,
}


@dataclass(frozen=True)
class Flow:
    """One flow; the first applet of the file is where it begins."""

    app_id: str
    name: str
    applets: Mapping[str, Applet]

    @property
    def start(self) -> str:
        return next(iter(self.applets))


class Flowbook:
    """The flows of the account, and the variables for their addresses."""

    def __init__(self, flows: Mapping[str, Flow], variables: Mapping[str, str], account: str) -> None:
        self._flows, self._account = flows, account
        self.variables = dict(variables)

    def find(self, url: str) -> Flow | None:
        """The flow of a `Url`; None if it is not one of this account's."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or (parts.hostname or "") not in VENDOR | LOOPBACK:
            return None
        match = re.fullmatch(r"/(?P<account>[^/]+)/exoml/start_voice/(?P<app>\d+)/?", parts.path)
        return self._flows.get(match["app"]) if match and match["account"] == self._account else None

    def fill(self, address: str) -> str:
        """An address with its placeholders filled. FlowError names one that has no value."""

        def value(match: re.Match[str]) -> str:
            if match[1] not in self.variables:
                raise FlowError(f"flow variable {match[1]} is not set")
            return self.variables[match[1]]

        return re.sub(r"\{(\w+)\}", value, address)

    def stream_address(self, applet: Voicebot | Listen) -> str:
        """Where a stream applet goes, with what it adds to the query."""
        rate = {"sample-rate": str(applet.sample_rate)} if applet.sample_rate != 8000 else {}
        return with_query(self.fill(applet.url), rate | dict(applet.custom_parameters or {}))


def with_query(url: str, more: Mapping[str, str]) -> str:
    """The address with more in its query."""
    if not more:
        return url
    return url + ("&" if urlsplit(url).query else "?") + urlencode(more)


def parse(text: str) -> dict[str, Flow]:
    """The flows of a file by app id. FlowError says what is wrong where."""
    try:
        found = json.loads(text)["flows"]
        return {app_id: _flow(app_id, given) for app_id, given in found.items()}
    except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as broken:
        raise FlowError(
            f'flows: expected {{"flows": {{"<app id>": {{"name": …, "applets": {{…}}}}}}}} ({broken})'
        ) from None


def _flow(app_id: str, given: dict[str, Any]) -> Flow:
    if not app_id.isdecimal():
        raise FlowError(f"flow {app_id}: an app id is a number")
    applets = {name: _applet(f"flow {app_id}, applet {name}", one) for name, one in given["applets"].items()}
    if not applets:
        raise FlowError(f"flow {app_id}: no applet")
    for name, applet in applets.items():
        for target in targets(applet):
            if target not in applets:
                raise FlowError(f"flow {app_id}, applet {name}: there is no applet {target}")
    return Flow(app_id, str(given.get("name", "")), applets)


def targets(applet: Applet) -> set[str]:
    """The applets that may come after this one."""
    names = {getattr(applet, name, "") for name in ("next", "on_200", "on_302", "otherwise")}
    keys = applet.keys if isinstance(applet, Gather) else None
    return (names | set((keys or {}).values())) - {""}


def _applet(where: str, given: dict[str, Any]) -> Applet:
    kind = KINDS.get(given.get("applet", ""))
    if kind is None:
        raise FlowError(f"{where}: applet is one of {', '.join(KINDS)}")
    values = {"asynchronous" if name == "async" else name: value for name, value in given.items() if name != "applet"}
    _check(where, kind, values)
    return kind(**values)


def _check(where: str, kind: type[Applet], values: dict[str, Any]) -> None:
    known = {field.name: field.default for field in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise FlowError(f"{where}: {name} is not known")
        if not _fits(known[name], value) or (name in WORDS and value not in WORDS[name]):
            raise FlowError(f"{where}: {name} can not be {value!r}")
    if any(default is MISSING and name not in values for name, default in known.items()):
        raise FlowError(f"{where}: url is missing")
    if kind is Listen and values.get("action") != "stop" and not values.get("url"):
        raise FlowError(f"{where}: url is missing")
    pairs = values.get("custom_parameters") or {}
    if len(pairs) > MOST_PARAMETERS or sum(map(len, [*pairs, *pairs.values()])) > MOST_CHARACTERS:
        raise FlowError(f"{where}: at most 3 custom_parameters of 256 characters together")


def _fits(default: object, value: object) -> bool:
    if default is None:
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    if default is MISSING or isinstance(default, str):
        return isinstance(value, str)
    if isinstance(default, bool) or isinstance(value, bool):
        return isinstance(default, bool) and isinstance(value, bool)
    return isinstance(value, int | float) and value >= 0
