"""“Why not called yet?” of one person in one campaign, for the drawer and the contact's page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from campaigns import pacing, why, why_words
from campaigns.lifecycle import ContactState
from campaigns.models import CallAttempt, CampaignContact
from campaigns.views.day import Axis, axis_of
from campaigns.why import Answer

STATES = {"now": "ok", "waiting": "wait", "held": "bad", "never": "skipped", "over": "done"}
WIDE = 1.25  # per cent of the day that a call takes on the strip
MOST_CALLS = 20


@dataclass(frozen=True)
class Why:
    """All that the drawer shows. `nobody_dials` says why nobody at all is dialled, whatever the checks say."""

    person: CampaignContact
    answer: Answer
    line: str
    sub: str
    state: str
    nobody_dials: str
    calls: Sequence[CallAttempt]
    strip: "DayStrip"
    last_try: bool
    at: datetime


@dataclass(frozen=True)
class DayStrip:
    """Calls of today and the next one on the axis of the day: (state, x)."""

    grid: Sequence[str]
    ticks: Sequence[tuple[str, str, str]]  # (x, word, text-anchor)
    calls: Sequence[tuple[CallAttempt, str]]
    next_x: str
    now_x: str


def why_of(person: CampaignContact) -> Why:
    """`person` with campaign and account; a number of queries that does not grow."""
    now = pacing.db_now()
    answer = why.explain(person, now)
    line, sub = why_words.headline(person, answer, now)
    calls = list(person.attempts.order_by("-ordinal")[:MOST_CALLS])
    return Why(
        person=person,
        answer=answer,
        line=line,
        sub=sub,
        state="in-call" if person.state == ContactState.IN_CALL else STATES[answer.state],
        nobody_dials=why_words.nobody_dials(person.campaign),
        calls=calls,
        strip=_strip(answer, calls, now),
        last_try=person.state == ContactState.RETRY and person.tries + 1 >= person.campaign.max_attempts,
        at=now,
    )


def _strip(answer: Answer, calls: Sequence[CallAttempt], now: datetime) -> DayStrip:
    axis = axis_of(now)
    today = [call for call in reversed(calls) if axis.start <= call.intent_at <= axis.end]
    upcoming = answer.next_at or answer.about
    hours = round((axis.end - axis.start).total_seconds() / 3600)
    step = hours // 4
    return DayStrip(
        grid=[f"{100 * hour / hours:.2f}%" for hour in range(1, hours)],
        ticks=[
            (f"{25 * part}%", _hour(axis, part * step), "start" if not part else "end" if part == 4 else "middle")
            for part in range(5)
        ],
        calls=[(call, f"{min(axis.x(call.intent_at), 100 - WIDE):.2f}%") for call in today],
        next_x=f"{min(axis.x(upcoming), 100 - WIDE):.2f}%" if upcoming and upcoming <= axis.end else "",
        now_x=f"{axis.x(now):.2f}%",
    )


def _hour(axis: Axis, hours: int) -> str:
    hour = axis.start.hour + hours
    return f"{hour:02}:00" if hours in (0, 12, 24) or hour == 24 else f"{hour:02}"
