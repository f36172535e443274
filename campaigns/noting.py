"""What a person says about a call: one note, rewritten at will; what it said before stands in the audit."""

from django.db import transaction
from django.utils import timezone

from campaigns import audit
from campaigns.audit import Actor
from campaigns.models import CallAttempt, CallNote

LONGEST = 2000  # characters


def write(attempt_id: int, *, disposition: str, text: str, by: Actor) -> CallNote:
    """Keep the note; `disposition` is a Judgement or '' (the bot's stays the last word)."""
    with transaction.atomic():
        call = CallAttempt.objects.select_for_update(no_key=True).get(pk=attempt_id)
        said = {"disposition": disposition, "text": text.strip()[:LONGEST]}
        written = {**said, "by": by.user, "by_name": by.name, "at": timezone.now()}
        note, _ = CallNote.objects.update_or_create(attempt=call, defaults=written)
        audit.record(by, "note", f"call:{call.pk}", **said)
    return note
