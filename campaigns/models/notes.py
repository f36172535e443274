from django.conf import settings
from django.db import models
from django.utils import timezone

from campaigns.models.attempts import CallAttempt


class Judgement(models.TextChoices):
    """What a person says that a call achieved, beside what the bot said."""

    GOAL = "goal", "Reached the goal"
    CALL_BACK = "call-back", "Call back later"
    PAID = "paid", "Paid or done already"
    DISPUTED = "disputed", "Disputed or refused"
    WRONG_PERSON = "wrong-person", "Wrong person"
    VOICEMAIL = "voicemail", "Voicemail"


KINDS = {
    Judgement.GOAL: "goal",
    Judgement.CALL_BACK: "progress",
    Judgement.PAID: "progress",
    Judgement.DISPUTED: "objection",
    Judgement.WRONG_PERSON: "stop",
    Judgement.VOICEMAIL: "none",
}


class CallNote(models.Model):
    """A person's own word on a call: never mixed with the carrier's, the stream's or the bot's.

    One a call; what it said before stands in the audit. `disposition` is '' where the bot's answer is kept.
    """

    attempt = models.OneToOneField(CallAttempt, on_delete=models.CASCADE, related_name="own_note")
    disposition = models.CharField(max_length=20, choices=Judgement, default="", blank=True)
    text = models.TextField(default="", blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True)
    by_name = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"note on call {self.attempt_id}"

    @property
    def kind(self) -> str:
        """The kind of disposition that colours it."""
        return KINDS[Judgement(self.disposition)] if self.disposition else "none"
