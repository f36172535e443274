from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from campaigns import control, streams
from campaigns.audit import COMMAND_LINE
from campaigns.management.base import CampaignCommand
from campaigns.streams import OpenCalls


class Command(CampaignCommand):
    help = "End the campaign: nobody else is called; live calls finish, or are hung up."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--hang-up", action="store_true", help="end the bot's talks, too; phones that ring, on answer"
        )

    def handle(self, **options: Any) -> None:
        campaign = self.campaign(options)
        control.stop(campaign.pk, by=COMMAND_LINE, hang_up=options["hang_up"])
        campaign.refresh_from_db()
        left = streams.open_calls(campaign.pk)
        found = {"id": campaign.pk, "status": campaign.status, "talks": left.talks, "ringing": left.ringing}
        said = f"Stopped: {campaign.name} is {campaign.get_status_display().lower()}."
        self.answer(options, found, " ".join([said, *_left(left, hang_up=options["hang_up"])]))


def _left(left: OpenCalls, *, hang_up: bool) -> Iterator[str]:
    """What becomes of the calls that are open."""
    if left.talks:
        yield f"{left.talks} talks {'are being hung up' if hang_up else 'go on to their end'}."
    if left.ringing:
        yield f"{left.ringing} calls are ringing{'; their talk is closed as soon as it starts' if hang_up else ''}."
