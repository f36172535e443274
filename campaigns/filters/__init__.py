"""Who of a list: conditions read from an address, a form or a line, told in words, and asked of the database.

    conditions = filters.parse(request.GET, [contact_list])        # BadFilter with sentences
    people = filters.apply(Contact.objects.filter(...), conditions, [contact_list])
    filters.describe_all(conditions)                               # ["city is Pune", "amount over 5,000"]

The rules of comparing stand in `conditions`.
"""

from campaigns.filters.conditions import (
    OPS,
    BadFilter,
    Condition,
    Field,
    Op,
    field_of,
    fields_of,
    from_json,
    to_json,
)
from campaigns.filters.reading import FIELD, OP, VALUE, Row, check, parse, query_of, read_text, rows_of
from campaigns.filters.saying import describe, describe_all, names_of, together
from campaigns.filters.sql import ALL, apply, named, unmet, where

__all__ = [
    "ALL",
    "FIELD",
    "OP",
    "OPS",
    "VALUE",
    "BadFilter",
    "Condition",
    "Field",
    "Op",
    "Row",
    "apply",
    "check",
    "describe",
    "describe_all",
    "field_of",
    "fields_of",
    "from_json",
    "named",
    "names_of",
    "parse",
    "query_of",
    "read_text",
    "rows_of",
    "to_json",
    "together",
    "unmet",
    "where",
]
