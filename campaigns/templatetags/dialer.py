"""Filters and tags that write figures, numbers, times and states as DESIGN.md asks. Builtin: no load needed."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from django import template
from django.conf import settings
from django.utils import timezone

from campaigns.lifecycle import CampaignStatus, ContactState, ImportStatus, Outcome
from campaigns.models import CallAttempt

register = template.Library()

NARROWEST = 0.7  # per cent: the least width of a part of a bar, so that 9 of 12,480 stay visible
EMPTY = "–"
LABELS: dict[str, str] = {
    **dict(ImportStatus.choices),
    **dict(CampaignStatus.choices),
    **dict(Outcome.choices),
    **dict(ContactState.choices),
    "cancelled": "Cancelled",
    "retry": "Retry",
    "unknown": "Unknown",
    "ringing": "Ringing",
}
_PHONE = re.compile(r"(?<!\w)\+?\d{10,13}(?!\w)")
CALL_STATES = {
    "dialing": "ringing",
    "placed": "ringing",
    "answered": "in-call",
    "refused": "refused",
    "unknown": "unknown",
}
SECTIONS = {
    "home": "home",
    "campaign": "campaigns",
    "list": "lists",
    "import": "lists",
    "contact": "lists",
    "call": "calls",
    "recording": "calls",
    "do-not-call": "do-not-call",
    "settings": "settings",
    "flow": "settings",
    "doctor": "settings",
    "user": "settings",
    "own-password": "settings",
    "own-mail": "settings",
    "audit": "settings",
    "account": "settings",
    "trial": "settings",
}


# ---------------------------------------------------------------------------------------------------------- numbers
@register.filter
def grouped(value: float | Decimal | None) -> str:
    """A whole number in Indian groups: 418204 -> 4,18,204."""
    if value is None or value == "":
        return EMPTY
    digits = str(abs(int(value)))
    head, tail = digits[:-3], digits[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return ("−" if value < 0 else "") + ",".join([*groups, tail])


@register.filter
def percent(part: float | None, whole: float | None) -> str:
    """`part` of `whole`: 51.6 %; a dash when there is no whole."""
    if part is None or not whole:
        return EMPTY
    share = 100 * part / whole
    return f"{share:.0f} %" if share in {0, 100} else f"{share:.1f} %"


@register.filter
def rupees(value: float | Decimal | None) -> str:
    """₹1,04,500, with paise below ₹100."""
    if value is None:
        return EMPTY
    amount = Decimal(str(value))
    sign, size = ("−" if amount < 0 else ""), abs(amount)
    if size < 100 and size != int(size):
        return f"{sign}₹{size:.2f}"
    return f"{sign}₹{grouped(round(size))}"


@register.filter
def plain(value: float | Decimal | None) -> str:
    """A number without trailing zeros: 1.000 -> 1, 0.500 -> 0.5."""
    if value is None:
        return EMPTY
    return f"{Decimal(str(value)):f}".rstrip("0").rstrip(".") if "." in str(value) else str(value)


@register.filter
def plural(count: int, words: str) -> str:
    """ "1 person", "4,18,204 people": `words` is "person,people"."""
    one, many = words.split(",")
    return f"{grouped(count)} {one if count == 1 else many}"


@register.filter
def phone(number: str | None) -> str:
    """A number with all but its last two digits of the last block hidden: +91 90000 ••12."""
    return _masked(number) if number else ""


@register.filter
def without_numbers(text: str) -> str:
    """Somebody else's words with every phone number in them masked: the carrier repeats them in its refusals."""
    return _PHONE.sub(lambda found: f"••{found[0][-2:]}", text)


@register.filter
def phone_in_full(number: str | None) -> str:
    """+91 90000 00012; only where showing it was asked for and audited."""
    return _international(number) if number else ""


@lru_cache(maxsize=4096)
def _international(number: str) -> str:
    code, national = _split(number)
    if not code:
        return number
    block = 5 if len(national) == 10 else 4
    blocks = [national[start : start + block] for start in range(0, len(national), block)]
    return "\N{NO-BREAK SPACE}".join([f"+{code}", *blocks])


@lru_cache(maxsize=4096)
def _masked(number: str) -> str:
    code, national = _split(number)
    shown = national[: max(0, len(national) - 5)] if code else ""
    return "\N{NO-BREAK SPACE}".join(part for part in (f"+{code}" if code else "", shown, f"••{national[-2:]}") if part)


def _split(number: str) -> tuple[str, str]:
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return "", number
    return str(parsed.country_code), phonenumbers.national_significant_number(parsed)


# ------------------------------------------------------------------------------------------------------------ times
def display_zone() -> ZoneInfo:
    return ZoneInfo(settings.DISPLAY_TIME_ZONE)


def _local(moment: datetime) -> datetime:
    return moment.astimezone(display_zone())


@register.filter
def clock(moment: datetime | None) -> str:
    """11:42 IST."""
    return f"{_local(moment):%H:%M %Z}" if moment else EMPTY


@register.filter
def zone(moment: datetime) -> str:
    """The display zone's short name at that moment: IST."""
    return f"{_local(moment):%Z}"


@register.filter
def hours_minutes(moment: datetime | None) -> str:
    """11:42, where the zone stands elsewhere."""
    return f"{_local(moment):%H:%M}" if moment else EMPTY


@register.filter
def seconds_clock(moment: datetime | None) -> str:
    """11:42:07, where the zone stands elsewhere."""
    return f"{_local(moment):%H:%M:%S}" if moment else EMPTY


