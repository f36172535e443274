from argparse import ArgumentParser
from typing import Any

from campaigns import control, scheduling
from campaigns.audit import COMMAND_LINE
from campaigns.management.base import CampaignCommand
from campaigns.models import Campaign


class Command(CampaignCommand):
    help = "Start calling, now or at a time."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--at", default="", metavar="WHEN", help="2026-11-21 09:30, or 09:30, by the campaign's own clock"
        )

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        if options["at"]:
            self._schedule(campaign, options)
            return
        control.launch(campaign.pk, by=COMMAND_LINE)
        campaign.refresh_from_db()
        found = {"id": campaign.pk, "status": campaign.status}
        self.answer(options, found, f"Launched: {campaign.name} is {campaign.get_status_display().lower()}.")

    def _schedule(self, campaign: Campaign, options: dict[str, Any]) -> None:
        at = scheduling.read_moment(options["at"], campaign)
        scheduling.schedule(campaign.pk, at, by=COMMAND_LINE)
        campaign.refresh_from_db()
        found = {"id": campaign.pk, "status": campaign.status, "at": at.isoformat()}
        self.answer(options, found, f"Scheduled: {campaign.name} starts on {at:%d %b %Y at %H:%M} ({at.tzinfo}).")
