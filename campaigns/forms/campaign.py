"""The form of a campaign: who is called, what they hear, when and how fast. Made anew from the bots there are."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms

from campaigns import bots, calling_hours, tallies
from campaigns.calling_hours import Window
from campaigns.creating import CampaignPlan, Retry, pace_of, slots_of
from campaigns.forms.fields import PlainForm, dress, share_field, simple, whole_field
from campaigns.forms.options import BotChoice, option_field, option_key, removal_key
from campaigns.models import (
    Campaign,
    ContactList,
    ExotelAccount,
    Mode,
    PassthruBranch,
    Purpose,
    RecordingChannels,
    UnknownPolicy,
)
from campaigns.templatetags.dialer import plural

RETRIED = (("busy", "a busy line"), ("no-answer", "no answer"), ("failed", "a failed call"))
SAMPLE_RATES = ((8000, "8 kHz, as the phone network has it"), (16000, "16 kHz"), (24000, "24 kHz"))
COPIED = (
    "name",
    "purpose",
    "mode",
    "caller_id",
    "calls_per_second",
    "max_concurrent",
    "time_zone",
    "ring_timeout",
    "time_limit",
    "max_attempts",
    "unknown_policy",
    "record",
    "recording_channels",
    "sample_rate",
    "stream_name",
    "stream_parameters",
)
OF_A_FLOW = ("flow_url", "passthru_branch", "passthru_result", "passthru_ends_call")
SHOWN_AS_THEY_ARE = ("bot", *OF_A_FLOW, "window_start", "window_end")
NO_BOT = "The flow talks by itself; Dialer places the calls and keeps their outcomes. For flows only."
LONGEST = {Mode.BOT: 3600, Mode.FLOW: 14_400}  # seconds: the stream's cap, the carrier's cap


if TYPE_CHECKING:
    _ListsField = forms.ModelMultipleChoiceField[ContactList]
else:
    _ListsField = forms.ModelMultipleChoiceField


class PeopleField(_ListsField):
    """Contact lists, each with how many people are on it."""

    widget = forms.CheckboxSelectMultiple
    people: Mapping[int, int] = {}

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name}, {plural(self.people[obj.pk], 'person,people')}"


def _clock() -> forms.TimeInput:
    return forms.TimeInput(attrs={"type": "time"}, format="%H:%M")


class CampaignForm(PlainForm):
    """Everything of a campaign that an operator sets."""

    name = forms.CharField(
        label="Campaign name",
        max_length=120,
        help_text="Seen by your team only",
        error_messages={"required": "Give the campaign a name."},
    )
    lists = PeopleField(
        label="Contact lists",
        queryset=ContactList.objects.none(),
        help_text="Somebody who is on two of them is called once.",
        error_messages={"required": "Choose at least one list."},
    )
    purpose = forms.ChoiceField(
        label="Purpose",
        choices=Purpose.choices,
        help_text="It decides the widest legal calling hours.",
    )
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
    caller_id = forms.CharField(
        label="Caller ID",
        max_length=20,
        help_text="The ExoPhone that people see",
        widget=forms.TextInput(attrs={"list": "caller-ids", "inputmode": "tel"}),
        error_messages={"required": "Enter the ExoPhone that people shall see."},
    )
    calls_per_second = share_field("Calls per second", 100, "a number of calls", "0.5 is one call every two seconds")
    max_concurrent = whole_field(
        "Calls at the same time", 1, 10_000, "calls", "At most; the account’s slots bound it too"
    )
    window_start = forms.TimeField(
        label="Call from",
        widget=_clock(),
        error_messages={"required": "Enter a time.", "invalid": "Enter a time, 09:00."},
    )
    window_end = forms.TimeField(
        label="Call until",
        widget=_clock(),
        help_text="The same time twice means all day",
        error_messages={"required": "Enter a time.", "invalid": "Enter a time, 21:00."},
    )
    time_zone = forms.CharField(
        label="Time zone",
        max_length=64,
        help_text="Of people whose list says nothing else",
        widget=forms.TextInput(attrs={"list": "time-zones"}),
        error_messages={"required": "Enter a time zone, for example Asia/Kolkata."},
    )
    ring_timeout = whole_field("Let it ring, in seconds", 5, 300, "seconds")
    time_limit = whole_field("Longest call, in seconds", 6, 14_400, "seconds", "Exotel ends the call after it")
    max_attempts = whole_field("Calls to one person, at most", 1, 20, "calls", "Counts calls that may have rung")
    unknown_policy = forms.ChoiceField(
        label="People whose call was lost and proved not dialled", choices=UnknownPolicy.choices
    )
    record = forms.BooleanField(label="Record the calls", required=False)
    recording_channels = forms.ChoiceField(label="Channels of the recording", choices=RecordingChannels.choices)
    sample_rate = forms.TypedChoiceField(label="Sample rate", choices=SAMPLE_RATES, coerce=int)
    stream_name = forms.CharField(
        label="Stream name", required=False, max_length=32, help_text="Sent to Exotel as StreamName; may stay empty"
    )

    def __init__(
        self,
        data: Any = None,
        files: Any = None,
        *,
        account: ExotelAccount,
        kept_audio: Mapping[str, str] = {},
        **kwargs: Any,
    ) -> None:
        """`kept_audio`: file names of recordings uploaded before, by option."""
        super().__init__(data, files, **kwargs)
        self.account = account
        self.kept_audio = kept_audio
        people: PeopleField = self.fields["lists"]  # type: ignore[assignment]
        people.queryset = ContactList.objects.order_by("-created_at", "-pk")
        people.people = tallies.people_on(people.queryset.values_list("pk", flat=True))
        bot: forms.ChoiceField = self.fields["bot"]  # type: ignore[assignment]
        bot.choices = [("", "No bot"), *bots.names()]
        for outcome, words in RETRIED:
            self.fields[f"retry_{outcome}_times"] = whole_field(f"After {words}, call again", 0, 20, "times")
            self.fields[f"retry_{outcome}_minutes"] = share_field("after, in minutes", 10_080, "a number of minutes")
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
            yield BotChoice(
                name=name,
                label=label,
                description=spec.description,
                chosen=str(self["bot"].value()) == name,
                fields=[self[key] for option in spec.options for key in self._keys(name, option.name)],
            )
        yield BotChoice("", "No bot", NO_BOT, chosen=not self["bot"].value(), fields=[])

    def _keys(self, bot: str, option: str) -> list[str]:
        """The option's field, and the box that removes what was uploaded for it."""
        return [key for key in (option_key(bot, option), removal_key(bot, option)) if key in self.fields]

    def retry_rows(self) -> list[tuple[forms.BoundField, forms.BoundField]]:
        return [(self[f"retry_{outcome}_times"], self[f"retry_{outcome}_minutes"]) for outcome, _ in RETRIED]

    # ------------------------------------------------------------------------------------------------- validation
    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"].strip()
        if zone not in available_timezones():
            raise forms.ValidationError(f"“{zone}” is no time zone. Write it as in Asia/Kolkata or Asia/Singapore.")
        return str(ZoneInfo(zone))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self._check_conversation(cleaned)
        self._check_length(cleaned)
        self._check_hours(cleaned)
        return cleaned

    def _check_conversation(self, cleaned: dict[str, Any]) -> None:
        """The chosen mode needs its bot or its flow; what belongs to what was not chosen is not complained about."""
        mode = cleaned.get("mode")
        if mode == Mode.BOT and not cleaned.get("bot"):
            self.add_error("bot", "Choose a bot.")
        if mode == Mode.FLOW and not cleaned.get("flow_url"):
            self.add_error("flow_url", "Enter the address of the flow, or choose a bot instead.")
        chosen = cleaned.get("bot")
        if mode == Mode.FLOW:
            self._check_branch(cleaned)
        for name in [key for key in self.errors if key.startswith("option-")]:
            if not chosen or not name.startswith(option_key(chosen, "")):
                del self.errors[name]
                cleaned[name] = ""
        if chosen:
            self._check_required(chosen, cleaned)

    def _check_branch(self, cleaned: dict[str, Any]) -> None:
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

    def _check_length(self, cleaned: dict[str, Any]) -> None:
        limit, mode = cleaned.get("time_limit"), cleaned.get("mode")
        if limit and mode and limit > LONGEST[Mode(mode)]:
            what = "A bot’s stream" if mode == Mode.BOT else "A call"
            self.add_error("time_limit", f"{what} may last {LONGEST[Mode(mode)]} seconds. Enter that or less.")

    def _check_hours(self, cleaned: dict[str, Any]) -> None:
        start, end, purpose = (cleaned.get(name) for name in ("window_start", "window_end", "purpose"))
        if start is None or end is None or not purpose:
            return
        limit = calling_hours.ceiling(purpose, simulated=self.account.simulated)
        if not calling_hours.within(Window(start, end), limit):
            label = Purpose(purpose).label.lower()
            self.add_error("window_end", f"For {label} calls the widest hours are {limit}. Set both times inside them.")

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
        """The campaign that the form describes."""
        given = self.cleaned_data
        return CampaignPlan(
            account=self.account,
            lists=list(given["lists"]),
            window=Window(given["window_start"], given["window_end"]),
            bot=given["bot"],
            **(self._flow() if given["mode"] == Mode.FLOW else {}),
            bot_options=self.bot_options(),
            audio=self.uploads(),
            removed_audio=self.removed(),
            retries=self.retries(),
            **{name: given[name] for name in COPIED},
        )

    def _flow(self) -> dict[str, Any]:
        """What only a flow has."""
        given = {name: self.cleaned_data[name] for name in OF_A_FLOW}
        return given | {"passthru_branch": given["passthru_branch"] or PassthruBranch.NEVER}

    def retries(self) -> list[Retry]:
        """The rules that call again at all."""
        rules = [
            Retry(outcome, self.cleaned_data[f"retry_{outcome}_times"], self.cleaned_data[f"retry_{outcome}_minutes"])
            for outcome, _ in RETRIED
        ]
        return [rule for rule in rules if rule.times]


