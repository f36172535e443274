"""Reads the fields of a callback, whatever it was packed in: multipart, urlencoded or JSON (exotel-wire 2).

What the body is decides, not what its header says. Names stay as sent, nested JSON becomes `Legs[0][Status]` as in
the multipart form; of fields with one name, in whatever letter case, the first is kept.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from email import policy
from email.message import Message
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl

from campaigns.exotel.bodies import fold
from campaigns.exotel.errors import Unreadable

BODY_BYTES = 64 * 1024
FIELDS_AT_MOST = 500
DEPTH = 8
Fields = dict[str, str]
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{1,200}")


def read_fields(content_type: str, body: bytes) -> Fields:
    """Name to value of every field. Raises Unreadable: too large, too many, none, or none of the three forms."""
    if len(body) > BODY_BYTES:
        raise Unreadable(f"the body is larger than {BODY_BYTES // 1024} KiB")
    boundary = _boundary(content_type, body)
    if boundary:
        return keep_first(_from_multipart(boundary, body))
    text = _text(body).strip()
    if text.startswith(("{", "[")):
        return keep_first(_from_json(text))
    return keep_first(_from_urlencoded(text))


def keep_first(pairs: Iterable[tuple[str, str]]) -> Fields:
    """The pairs as a dict, the first of each name; text is made fit for a database. Raises Unreadable."""
    kept: Fields = {}
    seen: set[str] = set()
    for count, (name, value) in enumerate(pairs, start=1):
        if count > FIELDS_AT_MOST:
            raise Unreadable(f"more than {FIELDS_AT_MOST} fields")
        stored = storable(name.strip())
        if stored and fold(stored) not in seen:
            seen.add(fold(stored))
            kept[stored] = storable(value)
    if not kept:
        raise Unreadable("no field at all")
    return kept


def storable(text: str) -> str:
    """The text without NUL and half surrogates, which neither UTF-8 nor PostgreSQL can hold."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def digest(fields: Mapping[str, str]) -> str:
    """SHA-256, in hex, of the sorted fields: the same callback again has the same one, whatever its boundary."""
    return hashlib.sha256(json.dumps(sorted(fields.items())).encode("ascii")).hexdigest()


def field(fields: Mapping[str, str], name: str) -> str:
    """The value of a field in any letter case, stripped; "" for absent and for the words null and NULL."""
    wanted = fold(name)
    value = next((value for key, value in fields.items() if fold(key) == wanted), "").strip()
    return "" if value.lower() == "null" else value


def flatten_json(text: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A JSON object as pairs, `Legs[0][Status]` for what is nested; numbers as printed. Raises Unreadable."""
    try:
        found = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_first_of_each)
    except (ValueError, RecursionError):
        raise Unreadable("the body is not JSON although it begins like it") from None
    if not isinstance(found, dict):
        raise Unreadable("the JSON is not an object")
    return _flatten(prefix, found, DEPTH)


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, value in pairs:
        kept.setdefault(name, value)
    return kept


def _flatten(name: str, value: Any, depth: int) -> Iterator[tuple[str, str]]:
    if not depth:
        raise Unreadable("the JSON is nested too deeply")
    if isinstance(value, (dict, list)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in items:
            yield from _flatten(f"{name}[{key}]" if name else str(key), inner, depth - 1)
    elif isinstance(value, bool):
        yield name, "true" if value else "false"
    else:
        yield name, "" if value is None else str(value)


def _from_json(text: str) -> Iterator[tuple[str, str]]:
    return flatten_json(text)


def _from_urlencoded(text: str) -> list[tuple[str, str]]:
    if "=" not in text:
        raise Unreadable("the body is neither multipart nor urlencoded nor JSON")
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_AT_MOST)
    except ValueError:
        raise Unreadable(f"more than {FIELDS_AT_MOST} fields") from None


def _boundary(content_type: str, body: bytes) -> str:
    """The boundary that the body is really cut by: the declared one, else what its first line looks like."""
    declared = re.search(r'boundary="?([^";\r\n]+)', content_type[:512], re.IGNORECASE)
    if declared and f"--{declared[1].strip()}".encode("utf-8", "replace") in body:
        candidate = declared[1].strip()
    else:
        first = body[:512].lstrip().split(b"\n", 1)[0].strip()
        looks_cut = first.startswith(b"--") and b"content-disposition" in body.lower()
        candidate = _text(first[2:]) if looks_cut else ""
    return candidate if _BOUNDARY.fullmatch(candidate) else ""


def _from_multipart(boundary: str, body: bytes) -> Iterator[tuple[str, str]]:
    head = f'Content-Type: multipart/form-data; boundary="{boundary}"\r\n\r\n'.encode("ascii")
    try:
        parts = BytesParser(policy=policy.compat32).parsebytes(head + body).get_payload()
    except RecursionError:  # parts within parts within parts
        raise Unreadable("the multipart body is nested too deeply") from None
    if not isinstance(parts, list):
        raise Unreadable("the multipart body has no parts")
    for part in parts:
        if isinstance(part, Message):
            yield _part_name(part), _part_value(part)


def _part_name(part: Message) -> str:
    disposition = str(part.get("Content-Disposition", ""))
    found = re.search(r'[;\s]name="([^"]*)"|[;\s]name=([^;\s"]+)', disposition)
    return (found[1] or found[2] or "") if found else ""


def _part_value(part: Message) -> str:
    if part.is_multipart():
        return ""
    payload = part.get_payload(decode=True)
    return _text(payload) if isinstance(payload, bytes) else ""


def _text(raw: bytes) -> str:
    """UTF-8 if it is that, else every byte as a character: a callback is never lost to its character set."""
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
