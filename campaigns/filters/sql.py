"""Conditions as a WHERE over campaigns_contact. Our words are constants of this file; the operator's are parameters.

`campaigns_cell_number` and `campaigns_cell_date` (migration 0017) read a cell as `campaigns.importing.values` does and
give NULL for what cannot be read. Nothing here is found by an index: whoever asks bounds the people looked at, by a
range of one list.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL

from campaigns.filters.conditions import PHONE, Condition
from campaigns.filters.saying import TO
from campaigns.importing.phones import zone_of_region
from campaigns.importing.values import MONTH_FIRST
from campaigns.models import Contact, ContactList

ALL = "TRUE"
Sql = tuple[str, list[Any]]  # a text with a %s for each of its parameters

_COLUMNS: Mapping[str, str] = {
    "name": "campaigns_contact.name",
    "phone": "campaigns_contact.phone",
    "external_id": "campaigns_contact.external_id",
    "language": "campaigns_contact.language",
    "consent": "campaigns_contact.consent",
}
_VARIABLE = "coalesce(campaigns_contact.variables ->> %s::text, '')"
# Who is in the list's own country has no zone of their own; theirs is that of the list.
_ZONE = "coalesce(nullif(campaigns_contact.time_zone, ''), %s::jsonb ->> campaigns_contact.contact_list_id::text, '')"
_TEXTS: Mapping[str, str] = {
    "is": "{cell} = lower(%s)",
    "is-not": "{cell} <> lower(%s)",
    "one-of": "{cell} = ANY (SELECT lower(each) FROM unnest(%s::text[]) AS each)",
    "contains": "strpos({cell}, lower(%s)) > 0",
    "lacks": "strpos({cell}, lower(%s)) = 0",
    "starts": "starts_with({cell}, %s)",
    "ends": "right({cell}, length(%s)) = %s",
    "empty": "{cell} = ''",
    "filled": "{cell} <> ''",
}
_ORDERS: Mapping[str, str] = {
    "eq": "{cell} = {to}",
    "ne": "{cell} <> {to}",
    "lt": "{cell} < {to}",
    "le": "{cell} <= {to}",
    "gt": "{cell} > {to}",
    "ge": "{cell} >= {to}",
    "between": "{cell} BETWEEN {to} AND {to}",
}
_DAYS: Mapping[str, str] = {
    "on": _ORDERS["eq"],
    "not-on": _ORDERS["ne"],
    "before": _ORDERS["lt"],
    "after": _ORDERS["gt"],
    "until": _ORDERS["le"],
    "since": _ORDERS["ge"],
    "within": _ORDERS["between"],
}
# Who said something to a bot has picked up, whatever is known of the call: so the counts of a campaign have it, too.
_PICKED_UP = """(called.last_outcome = 'answered' OR called.disposition <> ''
    OR EXISTS (SELECT FROM campaigns_callattempt AS call
        WHERE call.campaign_contact_id = called.id AND (call.outcome = 'answered' OR call.state = 'answered')))"""
_IN_CAMPAIGN = """EXISTS (SELECT FROM campaigns_campaigncontact AS called
    WHERE called.campaign_id = %s AND called.phone = campaigns_contact.phone AND {how})"""
_HOW: Mapping[str, str] = {
    "answered": _PICKED_UP,
    # whoever is being called, or may have been, has not answered *yet*
    "not-answered": f"called.tries > 0 AND called.state NOT IN ('in-call', 'uncertain') AND NOT {_PICKED_UP}",
    "called": "called.tries > 0",
    "no-answer": "called.last_outcome = 'no-answer'",
    "busy": "called.last_outcome = 'busy'",
    "failed": "called.last_outcome = 'failed'",
    "uncertain": "called.state = 'uncertain'",
    "goal": "called.disposition_kind = 'goal'",
    "not-goal": f"called.disposition_kind <> 'goal' AND called.state <> 'in-call' AND {_PICKED_UP}",
    "objection": "called.disposition_kind = 'objection'",
}


def apply(
    people: QuerySet[Contact], conditions: Iterable[Condition], lists: Iterable[ContactList]
) -> QuerySet[Contact]:
    """Those of `people` who meet every condition. `people` is the outermost query, and all of them are of `lists`."""
    text, values = where(conditions, lists)
    if text == ALL:
        return people
    return people.filter(RawSQL(text, values, output_field=BooleanField()))  # noqa: S611 (constants of this file)


def where(conditions: Iterable[Condition], lists: Iterable[ContactList]) -> Sql:
    """What follows WHERE in a query of campaigns_contact under that very name, and its parameters; ALL without any.

    It is never NULL, so that NOT and FILTER may stand around it.
    """
    parts = each(conditions, lists)
    return " AND ".join(part for part, _ in parts) or ALL, [value for _, values in parts for value in values]


def named(
    conditions: Iterable[Condition], lists: Iterable[ContactList], table: str = "campaigns_contact"
) -> tuple[str, dict[str, Any]]:
    """The same with named parameters (asked_0, …), for a query that calls campaigns_contact `table`."""
    text, values = where(conditions, lists)
    names = {f"asked_{place}": value for place, value in enumerate(values)}
    return text.replace("campaigns_contact.", f"{table}.") % tuple(f"%({name})s" for name in names), names


def each(conditions: Iterable[Condition], lists: Iterable[ContactList]) -> list[Sql]:
    """What `where` puts together, condition by condition."""
    lists = list(lists)
    parts = [_condition(one, lists) for one in conditions]
    return [(f"coalesce({part}, false)", values) for part, values in parts]


def unmet(person: Contact, conditions: Iterable[Condition]) -> list[Condition]:
    """Which of the conditions somebody does not meet now. One query."""
    asked = list(conditions)
    parts = each(asked, [person.contact_list])
    if not parts:
        return []
    columns = ", ".join(part for part, _ in parts)
    values = [value for _, given in parts for value in given]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM campaigns_contact WHERE id = %s", [*values, person.pk])  # noqa: S608 (our own words)
        met = cursor.fetchone() or ()
    return [one for one, so in zip(asked, met, strict=False) if not so]


def _condition(condition: Condition, lists: Sequence[ContactList]) -> Sql:
    if condition.campaign_id:
        return _in_campaign(condition)
    cell, values = _cell(condition, lists)
    if condition.op in _ORDERS:
        text = _ORDERS[condition.op].format(cell=f"campaigns_cell_number({cell})", to="%s::numeric")
        return text, [*values, *condition.value.split(TO)]
    if condition.op in _DAYS:
        first = [one.pk for one in lists if one.region in MONTH_FIRST]
        read = f"campaigns_cell_date({cell}, campaigns_contact.contact_list_id = ANY (%s::bigint[]))"
        text = _DAYS[condition.op].format(cell=read, to="%s::date")
        return text, [*values, first, *condition.value.split(TO)]
    return _text(condition, cell, values)


def _cell(condition: Condition, lists: Sequence[ContactList]) -> Sql:
    """What is asked about, as text that is never NULL."""
    if condition.variable:
        return _VARIABLE, [condition.variable]
    if condition.field == "zone":
        return _ZONE, [json.dumps({one.pk: zone_of_region(one.region, "") for one in lists})]
    return _COLUMNS[condition.field], []


def _text(condition: Condition, cell: str, values: list[Any]) -> Sql:
    text = _TEXTS[condition.op].format(cell=f"lower(btrim({cell}))" if condition.field != PHONE else cell)
    given = one_of(condition.value) if condition.op == "one-of" else condition.value
    return text, [*values, *[given] * _TEXTS[condition.op].count("%s")]


def one_of(value: str) -> list[str]:
    """The texts of "is one of", which commas part."""
    return [part.strip() for part in value.split(",") if part.strip()]


def _in_campaign(condition: Condition) -> Sql:
    if condition.op == "not-called":
        return f"NOT {_IN_CAMPAIGN.format(how=_HOW['called'])}", [condition.campaign_id]
    return _IN_CAMPAIGN.format(how=_HOW[condition.op]), [condition.campaign_id]
