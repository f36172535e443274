"""The statements of an intent: what a turn reads under the pacer's lock, and the one that writes the intent down.

SQL by hand, because each trip to the server counts here: a call takes four through this module and more than twenty
through the ORM. Rules of this file:

* The pacer's lock comes first. What is read after it are statements of their own (sent together, but each sees what
  was committed when it began): one statement would count with the snapshot from before the lock.
* Nothing is decided here: `intents` asks `campaigns.eligibility` with what is read here.
* What an operator sets (a campaign, its account) is kept between turns by the version of its rows, which every turn
  reads anew: whoever changes them, it counts from the next intent on.
"""

import copy
import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property, lru_cache
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Field
from psycopg.sql import Literal

from campaigns import pacing
from campaigns.eligibility import Person
from campaigns.lifecycle import (
    CAMPAIGN_CONTACT,
    DUE_CONTACTS,
    OPEN_ATTEMPTS,
    ContactState,
    IllegalTransition,
    sources,
)
from campaigns.models import Breaker, CallAttempt, Campaign, CampaignContact, CampaignPace, ExotelAccount, Pacer
from campaigns.models.accounts import CREDENTIALS
from campaigns.statements import Statement, ask, either

_PACE = ("campaign_id", "next_dial_at", "served")
_BREAKER = [one.attname for one in Breaker._meta.concrete_fields]
_PERSON = ("id", "campaign_id", "phone", "name", "variables", "time_zone")
_DAY = timedelta(hours=24)
COUNT_EVERY = 1.0  # seconds between two counts of the open calls, if nobody waits for a slot


class Slots:
    """What one dial loop knows of the open calls of its account without counting them: never fewer than there are.

    Nobody but the loop with the account's lock writes an intent. So the count of some moment and every grant since is
    what may be open at most, and that is enough as long as it is below the limits. Counting costs in proportion to the
    open calls (3 ms for 12,000), so it is done once a second: a call that was thought refused and goes on all the same
    takes its slot again (`disproofs`), which nobody tells the loop.
    """

    def __init__(self) -> None:
        self._most: Counter[int] = Counter()
        self._good_until = float("-inf")

    @property
    def most(self) -> Mapping[int, int] | None:
        """At most so many slots are held, by campaign; None when they should be counted."""
        return self._most if time.monotonic() < self._good_until else None

    def count(self, account_id: int) -> Mapping[int, int]:
        """Count them. With the account's pacer locked."""
        self._good_until = time.monotonic() + COUNT_EVERY
        self._most = Counter(pacing.slots_used(account_id))
        return self._most

    def granted(self, campaign_id: int) -> None:
        """One more; said before the commit, so that one that fails counts too many, never too few."""
        self._most[campaign_id] += 1


Line = Callable[[str], float]  # seconds until the last of those at the gate of that pace leaves


def nobody_at_the_gate(_pace: str) -> float:
    """The line that nobody stands in."""
    return float("-inf")


@dataclass
class Turn:
    """What is so at `now`: `running` campaigns (whose turn it is comes first, each with its `pace`), and slots held
    by campaign, of campaigns that do not run as well; at most so many unless they are `counted`."""

    pacer: Pacer
    now: datetime
    owner_alive: bool
    running: Sequence[Campaign]
    slots: Slots
    used: Mapping[int, int]
    counted: bool
    line: Line = nobody_at_the_gate

    @cached_property
    def alone(self) -> bool:
        """Whether no other account of this kind has a running campaign, which may have the same people in line."""
        return not ask(_OTHERS, account=self.pacer.account_id)[0][0][0]

    def count(self) -> None:
        """Hold exact numbers in `used`: before somebody waits for a slot."""
        self.used, self.counted = self.slots.count(self.pacer.account_id), True


