"""Reads a body of the REST API, JSON or XML whatever was asked for, and finds keys in any letter case."""

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree

from campaigns.exotel.errors import Unreadable

DEPTH = 16
Object = Mapping[str, Any]
_DECLARATION = re.compile(r"<!(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)


def read_body(body: bytes) -> Object:
    """The object that `body` holds, without Exotel's `TwilioResponse` wrapper. Raises Unreadable.

    XML elements become strings, objects, or lists where a name repeats; attributes are dropped.
    """
    text = body.decode("utf-8-sig", "replace").strip()
    if not text:
        raise Unreadable("the answer was empty")
    found = _read_xml(text) if text.startswith("<") else _read_json(text)
    if not isinstance(found, Mapping):
        raise Unreadable("the answer was not an object")
    inner = pick(found, "TwilioResponse")
    return inner if isinstance(inner, Mapping) else found


def pick(found: Object, name: str) -> Any:
    """The value under `name`, whatever the letter case and with or without _; None when it is not there."""
    wanted = fold(name)
    return next((value for key, value in found.items() if fold(key) == wanted), None)


def fold(name: str) -> str:
    """A key without letter case, _ and -: `CallSid`, `callsid` and `call_sid` are one key."""
    return name.lower().replace("_", "").replace("-", "")


def pick_text(found: Object, name: str) -> str:
    """The value under `name` as text; "" for null, absent, or not a single value."""
    value = pick(found, name)
    if value is None or isinstance(value, (Mapping, list)):
        return ""
    return str(value).strip()


def _read_json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("the answer was neither JSON nor XML") from None


def _read_xml(text: str) -> Any:
    if _DECLARATION.search(text):
        raise Unreadable("the answer was XML with declarations, which Exotel does not send")
    try:
        root = ElementTree.fromstring(text)  # noqa: S314  declarations, and so entities, were refused above
    except (ElementTree.ParseError, ValueError):
        raise Unreadable("the answer was neither JSON nor XML") from None
    return {root.tag: _element(root, DEPTH)}


def _element(element: ElementTree.Element, depth: int) -> Any:
    if not depth:
        raise Unreadable("the answer was nested too deeply")
    if not len(element):
        return (element.text or "").strip() or None
    found: dict[str, Any] = {}
    for child in element:
        value = _element(child, depth - 1)
        if child.tag not in found:
            found[child.tag] = value
        elif isinstance(found[child.tag], list):
            found[child.tag].append(value)
        else:
            found[child.tag] = [found[child.tag], value]
    return found
