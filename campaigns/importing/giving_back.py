"""What an import has changed about people is given back, as the import kept it beside them (`Contact.before`).

To be called inside a transaction that holds the list, after whoever came with the import is gone.
"""

from typing import Any

from django.db import connection

from campaigns import off_list
from campaigns.importing import lines
from campaigns.models import Contact, ContactImport

AT_ONCE = 1_000
NOT_GIVEN_BACK = "Kept the newer number when the import was undone: the other is taken, or this one on do-not-call"

# Who has left the list since then, or does not want to be called, is not brought back by the undo.
_AS_BEFORE = """name = before->>'name', time_zone = before->>'time_zone', variables = before->'variables',
        alternatives = before->'alternatives', language = before->>'language', external_id = before->>'external_id',
        consent = before->>'consent', line = (before->>'line')::int,
        kept = kept OR coalesce((before->>'kept')::boolean, false), changed_by = (before->>'changed_by')::bigint,
        before = NULL"""
# One person a number, who had it first. A number on do-not-call is not exchanged for one that is not.
_RESTORE = f"""
    WITH wanted AS (
        SELECT DISTINCT ON (before->>'phone') id, before->>'phone' AS phone,
            before->>'phone' <> phone OR coalesce((before->>'kept')::boolean, false) AS is_off
        FROM campaigns_contact AS one
        WHERE id = ANY(%(people)s) AND changed_by = %(import)s AND before IS NOT NULL
            AND (before->>'phone' = phone OR NOT EXISTS (
                SELECT FROM campaigns_suppression AS said WHERE said.phone = one.phone))
        ORDER BY before->>'phone', line, id
    )
    UPDATE campaigns_contact AS person SET phone = wanted.phone, {_AS_BEFORE},
        flag = CASE WHEN kept THEN flag ELSE before->>'flag' END
    FROM wanted
    WHERE person.id = wanted.id AND NOT EXISTS (
        SELECT FROM campaigns_contact AS other
        WHERE other.contact_list_id = %(list)s AND other.phone = wanted.phone AND other.id <> wanted.id)
    RETURNING CASE WHEN wanted.is_off THEN person.id END"""  # noqa: S608 (our words)
_RESTORE_ALL_ELSE = f"""
    UPDATE campaigns_contact SET {_AS_BEFORE},
        flag = CASE WHEN flag = %(refused)s THEN flag
            WHEN (before->>'kept')::boolean AND before->>'flag' = %(refused)s THEN %(refused)s ELSE %(why)s END
    WHERE id = ANY(%(people)s) AND changed_by = %(import)s AND before IS NOT NULL"""  # noqa: S608 (our words)
_FORGET_THE_NAMED = """
    UPDATE campaigns_contact SET changed_by = NULL
    WHERE id = ANY(%(people)s) AND changed_by = %(import)s AND before IS NULL"""


def restore(job: ContactImport, people: list[int]) -> int:
    """Give people (ids) back what the import has replaced, where their number is free; how many."""
    if not people:
        return 0
    values: dict[str, Any] = {"people": people, "import": job.pk, "list": job.contact_list_id}
    with connection.cursor() as cursor:
        cursor.execute(_FORGET_THE_NAMED, values)
        cursor.execute(_RESTORE, values)
        restored = cursor.fetchall()
    lines.follow(job.contact_list, [pk for (pk,) in restored if pk])
    return len(restored)


def restore_the_rest(job: ContactImport) -> tuple[int, int] | None:
    """The next people whose numbers were not free: (how many got theirs, how many keep the newer one); None at the end.

    The last row of the file first: whoever got the number of somebody further up must give it up before.
    """
    same = {"contact_list_id__gte": job.contact_list_id, "contact_list_id__lte": job.contact_list_id}
    waiting = Contact.objects.filter(**same, changed_by=job.pk, before__isnull=False).order_by("-line", "-pk")
    left = list(waiting.values_list("pk", flat=True)[:AT_ONCE])
    if not left:
        return None
    restored = 0
    while more := restore(job, left):
        restored += more
    values: dict[str, Any] = {"people": left, "import": job.pk, "why": NOT_GIVEN_BACK, "refused": off_list.REFUSED}
    with connection.cursor() as cursor:
        cursor.execute(_RESTORE_ALL_ELSE, values)
        others = cursor.rowcount
    lines.follow(job.contact_list, left)  # of them, too, some are off the list again
    return restored, others
