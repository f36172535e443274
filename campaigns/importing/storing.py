"""The statements of one chunk, set-based. To be called inside the chunk's transaction."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import compress, islice
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from campaigns import off_list
from campaigns.importing import lines
from campaigns.importing.chunks import COLUMNS, STAGED, Chunk
from campaigns.importing.options import APPEND, BY_ID, REPLACE, Options
from campaigns.models import ContactImport

COPIED = 1_000  # lines sent at once
_STAGE = f"CREATE TEMPORARY TABLE stage ({STAGED})"
_INSERT_PEOPLE = f"""
    WITH new AS (
        INSERT INTO campaigns_contact (contact_list_id, contact_import_id, created_at, {COLUMNS})
        SELECT %(list)s, %(import)s, %(now)s, {COLUMNS} FROM stage WHERE {{wanted}}
        ON CONFLICT (contact_list_id, phone) DO NOTHING RETURNING line)
    SELECT line FROM stage WHERE NOT EXISTS (SELECT FROM new WHERE new.line = stage.line)"""  # noqa: S608 (our words)
_OF_A_NEW_ID = """external_id = '' OR line IN (SELECT min(line) FROM stage GROUP BY external_id) AND NOT EXISTS (
    SELECT FROM campaigns_contact AS person WHERE person.contact_list_id = %(list)s
        AND person.external_id <> '' AND person.external_id = stage.external_id)"""
_ANYBODY_KEPT = "SELECT EXISTS (SELECT FROM campaigns_contact WHERE contact_list_id = %(list)s AND kept)"
_ANYBODY_OPTED_OUT = """
    SELECT EXISTS (
        SELECT FROM campaigns_contact AS person JOIN campaigns_suppression AS one ON one.phone = person.phone
        WHERE person.contact_list_id = %(list)s AND person.external_id <> '')"""
# Whoever asked not to be called at their number so far would be called at the new one. So would who has refused, unless
# the file says what they want now; by the id they are found, and stay off the list.
_OPTED_OUT = """
    WITH gone AS (
        DELETE FROM stage USING campaigns_contact AS person
        WHERE person.contact_list_id = %(list)s AND person.external_id <> '' AND person.phone <> stage.phone
            AND person.external_id = stage.external_id
            AND (EXISTS (SELECT FROM campaigns_suppression AS one WHERE one.phone = person.phone)
                OR NOT %(by_id)s AND person.kept AND person.flag = %(refused)s AND stage.consent = '')
        RETURNING stage.line, person.id
    ), named AS (
        UPDATE campaigns_contact AS person SET changed_by = %(import)s, before = NULL
        FROM gone WHERE person.id = gone.id AND person.contact_import_id IS DISTINCT FROM %(import)s
            AND person.changed_by IS DISTINCT FROM %(import)s
    )
    SELECT line FROM gone"""
_SUPPRESSED = """
    SELECT count(*) FROM stage WHERE line <> ALL(%s)
        AND EXISTS (SELECT FROM campaigns_suppression AS one WHERE one.phone = stage.phone)"""
# Which numbers are on the list, and which on do-not-call. Each is looked up on the list by itself: that may have grown
# a thousandfold since its statistics were taken.
_KNOWN = """
    SELECT given.phone, known.phone IS NOT NULL FROM unnest(%s::text[]) AS given (phone)
    LEFT JOIN LATERAL (
        SELECT person.phone FROM campaigns_contact AS person
        WHERE person.contact_list_id = %s AND person.phone = given.phone OFFSET 0) AS known ON true
    LEFT JOIN campaigns_suppression AS one ON one.phone = given.phone
    WHERE known.phone IS NOT NULL OR one.phone IS NOT NULL"""
_COPY_PEOPLE = f"COPY campaigns_contact ({COLUMNS}, contact_list_id, contact_import_id, created_at) FROM STDIN"


@dataclass(frozen=True)
class Stored:
    """What became of a chunk's people: lines of those who were there before, and of those who keep a number that is on
    do-not-call; how many were brought up to date, and how many of the imported are on do-not-call."""

    repeated: set[int]
    opted_out: set[int]
    updated: int
    suppressed: int


# Of two rows about one person the first counts.
_BY_PHONE = "SELECT DISTINCT ON (phone) * FROM stage ORDER BY phone, line"
_BY_ID = f"""(SELECT DISTINCT ON (external_id) * FROM ({_BY_PHONE}) AS one WHERE external_id <> ''
    ORDER BY external_id, line) UNION ALL SELECT * FROM ({_BY_PHONE}) AS one WHERE external_id = ''"""  # noqa: S608 (our words)
_OF_THE_LIST = "FROM campaigns_contact AS person WHERE person.contact_list_id = %(list)s"
_HAS_PHONE = "person.phone = given.phone"
_HAS_ID = "person.external_id <> '' AND person.external_id = given.external_id"
_SAME_PHONE = f"SELECT id {_OF_THE_LIST} AND {_HAS_PHONE} LIMIT 1"
# Who left the list and was kept for the sake of a call is not on it: naming them again brings them in. Not so who did
# not want to be called, unless the file says what they want now.
_KEPT_PHONE = f"""SELECT id {_OF_THE_LIST} AND {_HAS_PHONE} AND person.kept
    AND (person.flag <> %(refused)s OR given.consent <> '') LIMIT 1"""
# Whom no id tells is told by the number, unless both have an id: then they are two people with one phone.
_SAME_ID = f"""SELECT id FROM (
        SELECT 1 AS turn, id {_OF_THE_LIST} AND {_HAS_ID}
        UNION ALL SELECT 2, id {_OF_THE_LIST} AND {_HAS_PHONE} AND (person.external_id = '' OR given.external_id = '')
    ) AS either ORDER BY turn, id LIMIT 1"""  # noqa: S608 (our words)
# Whom a row names, be it only as a duplicate, is in the file and does not leave the list with those who are not.
_NAMED = f"""
    UPDATE campaigns_contact AS one SET changed_by = %(import)s, before = NULL
    WHERE one.contact_import_id IS DISTINCT FROM %(import)s AND one.changed_by IS DISTINCT FROM %(import)s
        AND one.id IN (
            SELECT found.id FROM stage AS given,
                LATERAL (SELECT id {_OF_THE_LIST} AND {_HAS_PHONE} OFFSET 0) AS found
            UNION SELECT found.id FROM stage AS given,
                LATERAL (SELECT id {_OF_THE_LIST} AND {_HAS_ID} OFFSET 0) AS found)"""  # noqa: S608 (our words)
_REFUSES = "person.kept AND person.flag = %(refused)s AND known.consent = ''"
# Whoever this import has brought or changed already is a repetition; who was only named by it is not.
_UPDATE = """
    WITH given AS ({given}), known AS (
        SELECT DISTINCT ON (found.id) given.*, found.id AS person_id FROM given, LATERAL ({same}) AS found
        ORDER BY found.id, given.line
    )
    UPDATE campaigns_contact AS person SET
        before = jsonb_build_object(
            'phone', person.phone, 'name', person.name, 'time_zone', person.time_zone, 'variables', person.variables,
            'alternatives', person.alternatives, 'language', person.language, 'external_id', person.external_id,
            'consent', person.consent, 'flag', person.flag, 'line', person.line, 'kept', person.kept,
            'changed_by', nullif(person.changed_by, %(import)s)),
        phone = known.phone,
        name = coalesce(nullif(known.name, ''), person.name),
        time_zone = CASE WHEN known.phone = person.phone THEN coalesce(nullif(known.time_zone, ''), person.time_zone)
            ELSE known.time_zone END,
        variables = person.variables || known.variables,
        alternatives = CASE WHEN known.alternatives = '[]' THEN person.alternatives ELSE known.alternatives END,
        language = coalesce(nullif(known.language, ''), person.language),
        external_id = coalesce(nullif(known.external_id, ''), person.external_id),
        consent = coalesce(nullif(known.consent, ''), person.consent),
        flag = CASE WHEN {refuses} THEN person.flag ELSE known.flag END, kept = {refuses},
        line = known.line, changed_by = %(import)s
    FROM known
    WHERE person.id = known.person_id AND person.contact_import_id IS DISTINCT FROM %(import)s
        AND (person.changed_by IS DISTINCT FROM %(import)s OR person.before IS NULL)
        AND NOT EXISTS (SELECT FROM campaigns_contact AS other WHERE other.contact_list_id = %(list)s
            AND other.phone = known.phone AND other.id <> person.id)
    RETURNING known.line, CASE WHEN person.phone <> person.before->>'phone' THEN person.id END"""
CHAIN = 10  # of people in one chunk who each get the number that the next of them had


def _update(options: Options) -> str:
    given, same = (_BY_ID, _SAME_ID) if options.match_by == BY_ID else (_BY_PHONE, _SAME_PHONE)
    if options.how == APPEND:
        given, same = _BY_PHONE, _KEPT_PHONE
    return _UPDATE.format(given=given, same=same, refuses=_REFUSES)


def opted_out_by_id(job: ContactImport, options: Options) -> bool:
    """Whether the file has ids, and somebody on the list with an id is on do-not-call. Reads all of the list."""
    if not options.external_id:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_ANYBODY_OPTED_OUT, {"list": job.contact_list_id})
        return bool(cursor.fetchone()[0])


def store_people(job: ContactImport, chunk: Chunk, options: Options, *, by_id: bool = False) -> Stored:
    """Store whoever is not in the list yet, after bringing the others up to date where that is wanted.

    The first of two in a file wins. `by_id`: people may have opted out who come with another number, as
    `opted_out_by_id` has said before the first chunk.
    """
    with connection.cursor() as cursor:
        if options.how == APPEND and not by_id and not _anybody_kept(cursor, job):
            return _append(cursor, job, chunk)
        return _through_stage(cursor, job, chunk, options)


def _append(cursor: CursorWrapper, job: ContactImport, chunk: Chunk) -> Stored:
    """Whoever is new goes straight into the table: no statement takes rows as fast as COPY does.

    It fails where a number is there already. Nobody adds one between the question and the COPY: the list is locked.
    """
    found = chunk.found
    cursor.execute(_KNOWN, [array(chunk.numbers), job.contact_list_id])
    told = dict(cursor.fetchall())
    known = {phone for phone, on_the_list in told.items() if on_the_list}
    new = [phone not in known for phone in found.phones]
    for place in chunk.again:
        new[place] = False
    _copy(cursor, _COPY_PEOPLE, compress(found.staged, new), f"\t{job.contact_list_id}\t{job.pk}\t{timezone.now()}\n")
    repeated = {line for line, is_new in zip(found.lines, new, strict=True) if not is_new}
    return Stored(repeated, set(), 0, suppressed=len(told) - len(known))


def array(numbers: Iterable[str]) -> str:
    """As PostgreSQL writes an array. Numbers in E.164 need no quotation marks."""
    return f"{{{','.join(numbers)}}}"


def _copy(cursor: CursorWrapper, statement: str, staged: Iterable[str], end: str) -> None:
    """A block at a time, so that the database takes one while Python makes the next."""
    lines = iter(staged)
    with cursor.copy(statement) as copy:
        while block := list(islice(lines, COPIED)):
            copy.write(f"{end.join(block)}{end}".encode("utf-8", "replace"))


def _anybody_kept(cursor: CursorWrapper, job: ContactImport) -> bool:
    cursor.execute(_ANYBODY_KEPT, {"list": job.contact_list_id})
    return bool(cursor.fetchone()[0])


def _through_stage(cursor: CursorWrapper, job: ContactImport, chunk: Chunk, options: Options) -> Stored:
    by_id = options.how != APPEND and options.match_by == BY_ID
    values: dict[str, Any] = {
        "list": job.contact_list_id,
        "import": job.pk,
        "now": timezone.now(),
        "refused": off_list.REFUSED,
        "by_id": by_id,
    }
    cursor.execute(_STAGE)
    _copy(cursor, "COPY stage FROM STDIN", chunk.found.staged, "\n")
    opted_out = _lines(cursor, _OPTED_OUT, values)
    updated = _bring_up_to_date(cursor, job, options, values)
    repeated = _lines(cursor, _INSERT_PEOPLE.format(wanted=_OF_A_NEW_ID if by_id else "true"), values) - updated
    if options.how == REPLACE and by_id:
        cursor.execute(_NAMED, values)
    cursor.execute(_SUPPRESSED, [list(repeated)])
    suppressed: int = cursor.fetchone()[0]
    cursor.execute("DROP TABLE stage")
    return Stored(repeated, opted_out, len(updated), suppressed)


def _lines(cursor: CursorWrapper, statement: str, values: dict[str, Any]) -> set[int]:
    cursor.execute(statement, values)
    return {line for (line,) in cursor.fetchall()}


def _bring_up_to_date(cursor: CursorWrapper, job: ContactImport, options: Options, values: dict[str, Any]) -> set[int]:
    """Lines of the people who were on the list and are as the file says now. The lines of campaigns follow them."""
    updated: set[int] = set()
    for _ in range(CHAIN if options.match_by == BY_ID else 1):
        cursor.execute(_update(options), values)
        found = cursor.fetchall()
        if not found:
            break
        updated |= {line for line, _ in found}
        lines.follow(job.contact_list, [pk for _, pk in found if pk])
    return updated