def initial_for_new(account: ExotelAccount) -> dict[str, Any]:
    """What a new campaign starts from."""
    window = calling_hours.default_window(Purpose.SERVICE, simulated=account.simulated)
    caller = account.caller_ids.order_by("-is_default", "pk").first()
    names = bots.names()
    plan = CampaignPlan(name="", lists=(), account=account, caller_id="")  # nothing said: as fast as the account may
    return {
        "purpose": Purpose.SERVICE,
        "mode": Mode.BOT,
        "bot": names[0][0] if names else "",
        "caller_id": caller.number if caller else "",
        "calls_per_second": simple(pace_of(plan)),
        "max_concurrent": slots_of(plan),
        "window_start": window.start,
        "window_end": window.end,
        "time_zone": "Asia/Kolkata",
        "ring_timeout": 45,
        "time_limit": 300,
        "max_attempts": 1,
        "unknown_policy": UnknownPolicy.ASK,
        "passthru_branch": PassthruBranch.NEVER,
        "recording_channels": RecordingChannels.SINGLE,
        "sample_rate": 8000,
        **{f"retry_{outcome}_times": 0 for outcome, _ in RETRIED},
        **{f"retry_{outcome}_minutes": 30 for outcome, _ in RETRIED},
    }


def initial_of(campaign: Campaign) -> dict[str, Any]:
    """A campaign's settings as the form shows them."""
    found: dict[str, Any] = {name: getattr(campaign, name) for name in (*COPIED, *SHOWN_AS_THEY_ARE)}
    found["lists"] = list(campaign.list_links.values_list("contact_list_id", flat=True))
    rules = {rule.outcome: rule for rule in campaign.retry_rules.all()}
    for outcome, _ in RETRIED:
        rule = rules.get(outcome)
        found[f"retry_{outcome}_times"] = rule.times if rule else 0
        found[f"retry_{outcome}_minutes"] = simple(rule.delay_minutes) if rule else 30
    for option, value in campaign.bot_options.items():
        found[option_key(campaign.bot, option)] = value
    found["stream_parameters"] = ", ".join(campaign.stream_parameters)
    found["calls_per_second"] = simple(campaign.calls_per_second)
    return found
