"""A person's own word on a call."""

from django import forms

from campaigns import noting
from campaigns.forms.fields import PlainForm
from campaigns.models import CallNote, Judgement


class NoteForm(PlainForm):
    """A disposition beside the bot's, and a note."""

    disposition = forms.ChoiceField(label="Your disposition", required=False)
    text = forms.CharField(
        label="Your note",
        required=False,
        max_length=noting.LONGEST,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": f"Shorten the note to {noting.LONGEST} characters."},
    )

    def __init__(self, *args: object, bot_said: str, note: CallNote | None, **kwargs: object) -> None:
        """`bot_said`: the bot's disposition, '' if it recorded none."""
        given = {"disposition": note.disposition, "text": note.text} if note else {}
        super().__init__(*args, initial=given, **kwargs)
        keep = f"Keep the bot’s: {bot_said}" if bot_said else "Nothing of my own"
        choice: forms.ChoiceField = self.fields["disposition"]  # type: ignore[assignment]
        choice.choices = [("", keep), *Judgement.choices]