# ------------------------------------------------------------------------------------------------- whose turn it is
_RUNNING = Statement(
    "turn_running",
    """
    SELECT campaign.id, concat_ws('/', campaign.xmin, campaign.ctid, account.xmin, account.ctid),
        pace.campaign_id, pace.next_dial_at, pace.served, BREAKER
    FROM campaigns_campaign AS campaign
    JOIN campaigns_exotelaccount AS account ON account.id = campaign.account_id
    JOIN campaigns_campaignpace AS pace ON pace.campaign_id = campaign.id
    LEFT JOIN campaigns_breaker AS breaker ON breaker.campaign_id = campaign.id
    WHERE campaign.account_id = %(account)s AND campaign.status = 'running'
    ORDER BY pace.served * 1.0 / greatest(campaign.weight, 1), campaign.id""".replace(
        "BREAKER", ", ".join(f"breaker.{name}" for name in _BREAKER)
    ),
    account="bigint",
)
_OTHERS = Statement(
    "turn_others",
    """
    SELECT EXISTS (
        SELECT 1 FROM campaigns_campaign AS campaign
        JOIN campaigns_exotelaccount AS other ON other.id = campaign.account_id
        JOIN campaigns_exotelaccount AS own ON own.id = %(account)s
        WHERE campaign.status = 'running' AND other.kind = own.kind AND other.id <> own.id)""",
    account="bigint",
)
_ALIVE = Statement("turn_alive", f"SELECT {pacing.OWNER_ALIVE}", owners="integer", owner="integer")


def take(account_id: int, owner: int, slots: Slots, line: Line) -> Turn:
    """Lock the account's pacer and read what decides whose turn it is. Inside a transaction."""
    pacers, clock, alive, running = ask(
        pacing.LOCK,
        f"SELECT {pacing.CLOCK}",
        _ALIVE,
        _RUNNING,
        account=account_id,
        owner=owner,
        owners=pacing.OWNER_LOCK,
    )
    campaigns = [_campaign(*row) for row in running]
    known = slots.most  # asked once: what is known grows old between two looks
    used = slots.count(account_id) if known is None else known
    now = clock[0][0]
    pacer = pacing.mended(pacing.pacer_of(pacers), now)
    return Turn(pacer, now, alive[0][0], campaigns, slots, used, known is None, line)


def running_campaigns(account_id: int) -> list[Campaign]:
    """Running campaigns of the account, with `pace`; the one that got least for its weight comes first."""
    return [_campaign(*row) for row in ask(_RUNNING, account=account_id)[0]]


def _campaign(campaign_id: int, version: str, *rows: Any) -> Campaign:
    campaign = copy.copy(_as_set(campaign_id, version))
    pace, breaker = rows[: len(_PACE)], rows[len(_PACE) :]
    campaign.pace = CampaignPace.from_db(DEFAULT_DB_ALIAS, _PACE, pace)
    known = breaker[0] is not None  # else there is no row: no trouble
    campaign.breaker = Breaker.from_db(DEFAULT_DB_ALIAS, _BREAKER, breaker) if known else Breaker()
    return campaign


@lru_cache(maxsize=256)
def _as_set(campaign_id: int, _version: str) -> Campaign:
    """A campaign and its account, read once a version of their rows."""
    rows = Campaign.objects.select_related("account").defer(*(f"account__{name}" for name in CREDENTIALS))
    return rows.get(pk=campaign_id)


# ---------------------------------------------------------------------------------------------------- who is next
# What eligibility.contact_block asks about a person, for the number in who.phone.
_KNOWN = """
    SELECT (SELECT reason FROM campaigns_suppression WHERE phone = who.phone),
        EXISTS (SELECT 1 FROM campaigns_callattempt
            WHERE account_kind = %(kind)s AND phone = who.phone AND state IN OPEN),
        today.calls, today.first
    FROM (
        SELECT count(*) AS calls, min(intent_at) AS first FROM campaigns_callattempt
        WHERE %(capped)s AND account_kind = %(kind)s AND phone = who.phone AND intent_at > %(since)s
            AND state <> 'refused'
    ) AS today""".replace("OPEN", either(OPEN_ATTEMPTS))
_ABOUT = {"kind": "text", "capped": "boolean", "since": "timestamptz"}
_DUE = """
    WITH who AS MATERIALIZED (
        SELECT id, campaign_id, phone, name, variables, time_zone, due_at FROM campaigns_campaigncontact
        WHERE campaign_id = %(campaign)s AND state IN WAITING AND prepared AND due_at <= %(now)s
        ORDER BY due_at, id LIMIT MOST FOR UPDATE SKIP LOCKED
    )
    SELECT who.id, who.campaign_id, who.phone, who.name, who.variables, who.time_zone, known.*
    FROM who, LATERAL (KNOWN) AS known ORDER BY who.due_at, who.id""".replace("WAITING", either(DUE_CONTACTS)).replace(
    "KNOWN", _KNOWN
)
_PEOPLE = Statement(
    "people",
    "SELECT who.phone, known.* FROM unnest(%(phones)s) AS who (phone), LATERAL (KNOWN) AS known".replace(
        "KNOWN", _KNOWN
    ),
    phones="text[]",
    **_ABOUT,
)


