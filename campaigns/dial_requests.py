"""The dial request: the same for a call that is placed and for the example that launch is checked with."""

from collections.abc import Mapping

from campaigns import addresses
from campaigns.exotel.payloads import ConnectRequest
from campaigns.models import Campaign, Mode

EVENTS = ("terminal", "answered")


def dial_request(
    campaign: Campaign, number: str, *, campaign_id: int, attempt_id: int, parameters: Mapping[str, str]
) -> ConnectRequest:
    """What is asked of Exotel to call `number` (E.164); `parameters` are the columns sent to the stream, by name.

    The ids are what callback, stream and custom field carry.
    """
    bot = campaign.mode == Mode.BOT
    return ConnectRequest(
        number=number,
        caller_id=campaign.caller_id,
        mode="bot" if bot else "flow",
        stream_url=addresses.stream(attempt_id, campaign.sample_rate, parameters) if bot else "",
        stream_name=campaign.stream_name if bot else "",
        flow_url="" if bot else campaign.flow_url,
        time_limit=campaign.time_limit,
        ring_timeout=campaign.ring_timeout,
        record=campaign.record,
        recording_channels="dual" if campaign.recording_channels == "dual" else "single",
        status_callback=addresses.status_callback(attempt_id),
        status_callback_events=EVENTS,
        custom_field=addresses.custom_field(campaign_id, attempt_id),
    )
