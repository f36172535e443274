"""Since when Exotel does not answer questions about calls, and what it says instead.

Only told to people, never acted upon. It ends with the next question that is answered. A 429 is told as the account's
back-off, and changes nothing here.
"""

from datetime import datetime, timedelta

from django.db.models.functions import Coalesce

from campaigns import pacing
from campaigns.exotel.errors import ExotelError, Forbidden, NotFound, PaymentDue, Unauthorised, Unexpected
from campaigns.models import CallAttempt, Pacer
from campaigns.templatetags.dialer import when, without_numbers

LASTING = timedelta(minutes=2)  # what is over sooner is nobody's business
STILL_ASKED = timedelta(minutes=10)  # a call is asked about again within this, but for those that are given up on
NOT_KNOWN = "HTTP 404"  # the answer to a question about one call that it took
WORDS_LENGTH = 200
_STATUSES = {Unauthorised: 401, PaymentDue: 402, Forbidden: 403, NotFound: 404}


def note(account_id: int, trouble: str) -> None:
    """What came instead of the last question's answer; '' for an answer.

    Written outside of any other transaction, and only when it changes: intents wait for this row.
    """
    changed = Pacer.objects.filter(account=account_id).exclude(unanswered=trouble)
    if not trouble:
        changed.update(unanswered="", unanswered_since=None)
    elif changed.exists():
        changed.update(unanswered=trouble, unanswered_since=Coalesce("unanswered_since", pacing.db_now()))


def words(trouble: ExotelError) -> str:
    """The status and what Exotel says to it, or why no answer came; without numbers of people."""
    status = trouble.http_status if isinstance(trouble, Unexpected) else _STATUSES.get(type(trouble))
    said = " ".join(without_numbers(str(trouble)).split())[:WORDS_LENGTH].rstrip(" .")
    if status is None:
        return said
    return f"HTTP {status}" if said in ("", f"Exotel answered {status}") else f"HTTP {status} ({said})"


def sentence(pacer: Pacer) -> str:
    """For people; '' while questions are answered."""
    if not pacer.unanswered:
        return ""
    return f"Exotel has not answered questions about calls since {when(pacer.unanswered_since)}: {pacer.unanswered}."


def lasts(pacer: Pacer, now: datetime) -> bool:
    """Whether it has gone on for minutes, and there is a call about which to ask. A query only if it has."""
    since = pacer.unanswered_since
    if not pacer.unanswered or since is None or now - since < LASTING:
        return False
    return CallAttempt.objects.filter(account=pacer.account_id, check_at__lte=now + STILL_ASKED).exists()
