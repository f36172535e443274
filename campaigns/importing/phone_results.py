"""What a cell of a list turns out to be: a number of some kind, or nothing to dial, by name. Pure."""

from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What sort of number the numbering plan says it is."""

    MOBILE = "mobile"
    LANDLINE = "landline"
    EITHER = "mobile or landline"  # North America does not tell them apart
    TOLL_FREE = "toll-free"
    SHARED_COST = "shared-cost"
    VOIP = "internet"
    PERSONAL = "personal"
    PAGER = "pager"
    COMPANY = "company"
    VOICEMAIL = "voicemail"


class Code(StrEnum):
    """Why a cell is no number to dial, for counting and filtering; the sentence stands beside it."""

    EMPTY = "empty"
    LONG_TEXT = "long text"
    SCIENTIFIC = "scientific notation"
    TWO_NUMBERS = "two numbers"
    LETTERS = "letters"
    DAMAGED = "damaged characters"
    EMERGENCY = "emergency"
    SHORT_CODE = "short code"
    PREMIUM = "premium rate"
    NO_SUCH_COUNTRY = "no such country"
    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    NO_SUCH_NUMBER = "no such number"
    NOT_MOBILE = "not a mobile"


class Phone(NamedTuple):
    """A number that can be dialled. `time_zone` is '' where the campaign's own holds: in the list's own country, if
    that has one clock. Else it is the number's zone, or its westernmost & easternmost if it may be in several. `note`
    says what was repaired, parted by commas ('' when the cell was taken as written)."""

    e164: str
    time_zone: str
    note: str
    kind: Kind


class Rejected(NamedTuple):
    """A cell that is no number to dial, and why: in a sentence, and by name."""

    reason: str
    code: Code
