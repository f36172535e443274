"""A database as it is after a busy month, made by SQL in a minute or two: the generator of `bench.pages`.

One list and one running campaign with everybody in it, as many call attempts over the last ten days (some of them
today, in the last hour and open now), a do-not-call list as long, a second list that shares people with the first, a
draft over both, a hundred small campaigns, and for some calls their events, streams and recordings.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from campaigns import creating
from campaigns.audit import COMMAND_LINE
from campaigns.creating import CampaignPlan
from campaigns.lifecycle import CampaignStatus
from campaigns.models import CallerId, Campaign, ContactImport, ContactList, ExotelAccount, Pacer, User

SMALL_CAMPAIGNS = 100
DETAILED = 20_000  # the newest calls, which have events, streams and recordings
SPAN = timedelta(days=10)


@dataclass(frozen=True)
class Crowd:
    """The ids that pages are asked for."""

    user: User
    account: int
    contact_list: int
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
    for statement in _FILL:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, given)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("SELECT max(attempt_id) FROM campaigns_stream")
        call = cursor.fetchone()[0]
    return Crowd(user, account.pk, big.pk, contact_import.pk, running.pk, draft.pk, call)


def _account() -> ExotelAccount:
    account = ExotelAccount.objects.create(
        name="Bench", kind="simulator", api_url="http://127.0.0.1:9", account_sid="bench", api_key="k", api_token="t",
        calls_per_minute=200, max_concurrent=200,
    )  # fmt: skip
    Pacer.objects.create(account=account, loop_seen_at=timezone.now())
    CallerId.objects.create(account=account, number="08047491899", is_default=True)
    return account


def _campaign(account: ExotelAccount, *lists: ContactList, **fields: Any) -> Campaign:
    plan = CampaignPlan(account=account, lists=lists, caller_id="08047491899", bot="echo", **fields)
    return creating.create(plan, by=COMMAND_LINE)


def _small(account: ExotelAccount, contact_list: ContactList, place: int) -> None:
    made = _campaign(account, contact_list, name=f"Small {place}")
    status = ("draft", "paused", "completed", "cancelled")[place % 4]
    Campaign.objects.filter(pk=made.pk).update(status=status, enrolled_at=timezone.now())


_NAMES = "(ARRAY['Kavita','Rakesh','Sunita','Imran','Lakshmi','Arjun','Meera','Joseph'])[1 + i %% 8]"
_PEOPLE = f"""
    INSERT INTO campaigns_contact
        (contact_list_id, phone, name, time_zone, variables, contact_import_id, line, created_at)
    SELECT %(big)s, '+91' || 7000000000 + i, {_NAMES} || ' ' || i, '', '{{"due": "4350", "city": "Pune"}}', %(import)s,
        i, now() FROM generate_series(1, %(people)s) AS i"""
_SHARED_PEOPLE = f"""
    INSERT INTO campaigns_contact
        (contact_list_id, phone, name, time_zone, variables, line, created_at)
    SELECT %(other)s, '+91' || 7000000000 + i * 2, {_NAMES} || ' ' || i, '', '{{}}', i, now()
    FROM generate_series(1, %(people)s / 10) AS i"""
_REJECTED = """
    INSERT INTO campaigns_importissue (contact_import_id, kind, line, reason, value, "row")
    SELECT %(import)s, 'rejected', i * 33, 'Too short for a phone number: ' || i %% 9 || ' digits', '98765',
        '["Kavita", "98765"]' FROM generate_series(1, %(people)s / 33) AS i"""
# Half of the do-not-call list are numbers that no list has; one person in a hundred of the big list is on it.
_SUPPRESSED = """
    INSERT INTO campaigns_suppression (phone, reason, source, added_at)
    SELECT '+91' || CASE WHEN i %% 100 = 0 THEN 7000000000 ELSE 8000000000 END + i,
        CASE WHEN i %% 3 = 0 THEN 'Asked in the call not to be called' ELSE 'Register of ' || i %% 12 END,
        'operator', now() - i * interval '1 second'
    FROM generate_series(1, %(people)s) AS i"""
# Who was called: the first eight tenths once, the first two of them twice. Attempts count to `people` in all.
_ENROLLED = """
    INSERT INTO campaigns_campaigncontact
        (campaign_id, contact_id, phone, name, variables, time_zone, state, due_at, reason_code, reason, tries,
         last_outcome, disposition, disposition_kind, prepared, changed_at)
    SELECT %(campaign)s, id, phone, name, variables, '', state, now() + shift * interval '1 minute', '', '', tries,
        CASE WHEN state IN ('done', 'retry') THEN (ARRAY['answered', 'no-answer', 'busy', 'failed'])[1 + line %% 4]
            ELSE '' END,
        CASE WHEN state = 'done' AND line %% 8 = 0 THEN 'Promised' ELSE '' END,
        CASE WHEN state = 'done' AND line %% 8 = 0 THEN 'goal' ELSE '' END, true, now()
    FROM (
        SELECT *, CASE WHEN line > %(people)s * 0.8 THEN -1 ELSE line %% 600 END AS shift,
            CASE WHEN line > %(people)s * 0.8 THEN 0 WHEN line <= %(people)s * 0.2 THEN 2 ELSE 1 END AS tries,
            CASE WHEN line > %(people)s * 0.8 THEN 'pending' WHEN line %% 50 = 0 THEN 'skipped'
                WHEN line %% 20 = 1 THEN 'retry' WHEN line %% 50000 = 2 THEN 'uncertain' ELSE 'done' END AS state
        FROM campaigns_contact WHERE contact_list_id = %(big)s ORDER BY id) AS one"""
_CALLED = """
    INSERT INTO campaigns_callattempt
        (account_id, account_kind, campaign_id, campaign_contact_id, ordinal, generation, phone, caller_id,
         ring_timeout, time_limit, mode, state, outcome, reason_code, reason, http_status, sid, owner, intent_at,
         placed_at, answered_at, ended_at, confirmed_at, slot_expires_at, slot_released_at, slot_evidence, checks,
         proof_at, carrier_status, duration, talk_seconds, price, recording_url, contradiction, disposition,
         disposition_kind, disposition_key, disposition_details)
    SELECT %(account)s, 'simulator', %(campaign)s, id, ordinal, 1, phone, '08047491899', 45, 300, 'bot',
        CASE WHEN left_over < 20 THEN 'answered' WHEN place %% 40000 = 3 THEN 'unknown' WHEN place %% 5000 = 4
            THEN 'refused' ELSE 'ended' END,
        CASE WHEN left_over < 20 OR place %% 40000 = 3 OR place %% 5000 = 4 THEN ''
            ELSE (ARRAY['answered', 'no-answer', 'busy', 'failed'])[1 + place %% 4] END,
        '', '', 200, 'sid-' || place, 1, at, at, at, at + interval '40 seconds',
        CASE WHEN place %% 10 > 0 THEN at END, at + interval '355 seconds',
        CASE WHEN left_over >= 20 THEN at END, '', 0, at + interval '1900 seconds', 'completed', 40, 30, 0.6, '', '',
        CASE WHEN place %% 8 = 0 THEN 'Promised' ELSE '' END, CASE WHEN place %% 8 = 0 THEN 'goal' ELSE '' END, '', '{}'
    FROM (
        SELECT *, %(people)s - place AS left_over, now() - (%(people)s - place) * %(step)s AS at
        FROM (SELECT id, phone, ordinal, row_number() OVER (ORDER BY ordinal, id) AS place
              FROM campaigns_campaigncontact, LATERAL generate_series(1, tries) AS ordinal
              WHERE campaign_id = %(campaign)s) AS each) AS one
    ON CONFLICT DO NOTHING"""
_IN_CALL = """
    UPDATE campaigns_campaigncontact AS person SET state = 'in-call' FROM campaigns_callattempt AS call
    WHERE call.campaign_contact_id = person.id AND call.state = 'answered'"""
_RECENT = "(SELECT * FROM campaigns_callattempt ORDER BY intent_at DESC LIMIT %(detailed)s) AS recent"
_EVENTS = f"""
    INSERT INTO campaigns_callevent
        (attempt_id, account_id, source, received_at, call_sid, digest, said, fields, raw, content_type, copies,
         applied_at, note)
    SELECT id, account_id, source, intent_at, sid, source || id, '{{"status": "answered"}}',
        '{{"Status": "completed", "CallSid": "x", "RecordingUrl": "https://example.org/a.mp3"}}', '', '', 1, now(), ''
    FROM {_RECENT}, unnest(ARRAY['post', 'callback', 'stream', 'details']) AS source"""
_STREAMS = f"""
    INSERT INTO campaigns_stream
        (attempt_id, stream_sid, call_sid, opened_at, started_at, closed_at, close_code, closed_by, close_reason,
         sample_rate, encoding, custom_parameters, seconds, frames_in, frames_out, bytes_in, bytes_out, dropped)
    SELECT id, 's' || id, sid, intent_at, intent_at, ended_at, 1000, 'bot', '', 8000, '', '{{}}', 30, 100, 100, 1, 1, 0
    FROM {_RECENT}"""
_ENTRIES = """
    INSERT INTO campaigns_streamentry (stream_id, at, kind, text, data)
    SELECT id, place, (ARRAY['first_audio', 'prompt', 'barge_in', 'key', 'prompt', 'disposition'])[place],
        'Namaste, an instalment is due on Friday.', '{}'
    FROM campaigns_stream, generate_series(1, 6) AS place"""
_RECORDINGS = f"""
    INSERT INTO campaigns_recording
        (attempt_id, status, reason, last_error, candidates, ask_next, tries, give_up_at, changed_at, file, size,
         sha256, content_type, presigned, fetched_at, channels, seconds, peaks, measurings)
    SELECT id, CASE WHEN id %% 2 = 0 THEN 'stored' ELSE 'missing' END, '', '', '[]', false, 1, intent_at, intent_at,
        'bench/' || id || '.mp3', 1, 'x', 'audio/mpeg', false, intent_at, 2, 30,
        (SELECT jsonb_build_array(jsonb_agg(i %% 90), jsonb_agg(i %% 70)) FROM generate_series(1, 800) AS i), 1
    FROM {_RECENT}"""
_FILL = (
    _PEOPLE, _SHARED_PEOPLE, _REJECTED, _SUPPRESSED, _ENROLLED, _CALLED, _IN_CALL, _EVENTS, _STREAMS, _ENTRIES,
    _RECORDINGS,
)  # fmt: skip
