import time
from argparse import ArgumentParser
from typing import Any

from campaigns import progress, trial_calls
from campaigns.audit import COMMAND_LINE
from campaigns.lifecycle import ENDED_CAMPAIGNS
from campaigns.management.base import DialerCommand, country
from campaigns.models import CallAttempt, Campaign, CampaignContact


class Command(DialerCommand):
    help = "Call one number now, through the same rules as any campaign, and say how it went."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("number")
        parser.add_argument("--bot", default="echo", help="short name of the bot (default: echo, the line test)")
        parser.add_argument("--region", type=country, default="IN", help="country of a number written without one")
        parser.add_argument("--wait", type=float, default=120, help="seconds to wait for the end of the call")

    def handle(self, **options: Any) -> None:
        campaign = trial_calls.place(options["number"], options["bot"], by=COMMAND_LINE, region=options["region"])
        until = time.monotonic() + options["wait"]
        while time.monotonic() < until and campaign.status not in ENDED_CAMPAIGNS:
            time.sleep(0.25)
            campaign.refresh_from_db()
        self.answer(options, *_result(campaign))


def _result(campaign: Campaign) -> tuple[dict[str, Any], str]:
    attempt = CallAttempt.objects.filter(campaign=campaign).order_by("-pk").first()
    person = CampaignContact.objects.get(campaign=campaign)
    state = attempt.state if attempt else person.state
    outcome = attempt.outcome if attempt else ""
    found = {"id": campaign.pk, "status": campaign.status, "state": state, "outcome": outcome or None}
    why = person.reason or _waiting(campaign)
    return found, f"Test call {campaign.pk}: {outcome or state}. {why}".rstrip()


def _waiting(campaign: Campaign) -> str:
    waiting = progress.waiting(campaign)
    return waiting.reason if waiting else ""
