"""What a campaign has behind it by noon: some thousand calls, written down at once; and a talk that sounds like one."""

import io
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import soundfile
from django.utils import timezone

from campaigns.lifecycle import AttemptState, ContactState
from campaigns.models import CallAttempt, Campaign, CampaignContact
from tests.pages import world

# outcome -> (share in a hundred, reason)
OUTCOMES = {
    "answered": (56, "Answered."),
    "no-answer": (23, "Rang 32 s, nobody picked up."),
    "busy": (13, "The line was busy."),
    "failed": (5, "The network could not place it."),
    "cancelled": (1, "Ended before an answer."),
    "refused": (2, "Exotel may not call this number (NDNC)."),
}
AGAIN = ("no-answer", "busy")
# result -> (share in a hundred, kind)
RESULTS = {
    "Promised to pay": (43, "goal"),
    "Wants a call back": (14, "progress"),
    "Disputes the amount": (8, "objection"),
    "Do not call again": (3, "stop"),
    "Hung up before the end": (32, "none"),
}
CHANGED = ("state", "due_at", "reason", "last_outcome", "disposition", "disposition_kind", "tries")


def outcomes(campaign: Campaign, count: int) -> list[CallAttempt]:
    """Calls of the last two hours, the newest first. The first was answered and reached its goal."""
    chance, begun = random.Random(3), _moments()
    made: list[CallAttempt] = []
    people = list(campaign.contacts.select_related("campaign__account").order_by("pk")[:count])
    for person in people:
        outcome = _drawn(OUTCOMES, chance) if made else "answered"
        made.append(world.ended_call(person, outcome, **_told(person, next(begun), outcome, chance)))
    made[0].disposition, made[0].disposition_kind = "Promised to pay", "goal"
    for person, call in zip(people, made, strict=True):
        _moved_on(person, call, chance)
    CallAttempt.objects.bulk_create(made)
    CampaignContact.objects.bulk_update(people, CHANGED, batch_size=500)
    return made


def _drawn(shares: dict[str, tuple[int, str]], chance: random.Random) -> str:
    return chance.choices([*shares], [share for share, _ in shares.values()])[0]


def _moments() -> Iterator[datetime]:
    """Backwards from now, some ten a minute, more in the middle of the morning than at its ends."""
    at, place = timezone.now() - timedelta(seconds=75), 0
    while True:
        yield at
        place += 1
        at -= timedelta(seconds=5.4 + 1.8 * np.sin(place / 90) + 0.9 * np.sin(place / 17))


def _told(person: CampaignContact, at: datetime, outcome: str, chance: random.Random) -> dict[str, Any]:
    """What the carrier, and the bot, said of a call that began then."""
    reason = OUTCOMES[outcome][1]
    if outcome == "refused":
        return {"intent_at": at, "reason": reason, "state": AttemptState.REFUSED, "ended_at": at, "sid": None}
    sid = f"{person.pk:028x}1abk"
    confirmed = timezone.now() - at > timedelta(minutes=3)
    told = {"intent_at": at, "reason": reason, "sid": sid, "placed_at": at + timedelta(seconds=0.7)}
    if outcome != "answered":
        ended = at + timedelta(seconds=38)
        return told | {"ended_at": ended, "slot_released_at": ended, "confirmed_at": ended if confirmed else None}
    result, talk = _drawn(RESULTS, chance), chance.randint(9, 74)
    ended = at + timedelta(seconds=8 + talk)
    return told | {
        "answered_at": at + timedelta(seconds=8),
        "ended_at": ended,
        "slot_released_at": ended,
        "confirmed_at": ended if confirmed else None,
        "talk_seconds": talk,
        "duration": talk + 8,
        "price": Decimal("0.60") * (1 + talk // 60),
        "disposition": result,
        "disposition_kind": RESULTS[result][1],
    }


def _moved_on(person: CampaignContact, call: CallAttempt, chance: random.Random) -> None:
    """Where the person stands after the call: done, skipped, or to be called again."""
    person.last_outcome, person.reason = call.outcome, call.reason
    person.disposition, person.disposition_kind = call.disposition, call.disposition_kind
    person.state, person.tries = ContactState.DONE, 1
    if call.outcome == "refused":
        person.state, person.tries = ContactState.SKIPPED, 0
    elif call.outcome in AGAIN and chance.random() < 0.8:
        person.state = ContactState.RETRY
        person.due_at = timezone.now() + timedelta(minutes=chance.triangular(1, 150, 20))


# ------------------------------------------------------------------------------------------------------------ sound
TURNS = ((0.2, 3.9, 1), (4.2, 8.6, 1), (9.0, 13.4, 1), (13.4, 13.8, 0), (14.4, 17.2, 1), (17.6, 18.5, 0))


def voices(seconds: float = 19.0, rate: int = 8000) -> bytes:
    """A WAV of a talk: noise in syllables, the person in the first channel, the bot in the second."""
    time, chance = np.arange(int(seconds * rate)) / rate, np.random.default_rng(5)
    both = 0.004 * chance.standard_normal((len(time), 2))
    for begins, ends, channel in TURNS:
        loud = np.abs(np.sin(2 * np.pi * 2.1 * time + channel)) ** 1.5 * (0.5 + 0.5 * np.sin(0.9 * time + channel) ** 2)
        inside = (time >= begins) & (time < ends)
        both[:, channel] += inside * loud * np.clip(0.25 * chance.standard_normal(len(time)), -0.9, 0.9)
    file = io.BytesIO()
    soundfile.write(file, np.clip(both, -1, 1), rate, format="WAV")
    return file.getvalue()
