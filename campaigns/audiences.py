"""How many people of some lists meet conditions, and who for example: counted as far as a page can wait, else guessed.

No index finds them, so everybody is read, up to COUNTED people. Of longer lists slices are read that are spread evenly
over each, and the share of them that matches is taken for the whole list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from campaigns import filters
from campaigns.filters import Condition
from campaigns.models import Contact, ContactList

COUNTED = 50_000  # people that are read one by one
SLICES, IN_SLICE = 500, 20  # of lists that are longer together: so many slices of all, and so many people of each
EXAMPLES = 3


@dataclass(frozen=True)
class Matching:
    """`people` of `of` match; not `exact`: about so many, by the `looked_at` that were read. `examples` by id."""

    people: int
    of: int
    exact: bool = True
    looked_at: int = 0
    examples: tuple[int, ...] = ()

    @property
    def left_out(self) -> int:
        return self.of - self.people


def matching(lists: Sequence[ContactList], conditions: Sequence[Condition], sizes: Mapping[int, int]) -> Matching:
    """Of the people of `lists`, of which `sizes` tells how many each has; somebody on two lists is counted twice.

    One query, or none where there is nothing to ask.
    """
    of = sum(sizes[one.pk] for one in lists)
    if not conditions or not lists:
        return Matching(of, of)
    exact = of <= COUNTED
    slices, most = (1, COUNTED) if exact else (max(SLICES // len(lists), 20), IN_SLICE)
    found = [row for row in _look(lists, conditions, slices, most) if row[1]]
    looked_at = sum(looked for _, looked, _, _ in found)
    examples = tuple(pk for *_, some in found for pk in some or ())[:EXAMPLES]
    if exact:
        return Matching(sum(matched for _, _, matched, _ in found), of, looked_at=looked_at, examples=examples)
    about = sum(sizes[pk] * matched / looked for pk, looked, matched, _ in found)
    return Matching(min(_rounded(about), of), of, exact=False, looked_at=looked_at, examples=examples)


def examples(found: Matching) -> list[Contact]:
    """The people of `found.examples`."""
    return list(Contact.objects.filter(pk__in=found.examples).order_by("pk")) if found.examples else []


def _look(
    lists: Sequence[ContactList], conditions: Sequence[Condition], slices: int, most: int
) -> list[tuple[int, int, int, list[int] | None]]:
    """(list, people looked at, those who match, the first of them), for each list."""
    text, asked = filters.named(conditions, lists)
    values: dict[str, Any] = {"lists": [one.pk for one in lists], "slices": slices, "most": most, "examples": EXAMPLES}
    with connection.cursor() as cursor:
        cursor.execute(_LOOK.format(matches=text), values | asked)
        rows: list[tuple[int, int, int, list[int] | None]] = cursor.fetchall()
    return rows


def _rounded(about: float) -> int:
    """To three figures: the rest of it is chance."""
    return int(Decimal(f"{about:.2e}"))


# A range of one list, and ordered by it: see campaigns.enrolling. Ids may have gaps (other lists came in between), so a
# slice ends where the next begins, and nobody is read twice. It begins anywhere in its first half (the same place each
# time), since a file may repeat itself at even distances.
_LOOK = """
SELECT list.id, count(*), count(*) FILTER (WHERE looked.matches),
    (array_agg(looked.id) FILTER (WHERE looked.matches))[1:%(examples)s]
FROM unnest(%(lists)s::bigint[]) AS list (id), LATERAL (
    SELECT id FROM campaigns_contact WHERE contact_list_id BETWEEN list.id AND list.id
    ORDER BY contact_list_id, id LIMIT 1
) AS first, LATERAL (
    SELECT (id - first.id) / %(slices)s + 1 AS ids FROM campaigns_contact
    WHERE contact_list_id BETWEEN list.id AND list.id ORDER BY contact_list_id DESC, id DESC LIMIT 1
) AS width, generate_series(0, %(slices)s - 1) AS slice, LATERAL (
    SELECT id, {matches} AS matches FROM campaigns_contact
    WHERE contact_list_id BETWEEN list.id AND list.id AND NOT kept
        AND id >= first.id + slice * width.ids + CASE WHEN slice = 0 THEN 0 ELSE
            abs(hashint4(slice)::bigint) %% greatest(width.ids / 2, 1) END
        AND id < first.id + (slice + 1) * width.ids
    ORDER BY contact_list_id, id LIMIT %(most)s
) AS looked
GROUP BY list.id ORDER BY list.id
"""