@cache
def _due(most: int) -> Statement:
    """A statement for each number of people: a plan for any number would reckon with a tenth of the table."""
    text = _DUE.replace("MOST", str(most))
    return Statement(f"turn_due_{most}", text, campaign="bigint", now="timestamptz", **_ABOUT)


def due(campaign: Campaign, now: datetime, size: int) -> dict[CampaignContact, Person]:
    """The first `size` people of the campaign's queue who are due, in order, locked; and what is known of them."""
    about = _about(campaign.account, now)
    found = {}
    for row in ask(_due(size), campaign=campaign.pk, now=now, **about)[0]:
        contact = CampaignContact.from_db(DEFAULT_DB_ALIAS, _PERSON, row[: len(_PERSON)])
        contact.variables = json.loads(contact.variables)
        found[contact] = _person(*row[len(_PERSON) :])
    return found


def people(phones: Iterable[str], account: ExotelAccount, now: datetime) -> dict[str, Person]:
    """What eligibility needs to know about each number."""
    rows = ask(_PEOPLE, phones=list(set(phones)), **_about(account, now))[0]
    return {phone: _person(*known) for phone, *known in rows}


def _about(account: ExotelAccount, now: datetime) -> dict[str, Any]:
    return {"kind": account.kind, "capped": account.daily_cap > 0, "since": now - _DAY}


def _person(suppressed: str | None, in_call: bool, calls: int, first: datetime | None) -> Person:  # noqa: FBT001 (a column)
    return Person(suppressed, in_call, calls, first + _DAY if first else None)


# ---------------------------------------------------------------------------------------------------- the intent
# What differs from one intent to the next; every other column begins with the model's default.
_GIVEN = {
    "account_id": "bigint",
    "account_kind": "text",
    "campaign_id": "bigint",
    "campaign_contact_id": "bigint",
    "generation": "integer",
    "campaign_version": "integer",
    "phone": "text",
    "caller_id": "text",
    "ring_timeout": "integer",
    "time_limit": "integer",
    "mode": "text",
    "owner": "integer",
    "intent_at": "timestamptz",
    "slot_expires_at": "timestamptz",
    "proof_at": "timestamptz",
}
_SAME = [one for one in CallAttempt._meta.concrete_fields if one.attname not in (*_GIVEN, "id", "ordinal")]


def _default(of: "Field[Any, Any]") -> str:
    """The column's first value, as SQL."""
    return Literal(of.get_db_prep_save(of.get_default(), connection)).as_string()


_INTENT = Statement(
    "turn_intent",
    """
    WITH moved AS (
        UPDATE campaigns_campaigncontact
        SET state = 'in-call', tries = tries + 1, reason_code = '', reason = '', changed_at = %(intent_at)s
        WHERE id = %(campaign_contact_id)s AND state IN CALLABLE RETURNING id
    ), paced AS (
        UPDATE campaigns_pacer SET next_dial_at = %(account_turn)s WHERE account_id = %(account_id)s
    ), served AS (
        UPDATE campaigns_campaignpace SET next_dial_at = %(campaign_turn)s, served = %(served)s
        WHERE campaign_id = %(campaign_id)s
    )
    INSERT INTO campaigns_callattempt (ordinal, COLUMNS)
    SELECT 1 + coalesce((SELECT max(ordinal) FROM campaigns_callattempt WHERE campaign_contact_id = moved.id), 0),
        VALUES
    FROM moved RETURNING id, ordinal""".replace("CALLABLE", either(sources(CAMPAIGN_CONTACT, ContactState.IN_CALL)))
    .replace("COLUMNS", ", ".join([*_GIVEN, *(str(one.column) for one in _SAME)]))
    .replace("VALUES", ", ".join([*(f"%({name})s" for name in _GIVEN), *map(_default, _SAME)])),
    account_turn="timestamptz",
    campaign_turn="timestamptz",
    served="bigint",
    **_GIVEN,
)


def write(attempt: CallAttempt, pacer: Pacer, pace: CampaignPace) -> None:
    """Write the intent down: the attempt (its id and ordinal are set), the person's new state, and both paces."""
    written = ask(
        _INTENT,
        account_turn=pacer.next_dial_at,
        campaign_turn=pace.next_dial_at,
        served=pace.served,
        **{name: getattr(attempt, name) for name in _GIVEN},
    )[0]
    if not written:
        raise IllegalTransition(f"campaign contact {attempt.campaign_contact_id} is not in line")
    attempt.pk, attempt.ordinal = written[0]
