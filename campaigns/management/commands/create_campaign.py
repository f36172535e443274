from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.core.management.base import CommandError

from campaigns import audiences, creating, filters, scheduling, tallies
from campaigns.audit import COMMAND_LINE
from campaigns.creating import CampaignPlan
from campaigns.filters import BadFilter, Condition
from campaigns.management.base import DialerCommand
from campaigns.models import ContactList, Mode, PassthruBranch, Purpose, UnknownPolicy


class Command(DialerCommand):
    help = "Make a campaign (a draft) from a contact list."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--name", required=True)
        parser.add_argument("--list", required=True, action="append", dest="lists", help="may be given several times")
        parser.add_argument(
            "--where",
            action="append",
            default=[],
            metavar="CONDITION",
            help="only those of the lists who match; may be given several times, all must be met. COLUMN, how, VALUE: "
            "'city = Pune', 'city is one of Pune, Mumbai', 'amount > 5000', 'amount between 1000 to 5000', 'due before "
            "2026-03-05', 'email is empty', 'name contains kumar'. Or about calls, as they stand when each person is "
            "enrolled: 'answered in CAMPAIGN', 'not called in CAMPAIGN', 'called and not answered in CAMPAIGN' (its "
            "name or number)",
        )
        parser.add_argument("--mode", required=True, choices=Mode.values)
        parser.add_argument("--bot", default="", help="short name, e.g. announcer or echo")
        parser.add_argument(
            "--bot-option", action="append", default=[], metavar="NAME=VALUE", help="e.g. message='Hello {name}'"
        )
        parser.add_argument("--flow-url", default="")
        parser.add_argument(
            "--passthru-branch",
            choices=PassthruBranch.values,
            default=PassthruBranch.NEVER,
            help="when a flow's Passthru is answered 302, its branch B",
        )
        parser.add_argument("--passthru-result", default="", help="the bot's result, for --passthru-branch result")
        parser.add_argument(
            "--passthru-ends-call", action="store_true", help="nothing follows the flow's last Passthru"
        )
        parser.add_argument(
            "--stream-parameter",
            action="append",
            default=[],
            metavar="COLUMN",
            help="sent to the stream, at most 3",
        )
        parser.add_argument("--caller-id", default="")
        parser.add_argument("--calls-per-second", default=None)
        parser.add_argument("--max-concurrent", type=int, default=None)
        parser.add_argument("--weight", type=int, default=1, help="share beside other campaigns of the account")
        parser.add_argument("--window", default=None, help="09:00-21:00; 00:00-24:00 is all day")
        parser.add_argument("--time-zone", default="Asia/Kolkata")
        parser.add_argument(
            "--end", default=None, help="from then on nobody is called any more: 2026-11-21 18:00, or 18:00"
        )
        parser.add_argument("--time-limit", type=int, default=300, help="seconds of the whole call")
        parser.add_argument("--ring-timeout", type=int, default=45, help="seconds")
        parser.add_argument("--max-attempts", type=int, default=1)
        parser.add_argument("--retry-minutes", default="30")
        parser.add_argument("--purpose", choices=Purpose.values, default=Purpose.SERVICE)
        parser.add_argument("--record", action="store_true")
        parser.add_argument("--recording-channels", choices=("single", "dual"), default="single")
        parser.add_argument("--sample-rate", type=int, default=8000)
        parser.add_argument("--stream-name", default="")
        parser.add_argument("--unknown-policy", choices=UnknownPolicy.values, default=UnknownPolicy.ASK)

    def handle(self, **options: Any) -> None:
        plan = _plan(options)
        campaign = creating.create(plan, by=COMMAND_LINE)
        found = audiences.matching(plan.lists, plan.audience, tallies.people_on(one.pk for one in plan.lists))
        about = "" if found.exact else "about "
        told = f" {about.capitalize()}{found.people:,} of {found.of:,} people match." if plan.audience else ""
        self.answer(
            options,
            {"id": campaign.pk} | ({"matching": found.people, "exact": found.exact} if plan.audience else {}),
            f"Campaign {campaign.pk}, “{campaign.name}”, is a draft.{told}",
        )


def _plan(options: dict[str, Any]) -> CampaignPlan:
    account = creating.default_account()
    lists = [_list(name) for name in options["lists"]]
    copied = ("name", "mode", "flow_url", "max_concurrent", "time_zone", "time_limit", "ring_timeout", "max_attempts")
    more = ("purpose", "record", "recording_channels", "sample_rate", "stream_name", "unknown_policy", "weight")
    flow = ("passthru_branch", "passthru_result", "passthru_ends_call")
    return CampaignPlan(
        lists=lists,
        audience=_audience(options["where"], lists),
        account=account,
        caller_id=options["caller_id"] or creating.default_caller_id(account),
        bot=options["bot"] or ("announcer" if options["mode"] == Mode.BOT else ""),
        bot_options=dict(_option(text) for text in options["bot_option"]),
        calls_per_second=_decimal(options["calls_per_second"], "--calls-per-second"),
        window=creating.read_window(options["window"]) if options["window"] else None,
        ends_at=_end(options["end"], options["time_zone"]),
        retries=creating.one_rule_for_all(
            options["max_attempts"], creating.read_decimal(options["retry_minutes"], "--retry-minutes")
        ),
        stream_parameters=options["stream_parameter"],
        **{name: options[name] for name in (*copied, *more, *flow)},
    )


def _decimal(text: str | None, what: str) -> Decimal | None:
    return None if text is None else creating.read_decimal(text, what)


def _end(text: str | None, zone: str) -> datetime | None:
    """By the campaign's own clock; a zone that is not known is told with everything else that is wrong."""
    return scheduling.moment_in(text, ZoneInfo(zone)) if text and zone in available_timezones() else None


def _list(name: str) -> ContactList:
    found = ContactList.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(ContactList.objects.order_by("-pk").values_list("name", flat=True)[:5]) or "none yet"
        raise CommandError(f"There is no contact list “{name}” (there are: {known}). Make it with import_contacts.")
    return found


def _audience(lines: Sequence[str], lists: Sequence[ContactList]) -> list[Condition]:
    """The conditions; all that are wrong are told at once."""
    found, wrong = [], []
    for line in lines:
        try:
            found.append(filters.read_text(line, lists))
        except BadFilter as refused:
            wrong += [f"--where “{line}”: {problem}" for problem in refused.problems]
    if wrong:
        raise BadFilter(*wrong)
    return found


def _option(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CommandError(f"--bot-option “{text}” is not like NAME=VALUE.")
    return name.strip(), value