@register.filter
def stamp(moment: datetime | None) -> str:
    """20 Nov 2026, 09:12 IST."""
    return f"{_local(moment).day} {_local(moment):%b %Y, %H:%M %Z}" if moment else EMPTY


@register.filter
def when(moment: datetime | None) -> str:
    """The clock for today, the stamp for another day."""
    if moment is None:
        return EMPTY
    return clock(moment) if _local(moment).date() == _local(timezone.now()).date() else stamp(moment)


@register.filter
def to_the_second(moment: datetime) -> str:
    """11:42:07 for today, 20 Nov, 11:42 for another day; where the zone stands elsewhere."""
    local = _local(moment)
    today = local.date() == _local(timezone.now()).date()
    return f"{local:%H:%M:%S}" if today else f"{local.day} {local:%b, %H:%M}"


@register.filter
def long_day(moment: datetime) -> str:
    """Friday 20 November 2026."""
    return f"{_local(moment):%A} {_local(moment).day} {_local(moment):%B %Y}"


@register.filter
def iso(moment: datetime | None) -> str:
    """For the datetime attribute of <time>."""
    return _local(moment).isoformat(timespec="seconds") if moment else ""


@register.filter
def duration(seconds: float | None) -> str:
    """Of a call: 1:24, 1:02:03."""
    if seconds is None:
        return EMPTY
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@register.filter
def span(seconds: float | None) -> str:
    """Of a wait: 45 s, 26 min, 3 h 18 min, 2 days."""
    if seconds is None:
        return EMPTY
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = round(whole / 60)
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{round(hours / 24)} days"
    return f"{minutes} min" if not hours else f"{hours} h {rest} min" if rest else f"{hours} h"


@register.filter
def until_then(moment: datetime | None, now: datetime) -> str:
    """How long still: in 26 min; '' once it has passed."""
    return f"in {span((moment - now).total_seconds())}" if moment and moment > now else ""


@register.filter
def age(moment: datetime | None) -> str:
    """How long ago, as a call's duration: 1:24."""
    return duration(max(0.0, (timezone.now() - moment).total_seconds())) if moment else EMPTY


@register.simple_tag
def this_moment() -> datetime:
    return timezone.now()


# ----------------------------------------------------------------------------------------------------------- states
@register.filter
def state_label(state: str) -> str:
    """The word of a state, sentence case: no-answer -> No answer."""
    return LABELS.get(state, state.replace("-", " ").capitalize())


@register.filter
def call_state(attempt: CallAttempt) -> str:
    """The state that a call is shown in: its outcome once it has one, else where it stands."""
    return attempt.outcome or CALL_STATES.get(attempt.state, "unknown")


@register.filter
def initials(user: object) -> str:
    """Two letters for the round mark beside a name."""
    words = str(user).replace("@", " ").replace(".", " ").split()
    return "".join(word[0] for word in words[:2]).upper()


@register.inclusion_tag("_badge.html")
def badge(state: str, label: str = "") -> dict[str, str]:
    """Word, sign and colour of a campaign, contact or outcome state."""
    return {"state": state, "label": label or state_label(state)}


@register.filter
def section(url_name: str | None) -> str:
    """The part of the navigation that an address belongs to."""
    name = url_name or ""
    return SECTIONS.get(name) or next((SECTIONS[part] for part in SECTIONS if name.startswith(part)), "")


# ------------------------------------------------------------------------------------------------------------- bars
def shares(counts: Sequence[int]) -> list[tuple[float, float]]:
    """(offset, width) in per cent of each part; parts that are not zero are at least NARROWEST wide and sum to 100."""
    total = sum(counts)
    if not total:
        return [(0.0, 0.0) for _ in counts]
    thin = [False] * len(counts)
    widths = [100 * count / total for count in counts]
    while any(0 < width < NARROWEST for width in widths):  # widening one may make another too narrow
        thin = [was or 0 < width < NARROWEST for was, width in zip(thin, widths, strict=True)]
        left = 100 - NARROWEST * sum(thin)
        wide = sum(count for count, is_thin in zip(counts, thin, strict=True) if not is_thin)
        widths = [NARROWEST if is_thin else count * left / wide for count, is_thin in zip(counts, thin, strict=True)]
    offsets = [sum(widths[:place]) for place in range(len(widths))]
    return list(zip(offsets, widths, strict=True))


@register.inclusion_tag("_bar.html")
def bar(parts: Iterable[tuple[str, int]], title: str, size: str = "") -> dict[str, object]:
    """Parts of a whole as one bar; `parts` are (state, count), `size` is "", "l" or "s"."""
    given = [(state, count) for state, count in parts if count]
    drawn = [
        (state, f"{offset:.2f}%", f"{width:.2f}%")
        for (state, _), (offset, width) in zip(given, shares([count for _, count in given]), strict=True)
    ]
    words = ", ".join(f"{grouped(count)} {state_label(state).lower()}" for state, count in given)
    return {"parts": drawn, "title": f"{title}: {words}" if words else title, "size": size}


@register.filter
def width(part: float, whole: float) -> str:
    """The width of one bar on a common scale, in per cent: "38.80%"."""
    if not whole or not part:
        return "0%"
    return f"{max(NARROWEST, min(100.0, 100 * part / whole)):.2f}%"


@register.filter
def at_most(value: int, limit: int) -> int:
    """The value, or the limit if that is less."""
    return min(value, limit)


@register.filter
def times(value: float, factor: float) -> str:
    """A product for SVG and <meter> attributes."""
    return f"{float(value) * float(factor):g}"
