"""Step 2 of writing a campaign: what people hear. Made anew from the bots there are."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from django import forms

from campaigns import bots
from campaigns.creating import CampaignPlan
from campaigns.forms.fields import PlainForm, dress
from campaigns.forms.options import BotChoice, option_field, option_key, removal_key
from campaigns.models import Mode, PassthruBranch, RecordingChannels
from campaigns.models.lists import columns_of

SAMPLE_RATES = ((8000, "8 kHz, as the phone network has it"), (16000, "16 kHz"), (24000, "24 kHz"))
OF_A_FLOW = ("flow_url", "passthru_branch", "passthru_result", "passthru_ends_call")
COPIED = ("mode", "bot", "record", "recording_channels", "sample_rate", "stream_name", "stream_parameters")
NO_BOT = "The flow talks by itself; Dialer places the calls and keeps their outcomes. For flows only."
SAYS_NOTHING = "“{}” says nothing: it is for the Stream applet of a flow. Choose another bot, or a flow."
LONGEST = {Mode.BOT: 3600, Mode.FLOW: 14_400}  # seconds: the stream's cap, the carrier's cap


class WhatForm(PlainForm):
    """What they hear."""

    mode = forms.ChoiceField(label="Conversation", choices=Mode.choices)
    bot = forms.ChoiceField(label="Bot", required=False)
    flow_url = forms.CharField(
        label="Address of the flow",
        required=False,
        max_length=500,
        help_text="From Exotel’s App Bazaar, for example http://my.exotel.com/…/exoml/start_voice/123456",
    )
    passthru_branch = forms.ChoiceField(
        label="Passthru sends the call to branch B when",
        required=False,
        choices=PassthruBranch.choices,
        help_text="Exotel’s Passthru applet waits for this answer (302, else 200)",
    )
    passthru_result = forms.CharField(label="The result", required=False, max_length=60)
    passthru_ends_call = forms.BooleanField(
        label="Nothing follows the last Passthru", required=False, help_text="Its slot is free at once"
    )
    stream_parameters = forms.CharField(
        label="Columns sent with the stream",
        required=False,
        max_length=300,
        help_text="At most three, with commas; the bot reads every column without this",
    )
    record = forms.BooleanField(label="Record the calls", required=False)
    recording_channels = forms.ChoiceField(label="Channels of the recording", choices=RecordingChannels.choices)
    sample_rate = forms.TypedChoiceField(label="Sample rate", choices=SAMPLE_RATES, coerce=int)
    stream_name = forms.CharField(
        label="Stream name", required=False, max_length=32, help_text="Sent to Exotel as StreamName; may stay empty"
    )

    def __init__(
        self, data: Any = None, files: Any = None, *, draft: CampaignPlan, kept_audio: Mapping[str, str] = {}
    ) -> None:
        """`draft` is the campaign as it stands; `kept_audio` file names of recordings uploaded before, by option."""
        super().__init__(data, files, initial=_initial(draft))
        self.draft, self.kept_audio = draft, kept_audio
        bot: forms.ChoiceField = self.fields["bot"]  # type: ignore[assignment]
        bot.choices = [("", "No bot"), *bots.names()]
        for name, _ in bots.names():
            for option in bots.spec(name).options:
                kept = kept_audio.get(option.name, "") if option.kind == "audio" else ""
                self.fields[option_key(name, option.name)] = option_field(option, kept)
                if kept:
                    self.fields[removal_key(name, option.name)] = forms.BooleanField(
                        label=f"Remove {kept}", required=False
                    )
        for field in self.fields.values():
            dress(field)

    # ---------------------------------------------------------------------------------------------- for templates
    def bot_choices(self) -> Iterator[BotChoice]:
        """The bots with the fields of their options."""
        for name, label in bots.names():
            spec = bots.spec(name)
            only_flow = " For the Stream applet of a flow only." if spec.listens_only else ""
            yield BotChoice(
                name=name,
                label=label,
                description=f"{spec.description}{only_flow}",
                chosen=str(self["bot"].value()) == name,
                fields=[self[key] for option in spec.options for key in self._keys(name, option.name)],
            )
        yield BotChoice("", "No bot", NO_BOT, chosen=not self["bot"].value(), fields=[])

    def columns(self) -> list[str]:
        """What may stand in a message, as it is written: {name} first, then the columns of the lists."""
        return [f"{{{column}}}" for column in columns_of(self.draft.lists)]

    def _keys(self, bot: str, option: str) -> list[str]:
        """The option's field, and the box that removes what was uploaded for it."""
        return [key for key in (option_key(bot, option), removal_key(bot, option)) if key in self.fields]

    # ------------------------------------------------------------------------------------------------- validation
    def clean(self) -> dict[str, Any]:
        """The chosen mode needs its bot or its flow; what belongs to what was not chosen is not complained about."""
        cleaned = super().clean() or self.cleaned_data
        mode, chosen = cleaned.get("mode"), cleaned.get("bot")
        if mode == Mode.BOT and not chosen:
            self.add_error("bot", "Choose a bot.")
        elif mode == Mode.BOT and bots.spec(str(chosen)).listens_only:
            self.add_error("bot", SAYS_NOTHING.format(bots.spec(str(chosen)).label))
        if mode == Mode.FLOW:
            self._check_flow(cleaned)
        for name in [key for key in self.errors if key.startswith("option-")]:
            if not chosen or not name.startswith(option_key(chosen, "")):
                del self.errors[name]
                cleaned[name] = ""
        if chosen:
            self._check_required(chosen, cleaned)
        return cleaned

    def _check_flow(self, cleaned: dict[str, Any]) -> None:
        if not cleaned.get("flow_url"):
            self.add_error("flow_url", "Enter the address of the flow, or choose a bot instead.")
        branch = cleaned.get("passthru_branch") or PassthruBranch.NEVER
        if branch != PassthruBranch.NEVER and not cleaned.get("bot"):
            self.add_error("passthru_branch", "Without a bot no result chooses the branch. Choose a bot, or “Never”.")
        if branch == PassthruBranch.RESULT and not cleaned.get("passthru_result"):
            self.add_error("passthru_result", "Enter the bot’s result that leads to branch B.")

    def clean_stream_parameters(self) -> list[str]:
        return [name.strip() for name in self.cleaned_data["stream_parameters"].split(",") if name.strip()]

    def _check_required(self, bot: str, cleaned: dict[str, Any]) -> None:
        for option in bots.spec(bot).options:
            key = option_key(bot, option.name)
            if option.required and not cleaned.get(key) and key not in self.errors and not self._kept(bot, option.name):
                self.add_error(key, f"{option.label} is needed by this bot.")

    def _kept(self, bot: str, option: str) -> str:
        """The file uploaded before for an option of the bot, unless its removal is asked for."""
        removed = self.cleaned_data.get(removal_key(bot, option))
        return "" if removed else self.kept_audio.get(option, "")

    # ---------------------------------------------------------------------------------------------------- results
    def bot_options(self) -> dict[str, str]:
        """The chosen bot's settings as it wants them; an uploaded recording stands as its file's name."""
        name = self.cleaned_data["bot"]
        if not name:
            return {}
        found = {}
        for option in bots.spec(name).options:
            given = self.cleaned_data.get(option_key(name, option.name))
            if option.kind == "audio":
                found[option.name] = given.name if given else self._kept(name, option.name)
            else:
                found[option.name] = given or ""
        return found

    def uploads(self) -> dict[str, tuple[str, bytes]]:
        """Recordings uploaded with this form, by option: (file name, content)."""
        name = self.cleaned_data["bot"]
        options = bots.spec(name).options if name else ()
        files = {
            option.name: self.cleaned_data.get(option_key(name, option.name))
            for option in options
            if option.kind == "audio"
        }
        return {option: (file.name, file.read()) for option, file in files.items() if file}

    def removed(self) -> list[str]:
        """Options of the chosen bot whose uploaded recording is to go."""
        bot = self.cleaned_data["bot"]
        return [option for option in self.kept_audio if self.cleaned_data.get(removal_key(bot, option))]

    def plan(self) -> CampaignPlan:
        """The draft with what this step says. A call may not last longer than its mode allows."""
        given = self.cleaned_data
        return replace(
            self.draft,
            bot_options=self.bot_options(),
            audio=self.uploads(),
            removed_audio=self.removed(),
            time_limit=min(self.draft.time_limit, LONGEST[Mode(given["mode"])]),
            **self._flow(),
            **{name: given[name] for name in COPIED},
        )

    def _flow(self) -> dict[str, Any]:
        """What only a flow has."""
        if self.cleaned_data["mode"] != Mode.FLOW:
            return {"flow_url": "", "passthru_branch": PassthruBranch.NEVER, "passthru_result": "",
                    "passthru_ends_call": False}  # fmt: skip
        given = {name: self.cleaned_data[name] for name in OF_A_FLOW}
        return given | {"passthru_branch": given["passthru_branch"] or PassthruBranch.NEVER}

    def told(self) -> str:
        """What else was changed by this step, for the operator; '' if nothing was."""
        longest = LONGEST[Mode(self.cleaned_data["mode"])]
        return f"A call may last {longest} seconds now, no longer." if longest < self.draft.time_limit else ""


def _initial(draft: CampaignPlan) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(draft, name) for name in (*COPIED, *OF_A_FLOW)}
    found["stream_parameters"] = ", ".join(draft.stream_parameters)
    return found | {option_key(draft.bot, option): value for option, value in draft.bot_options.items()}
