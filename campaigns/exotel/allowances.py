"""What the headers of an answer say about the account's rate: documented by the vendor, never captured.

`X-RateLimit-Limit/-Remaining/-Reset` are in the vendor's page on rate limiting (exotel-wire 1); the IETF draft spells
them `RateLimit-*` or puts them into one field. What cannot be read is left out: nothing here raises.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST_RESET = 60.0  # seconds: the vendor counts by the minute
MOST = 1_000_000  # requests a minute; whoever says more says nothing
_PREFIXES = ("x-ratelimit", "x-rate-limit", "ratelimit")
_MANY = 1_000_000  # seconds: a larger number is an instant, not a time to wait
_MILLISECONDS = 100_000_000_000


@dataclass(frozen=True, slots=True)
class RateAllowance:
    """The three as sent, where sent; `window` is the policy's, in seconds, where it is named."""

    limit: int | None
    remaining: int | None
    reset: str
    window: int | None = None

    @property
    def per_minute(self) -> int | None:
        """The limit as requests a minute, 1 to MOST; None if it says none. A limit without a window is the minute's."""
        if not self.limit:
            return None
        found = self.limit * 60 // (self.window or 60)
        return found if 1 <= found <= MOST else None

    def seconds(self, now: datetime) -> float | None:
        """How long until there are requests again, 0 to LONGEST_RESET; None if that is not said."""
        wait = _seconds(self.reset.strip(), now)
        return None if wait is None else min(max(wait, 0.0), LONGEST_RESET)


def rate_allowance(headers: Mapping[str, str]) -> RateAllowance | None:
    """What the headers (looked up in lower case) say, or None when there is none of them."""
    limit, remaining, reset = (_first(headers, name) for name in ("limit", "remaining", "reset"))
    one, policy = headers.get("ratelimit", ""), headers.get("ratelimit-policy", "")
    limit = limit or _named(one, "limit") or _named(policy, "q") or policy.split(";")[0]
    remaining = remaining or _named(one, "remaining") or _named(one, "r")
    reset = reset or _named(one, "reset") or _named(one, "t")
    if not (limit or remaining or reset):
        return None
    return RateAllowance(_count(limit), _count(remaining), reset[:64], _count(_named(f"{limit};{policy}", "w")))


def _first(headers: Mapping[str, str], name: str) -> str:
    return next((value for prefix in _PREFIXES if (value := headers.get(f"{prefix}-{name}", ""))), "")


def _named(text: str, name: str) -> str:
    """The number of a parameter: `limit=100`, `;w=60`."""
    found = re.search(rf"(?:^|[\s,;]){name}=([0-9]{{1,12}})(?![0-9])", text[:500])
    return found[1] if found else ""


def _count(text: str) -> int | None:
    """The first of the numbers in a list; what follows it (a policy) is not one."""
    first = re.split(r"[,;]", text[:500])[0].strip()
    return int(first) if re.fullmatch(r"[0-9]{1,9}", first) else None


def _seconds(text: str, now: datetime) -> float | None:
    """A number of seconds, an instant in seconds or milliseconds since 1970, or a date."""
    if re.fullmatch(r"[0-9]{1,15}(\.[0-9]{1,9})?", text):
        number = float(text)
        if number < _MANY:
            return number
        return (number / 1000 if number >= _MILLISECONDS else number) - now.timestamp()
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            until = read(text)
            return ((until if until.tzinfo else until.replace(tzinfo=UTC)) - now).total_seconds()
        except (ValueError, OverflowError):
            continue
    return None
