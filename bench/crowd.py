"""A database as it is after a busy month, made by SQL in a minute or two: the generator of `bench.pages`.

One list and one running campaign with everybody in it, as many call attempts over the last ten days (some of them
today, in the last hour and open now), a do-not-call list as long, a second list that shares people with the first, a
draft over both, a hundred small campaigns, and for some calls their events, streams and recordings.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from campaigns import creating, tallies
from campaigns.audit import COMMAND_LINE
from campaigns.creating import CampaignPlan
from campaigns.lifecycle import CampaignStatus
from campaigns.models import (
    CallAttempt,
    CallerId,
    CallEvent,
    Campaign,
    CampaignContact,
    Contact,
    ContactImport,
    ContactList,
    ExotelAccount,
    ImportIssue,
    Pacer,
    Recording,
    Stream,
    StreamEntry,
    Suppression,
    User,
)

SMALL_CAMPAIGNS = 100
DETAILED = 20_000  # the newest calls, which have events, streams and recordings
SPAN = timedelta(days=10)


@dataclass(frozen=True)
class Crowd:
    """The ids that pages are asked for."""

    user: User
    account: int
    contact_list: int
    other_list: int
    contact_import: int
    campaign: int
    draft: int
    call: int


def make(people: int) -> Crowd:
    """Fill an empty, migrated database with `people` contacts and as many of everything else."""
    account, user = _account(), User.objects.create_superuser("bench", password=None)
    big, other = (ContactList.objects.create(name=name, columns=["due", "city"]) for name in ("Everybody", "Some"))
    running = _campaign(account, big, name="To everybody", retries=())
    draft = _campaign(account, big, other, name="Draft over two lists")
    for place in range(SMALL_CAMPAIGNS):
        _small(account, other, place)
    now = timezone.now()
    Campaign.objects.filter(pk=running.pk).update(
        status=CampaignStatus.RUNNING, generation=1, launched_at=now - SPAN, enrolled_at=now - SPAN, zones=[""]
    )
    contact_import = ContactImport.objects.create(
        contact_list=big, status="done", file_name="everybody.csv", rows=people + people // 33, imported=people,
        rejected=people // 33, started_at=now - SPAN, finished_at=now - SPAN, header=["name", "mobile"], size=1,
    )  # fmt: skip
    given: dict[str, Any] = {
        "people": people,
        "big": big.pk,
        "other": other.pk,
        "campaign": running.pk,
        "account": account.pk,
        "import": contact_import.pk,
        "step": SPAN / people,
        "detailed": min(DETAILED, people // 2),
    }
    for fill in _FILLS:
        fill.run(given)
    with connection.cursor() as cursor:
        cursor.execute(_IN_CALL)
    _count(running.pk)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("SELECT max(attempt_id) FROM campaigns_stream")
        call = cursor.fetchone()[0]
    return Crowd(user, account.pk, big.pk, other.pk, contact_import.pk, running.pk, draft.pk, call)


def _count(campaign_id: int) -> None:
    """The triggers were off: a recount puts the tallies right, and its complaint is not news here."""
    logging.disable(logging.ERROR)
    tallies.verify(campaign_id, timezone.now())
    tallies.verify_people()
    logging.disable(logging.NOTSET)


def _account() -> ExotelAccount:
    account = ExotelAccount.objects.create(
        name="Bench", kind="simulator", api_url="http://127.0.0.1:9", account_sid="bench", api_key="k", api_token="t",
        calls_per_minute=200, max_concurrent=200, from_environment=True,
    )  # fmt: skip
    # A loop that lives as long as the pages are looked at, however slow the machine is.
    Pacer.objects.create(account=account, loop_seen_at=timezone.now() + timedelta(hours=1))
    CallerId.objects.create(account=account, number="08047491899", is_default=True)
    return account


def _campaign(account: ExotelAccount, *lists: ContactList, **fields: Any) -> Campaign:
    plan = CampaignPlan(account=account, lists=lists, caller_id="08047491899", bot="echo", **fields)
    return creating.create(plan, by=COMMAND_LINE)


def _small(account: ExotelAccount, contact_list: ContactList, place: int) -> None:
    made = _campaign(account, contact_list, name=f"Small {place}")
    status = ("draft", "paused", "completed", "cancelled")[place % 4]
    Campaign.objects.filter(pk=made.pk).update(status=status, enrolled_at=timezone.now())


# ---------------------------------------------------------------------------------------------------------- filling
@dataclass(frozen=True)
class Fill:
    """Rows of a table: an SQL expression a column, and where they come from. Other columns get the model's default."""

    model: type[Model]
    columns: Mapping[str, str]
    source: str

    def run(self, values: Mapping[str, Any]) -> None:
        constants = {
            field.column: field.get_db_prep_save(field.get_default(), connection)
            for field in self.model._meta.concrete_fields
            if field.column not in self.columns and not field.primary_key and not field.null
        }
        names = ", ".join(f'"{name}"' for name in (*self.columns, *constants))
        given = ", ".join((*self.columns.values(), *(f"%(default_{name})s" for name in constants)))
        with transaction.atomic(), connection.cursor() as cursor:
            # Foreign keys are right by construction; asking for each costs more than the rows. So are the counts later.
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute("SET LOCAL statement_timeout = 0")
            cursor.execute(
                f"INSERT INTO {self.model._meta.db_table} ({names}) SELECT {given} FROM {self.source}",
                {**values, **{f"default_{name}": value for name, value in constants.items()}},
            )


