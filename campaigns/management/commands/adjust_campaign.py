from argparse import ArgumentParser
from typing import Any
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError

from campaigns import adjusting, creating, scheduling
from campaigns.adjusting import Adjustment
from campaigns.audit import COMMAND_LINE
from campaigns.management.base import CampaignCommand
from campaigns.models import Campaign


class Command(CampaignCommand):
    help = "Change pace, slots, share, hours or end of a campaign that runs, from the next call on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--calls-per-second", default=None)
        parser.add_argument("--max-concurrent", type=int, default=None)
        parser.add_argument("--weight", type=int, default=None, help="share beside other campaigns of the account")
        parser.add_argument("--window", default=None, help="09:00-21:00; 00:00-24:00 is all day")
        parser.add_argument("--end", default=None, help="2026-11-21 18:00, or 18:00, by the campaign's clock; or none")

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        wanted = _wanted(campaign, options)
        if not wanted:
            raise CommandError(
                "Say what is to be different: --calls-per-second, --max-concurrent, --weight, … (--help)."
            )
        done = adjusting.adjust(campaign.pk, by=COMMAND_LINE, **wanted)
        campaign.refresh_from_db()
        changes = [str(change) for change in done]
        found = {"id": campaign.pk, "version": campaign.version, "changes": changes}
        said = f"Changed {campaign.name}: {'; '.join(changes)}." if done else "All of that was so already."
        self.answer(options, found, said)


def _wanted(campaign: Campaign, options: dict[str, Any]) -> Adjustment:
    """What the flags name; the rest stays as it is."""
    wanted: Adjustment = {}
    if options["calls_per_second"] is not None:
        wanted["calls_per_second"] = creating.read_decimal(options["calls_per_second"], "--calls-per-second")
    if options["max_concurrent"] is not None:
        wanted["max_concurrent"] = options["max_concurrent"]
    if options["weight"] is not None:
        wanted["weight"] = options["weight"]
    if options["window"] is not None:
        wanted["window"] = creating.read_window(options["window"])
    if options["end"] is not None:
        none = options["end"].strip() == "none"
        wanted["ends_at"] = None if none else scheduling.moment_in(options["end"], ZoneInfo(campaign.time_zone))
    return wanted
