from typing import Any

from campaigns import control
from campaigns.audit import COMMAND_LINE
from campaigns.management.base import CampaignCommand


class Command(CampaignCommand):
    help = "No new calls; talks in progress go on."

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        control.pause(campaign.pk, by=COMMAND_LINE)
        campaign.refresh_from_db()
        found = {"id": campaign.pk, "status": campaign.status}
        self.answer(options, found, f"Paused: {campaign.name} is {campaign.get_status_display().lower()}.")
