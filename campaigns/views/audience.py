"""Who of some lists is on do-not-call, and on two of them at once: exact while that is quick, else at least so many.

Each question is asked from its shorter side, a probe of an index for each number there. When both sides are long, it is
asked of LOOKED_AT people only. Nothing hangs on the answer: everybody is checked again before each call. With
conditions (`campaigns.filters`) only those count who meet them.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from django.db import connection

from campaigns import filters, tallies
from campaigns.views.paging import Some

LOOKED_AT = 6_000  # numbers that a page may probe


Who = Callable[[str], tuple[str, dict[str, Any]]]  # a WHERE about the contact that a query calls so; filters.named
EVERYBODY: Who = partial(filters.named, (), ())


def on_do_not_call(list_ids: Sequence[int], sizes: Mapping[int, int], who: Who = EVERYBODY) -> Some:
    """How many different people of the lists are on the do-not-call list. `sizes` are the lists' people."""
    if not list_ids:
        return Some(0)
    text, asked = who("person")
    if tallies.suppressed() * len(list_ids) <= LOOKED_AT:
        return Some(_ask(_SUPPRESSED_OF_NUMBERS.format(person=text), asked, lists=list(list_ids)))
    exact = sum(sizes.values()) <= LOOKED_AT
    each = LOOKED_AT if exact else LOOKED_AT // len(list_ids)
    return Some(_ask(_SUPPRESSED_OF_PEOPLE.format(person=text), asked, lists=list(list_ids), each=each), exact)


def on_two_lists(list_ids: Sequence[int], sizes: Mapping[int, int], who: Who = EVERYBODY) -> Some:
    """How many rows of the lists are people that another of them has already."""
    if len(list_ids) < 2:
        return Some(0)
    longest, *others = sorted(list_ids, key=lambda pk: -sizes[pk])
    exact = sum(sizes[pk] for pk in others) <= LOOKED_AT
    each = LOOKED_AT if exact else LOOKED_AT // len(others)
    (text, asked), (same, _) = who("person"), who("one")
    query = _REPEATED.format(person=text, one=same)
    return Some(_ask(query, asked, longest=longest, lists=others, each=each), exact)


def _ask(query: str, asked: Mapping[str, Any], **values: int | list[int]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, {**asked, **values})
        row: tuple[int] = cursor.fetchone()
    return row[0]


# LIMIT in a lateral subquery keeps the planner from turning the probes into a scan of the longer side; a range
# of one list (an equality would be dropped from the order) keeps it from walking over the ids of all other lists.
_SUPPRESSED_OF_NUMBERS = """
    SELECT count(*) FROM campaigns_suppression AS suppressed, LATERAL (
        SELECT FROM campaigns_contact AS person
        WHERE person.contact_list_id = ANY(%(lists)s) AND person.phone = suppressed.phone AND {person}
        LIMIT 1) AS listed"""
_PEOPLE = """
    unnest(%(lists)s::bigint[]) AS list (id), LATERAL (
        SELECT phone, {person} AS matches FROM campaigns_contact AS person
        WHERE contact_list_id BETWEEN list.id AND list.id ORDER BY contact_list_id, id LIMIT %(each)s) AS person"""
_SUPPRESSED_OF_PEOPLE = f"""
    SELECT count(DISTINCT person.phone) FROM {_PEOPLE}, LATERAL (
        SELECT FROM campaigns_suppression AS one WHERE one.phone = person.phone LIMIT 1) AS suppressed
    WHERE person.matches"""  # noqa: S608 (our own words)
_REPEATED = f"""
    SELECT count(*) - count(DISTINCT person.phone) FILTER (WHERE known.yes IS NULL) FROM {_PEOPLE} LEFT JOIN LATERAL (
        SELECT true AS yes FROM campaigns_contact AS one
        WHERE one.contact_list_id = %(longest)s AND one.phone = person.phone AND {{one}} LIMIT 1) AS known ON true
    WHERE person.matches"""  # noqa: S608
