"""All tables, one file a noun."""

from campaigns.models.accounts import AccountKind, CallerId, ExotelAccount, Pacer, Spelling
from campaigns.models.attempts import CallAttempt, CallEvent, EventSource
from campaigns.models.audit import AuditEntry
from campaigns.models.breakers import Breaker
from campaigns.models.campaigns import (
    Campaign,
    CampaignAudio,
    CampaignContact,
    CampaignList,
    CampaignPace,
    Mode,
    PassthruBranch,
    Purpose,
    RecordingChannels,
    RetryRule,
    UnknownPolicy,
)
from campaigns.models.gaps import Gap, Installation
from campaigns.models.heartbeats import Heartbeat
from campaigns.models.lists import Contact, ContactImport, ContactList, ImportIssue
from campaigns.models.notes import CallNote, Judgement
from campaigns.models.recordings import Recording, RecordingStatus
from campaigns.models.stalls import Stall
from campaigns.models.streams import Stream, StreamEntry, StreamUse
from campaigns.models.suppression import Suppression
from campaigns.models.tallies import Tally
from campaigns.models.tokens import AccountToken, TokenPurpose
from campaigns.models.users import User
from campaigns.models.versions import CampaignVersion

__all__ = [
    "AccountKind",
    "AccountToken",
    "AuditEntry",
    "Breaker",
    "CallAttempt",
    "CallEvent",
    "CallNote",
    "CallerId",
    "Campaign",
    "CampaignAudio",
    "CampaignContact",
    "CampaignList",
    "CampaignPace",
    "CampaignVersion",
    "Contact",
    "ContactImport",
    "ContactList",
    "EventSource",
    "ExotelAccount",
    "Gap",
    "Heartbeat",
    "ImportIssue",
    "Installation",
    "Judgement",
    "Mode",
    "Pacer",
    "PassthruBranch",
    "Purpose",
    "Recording",
    "RecordingChannels",
    "RecordingStatus",
    "RetryRule",
    "Spelling",
    "Stall",
    "Stream",
    "StreamEntry",
    "StreamUse",
    "Suppression",
    "Tally",
    "TokenPurpose",
    "UnknownPolicy",
    "User",
]