_NAME = "(ARRAY['Kavita','Rakesh','Sunita','Imran','Lakshmi','Arjun','Meera','Joseph'])[1 + i %% 8] || ' ' || i"
_PEOPLE = Fill(
    Contact,
    {
        "contact_list_id": "%(big)s",
        "phone": "'+91' || 7000000000 + i",
        "name": _NAME,
        "variables": """'{"due": "4350", "city": "Pune"}'::jsonb""",
        "contact_import_id": "%(import)s",
        "line": "i",
    },
    "generate_series(1, %(people)s) AS i",
)
_SHARED_PEOPLE = Fill(
    Contact,
    {"contact_list_id": "%(other)s", "phone": "'+91' || 7000000000 + i * 2", "name": _NAME, "line": "i"},
    "generate_series(1, %(people)s / 10) AS i",
)
_REJECTED = Fill(
    ImportIssue,
    {
        "contact_import_id": "%(import)s",
        "kind": "'rejected'",
        "line": "i * 33",
        "reason": "'Too short for a phone number: ' || i %% 9 || ' digits'",
        "value": "'98765'",
    },
    "generate_series(1, %(people)s / 33) AS i",
)
# One person in a hundred of the big list is on the do-not-call list; nobody has its other numbers.
_SUPPRESSED = Fill(
    Suppression,
    {
        "phone": "'+91' || CASE WHEN i %% 100 = 0 THEN 7000000000 ELSE 8000000000 END + i",
        "reason": "CASE WHEN i %% 3 = 0 THEN 'Asked in the call not to be called' ELSE 'Register of ' || i %% 12 END",
        "added_at": "now() - i * interval '1 second'",
    },
    "generate_series(1, %(people)s) AS i",
)
# Who was called: the first eight tenths once, the first two of them twice. Attempts count to `people` in all.
_ENROLLED = Fill(
    CampaignContact,
    {
        "campaign_id": "%(campaign)s",
        "contact_id": "id",
        "phone": "phone",
        "name": "name",
        "variables": "variables",
        "state": "state",
        "due_at": "now() + shift * interval '1 minute'",
        "tries": "tries",
        "last_outcome": """CASE WHEN state IN ('done', 'retry')
            THEN (ARRAY['answered', 'no-answer', 'busy', 'failed'])[1 + line %% 4] ELSE '' END""",
        "disposition": "CASE WHEN state = 'done' AND line %% 8 = 0 THEN 'Promised' ELSE '' END",
        "disposition_kind": "CASE WHEN state = 'done' AND line %% 8 = 0 THEN 'goal' ELSE '' END",
    },
    """(SELECT id, phone, name, variables, line,
            CASE WHEN line > %(people)s * 0.8 THEN -1 ELSE line %% 600 END AS shift,
            CASE WHEN line > %(people)s * 0.8 THEN 0 WHEN line <= %(people)s * 0.2 THEN 2 ELSE 1 END AS tries,
            CASE WHEN line > %(people)s * 0.8 THEN 'pending' WHEN line %% 50 = 0 THEN 'skipped'
                WHEN line %% 20 = 1 THEN 'retry' WHEN line %% 50000 = 2 THEN 'uncertain' ELSE 'done' END AS state
        FROM campaigns_contact WHERE contact_list_id = %(big)s ORDER BY id) AS one""",
)
_CALLED = Fill(
    CallAttempt,
    {
        "account_id": "%(account)s",
        "account_kind": "'simulator'",
        "campaign_id": "%(campaign)s",
        "campaign_contact_id": "id",
        "ordinal": "ordinal",
        "phone": "phone",
        "caller_id": "'08047491899'",
        "ring_timeout": "45",
        "time_limit": "300",
        "mode": "'bot'",
        "owner": "1",
        "state": "state",
        "outcome": """CASE WHEN state <> 'ended' THEN ''
            ELSE (ARRAY['answered', 'no-answer', 'busy', 'failed'])[1 + place %% 4] END""",
        "sid": "'sid-' || place",
        "intent_at": "at",
        "placed_at": "at",
        "answered_at": "at",
        "ended_at": "at + interval '40 seconds'",
        "confirmed_at": "CASE WHEN place %% 10 > 0 THEN at END",
        "slot_expires_at": "at + interval '355 seconds'",
        "slot_released_at": "CASE WHEN state <> 'answered' THEN at END",
        "proof_at": "at + interval '1900 seconds'",
        "talk_seconds": "30",
        "disposition": "CASE WHEN place %% 8 = 0 THEN 'Promised' ELSE '' END",
        "disposition_kind": "CASE WHEN place %% 8 = 0 THEN 'goal' ELSE '' END",
    },
    """(SELECT *, now() - (%(people)s - place) * %(step)s AS at,
            CASE WHEN %(people)s - place < 20 THEN 'answered' WHEN place %% 40000 = 3 THEN 'unknown'
                WHEN place %% 5000 = 4 THEN 'refused' ELSE 'ended' END AS state
        FROM (SELECT id, phone, ordinal, row_number() OVER (ORDER BY ordinal, id) AS place
              FROM campaigns_campaigncontact, LATERAL generate_series(1, tries) AS ordinal
              WHERE campaign_id = %(campaign)s) AS each) AS one
    ON CONFLICT DO NOTHING""",
)
_RECENT = "(SELECT * FROM campaigns_callattempt ORDER BY intent_at DESC LIMIT %(detailed)s) AS recent"
_EVENTS = Fill(
    CallEvent,
    {
        "attempt_id": "id",
        "account_id": "account_id",
        "source": "source",
        "received_at": "intent_at",
        "call_sid": "sid",
        "digest": "source || id",
        "fields": """'{"Status": "completed", "CallSid": "x", "RecordingUrl": "https://example.org/a.mp3"}'::jsonb""",
        "applied_at": "now()",
    },
    f"{_RECENT}, unnest(ARRAY['post', 'callback', 'stream', 'details']) AS source",
)
_STREAMS = Fill(
    Stream,
    {"attempt_id": "id", "opened_at": "intent_at", "closed_at": "ended_at", "close_code": "1000", "closed_by": "'bot'"},
    _RECENT,
)
_ENTRIES = Fill(
    StreamEntry,
    {
        "stream_id": "id",
        "at": "place",
        "kind": "(ARRAY['first_audio', 'prompt', 'barge_in', 'key', 'prompt', 'disposition'])[place]",
        "text": "'Namaste, an instalment is due on Friday.'",
    },
    "campaigns_stream, generate_series(1, 6) AS place",
)
_RECORDINGS = Fill(
    Recording,
    {
        "attempt_id": "id",
        "status": "CASE WHEN id %% 2 = 0 THEN 'stored' ELSE 'missing' END",
        "give_up_at": "intent_at",
        "changed_at": "intent_at",
        "file": "'bench/' || id || '.mp3'",
        "size": "1",
        "content_type": "'audio/mpeg'",
        "seconds": "30",
        "peaks": """(SELECT jsonb_build_array(jsonb_agg(i %% 90), jsonb_agg(i %% 70))
            FROM generate_series(1, 800) AS i)""",
    },
    _RECENT,
)
_FILLS = (
    _PEOPLE, _SHARED_PEOPLE, _REJECTED, _SUPPRESSED, _ENROLLED, _CALLED, _EVENTS, _STREAMS, _ENTRIES, _RECORDINGS,
)  # fmt: skip
_IN_CALL = """
    UPDATE campaigns_campaigncontact AS person SET state = 'in-call' FROM campaigns_callattempt AS call
    WHERE call.campaign_contact_id = person.id AND call.state = 'answered'"""
