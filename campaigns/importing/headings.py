"""What the first row of a list says: is it a header, which column is the phone, which the name. Pure."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

LONGEST_HEADING = 100
REPORT_COLUMNS = ("Dialer line", "Dialer reason")  # of the rejects that we hand out; not kept when they come back

PHONE_WORDS = (
    "mobile", "phone", "cell", "whatsapp", "msisdn", "telephone", "tel", "mob", "contact no", "contact number",
    "contact", "ph no", "ph", "number to call", "मोबाइल", "मोबाईल", "फोन", "दूरभाष", "संपर्क", "नंबर",
)  # fmt: skip
NAME_WORDS = (
    "name", "customer", "borrower", "client", "person", "lead", "debtor", "member", "student", "patient",
    "full name", "नाम", "नाव", "ग्राहक",
)  # fmt: skip
OTHER_WORDS = (
    "amount", "amt", "emi", "due", "date", "city", "branch", "loan", "account", "id", "email", "address", "language",
    "lang", "state", "zone", "status", "balance", "product", "gender", "age", "pin", "pincode", "remarks", "sl no",
    "sr no", "s no", "code", "plan", "company", "राशि", "शहर", "तारीख", "भाषा", "पता", "खाता",
)  # fmt: skip
NUMBERS_OF_OTHER_THINGS = (
    "account", "a c", "ac no", "loan", "aadhaar", "aadhar", "pan", "id", "amount", "amt", "emi", "pin", "pincode",
    "invoice", "order", "date", "code", "gst", "ifsc", "reference", "ref", "खाता", "राशि",
)  # fmt: skip
NAMES_OF_OTHER_THINGS = (
    "branch", "bank", "father", "mother", "spouse", "company", "product", "file", "city", "plan", "agent", "user",
    "nominee", "state", "shop", "id", "no", "number", "code", "type", "email",
)  # fmt: skip
ZONE_WORDS = ("time zone", "timezone", "tz")
LANGUAGE_WORDS = ("language", "lang", "भाषा")
ID_WORDS = (
    "external id", "crm id", "customer id", "cust id", "client id", "borrower id", "lead id", "member id", "loan id",
    "loan no", "loan number", "account no", "account number", "contract no", "policy no", "reference no", "id",
)  # fmt: skip
CONSENT_WORDS = ("consent", "opt in", "optin", "opted in", "permission", "सहमति")
SECOND_CHOICES = ("alternate", "alternative", "alt", "other", "secondary", "office", "home", "emergency", "2", "3")

_FIVE_DIGITS_NO_LETTERS = re.compile(r"[\s'\"=+()./-]*(?:[0-9][\s'\"()./-]*){5,}")
_SCIENTIFIC = re.compile(r"\s*[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]+\s*")


def words(heading: str) -> str:
    """The heading in lower case with one space between its words: 'Mobile_No.' -> 'mobile no'."""
    # combining vowel signs are no word characters for \w, so Devanagari is kept by category
    text = unicodedata.normalize("NFC", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", heading)).replace("\u093c", "").lower()
    kept = (char if unicodedata.category(char)[0] in "LMN" else " " for char in text)
    return " ".join("".join(kept).split())


def says(heading: str, vocabulary: Iterable[str]) -> bool:
    """Whether a word or phrase of the vocabulary stands in the heading as a whole word."""
    text = f" {words(heading)} "
    return any(f" {word} " in text for word in vocabulary)


def strength(heading: str, vocabulary: Sequence[str]) -> int:
    """The rank of the first word of the vocabulary in the heading, 0 being the surest; its length when none is."""
    return next((rank for rank, word in enumerate(vocabulary) if says(heading, [word])), len(vocabulary))


def is_header(cells: Sequence[str]) -> bool:
    """Whether a first row names its columns rather than holding a person.

    A known heading decides for a header; a cell of five digits or more without a letter, or Excel's 9.8E+09, decides
    for data; otherwise it is a header, as nearly all exports have one.
    """
    if any(says(cell, (*PHONE_WORDS, *NAME_WORDS, *OTHER_WORDS)) for cell in cells if not _numeric(cell)):
        return True
    return not any(_numeric(cell) for cell in cells)


def _numeric(cell: str) -> bool:
    plain = "".join(str(unicodedata.decimal(char, "")) or char for char in cell.strip())
    return bool(_FIVE_DIGITS_NO_LETTERS.fullmatch(plain) or _SCIENTIFIC.fullmatch(plain))


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Column names, none empty and no two alike: ['City', '', 'City'] -> ('City', 'Column 2', 'City 2')."""
    taken: set[str] = set()
    copies: dict[str, int] = {}
    result = []
    for position, raw in enumerate(names, 1):
        base = " ".join(raw.split())[:LONGEST_HEADING] or f"Column {position}"
        name = base
        while name in taken:
            copies[base] = copies.get(base, 1) + 1
            name = f"{base} {copies[base]}"
        taken.add(name)
        result.append(name)
    return tuple(result)
