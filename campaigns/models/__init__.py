"""All tables, one file a noun."""

from campaigns.models.accounts import AccountKind, CallerId, ExotelAccount, Pacer, Spelling
from campaigns.models.attempts import CallAttempt, CallEvent, EventSource
from campaigns.models.audit import AuditEntry
from campaigns.models.campaigns import (
    Campaign,
    CampaignAudio,
    CampaignContact,
    CampaignList,
    CampaignPace,
    Mode,
    Purpose,
    RecordingChannels,
    RetryRule,
    UnknownPolicy,
)
from campaigns.models.lists import Contact, ContactImport, ContactList, ImportIssue
from campaigns.models.recordings import Recording, RecordingStatus
from campaigns.models.streams import Stream, StreamEntry
from campaigns.models.suppression import Suppression
from campaigns.models.users import User

__all__ = [
    "AccountKind",
    "AuditEntry",
    "CallAttempt",
    "CallEvent",
    "CallerId",
    "Campaign",
    "CampaignAudio",
    "CampaignContact",
    "CampaignList",
    "CampaignPace",
    "Contact",
    "ContactImport",
    "ContactList",
    "EventSource",
    "ExotelAccount",
    "ImportIssue",
    "Mode",
    "Pacer",
    "Purpose",
    "Recording",
    "RecordingChannels",
    "RecordingStatus",
    "RetryRule",
    "Spelling",
    "Stream",
    "StreamEntry",
    "Suppression",
    "UnknownPolicy",
    "User",
]
