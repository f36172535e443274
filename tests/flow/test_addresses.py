"""What is typed into a flow: the page with the addresses, new ones, and the words and columns that go along."""

import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from campaigns import account_tokens, addresses, control, creating, intents, stream_use, tokens
from campaigns.audit import COMMAND_LINE
from campaigns.creating import CampaignPlan
from campaigns.exotel import payloads
from campaigns.models import AccountToken, AuditEntry, Campaign, ExotelAccount, Mode, StreamUse, User
from campaigns.refusals import NotAllowed
from tests import people
from tests.dialing.driving import racing
from tests.flow import flow
from tests.pages.test_every_page import Policy


@pytest.fixture
def operator(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("meera", password="a long enough secret"))
    return client


# -------------------------------------------------------------------------------------------------------------- page
def test_the_page_shows_every_address_of_every_account_in_full(operator: Client) -> None:
    accounts = [people.account(), people.account()]
    page = operator.get("/settings/flow-addresses").content.decode()
    for account in accounts:
        for one in account_tokens.addresses_of(account):
            assert f'<code tabindex="0">{one.address}</code>' in page
    assert AccountToken.objects.count() == 6


def test_the_page_keeps_to_the_policy(operator: Client) -> None:
    people.account(name="<img src=x onerror=alert(1)>")
    response = operator.get("/settings/flow-addresses")
    policy = Policy()
    policy.feed(response.content.decode())
    assert policy.found == []
    assert len(policy.ids) == len(set(policy.ids))
    assert "<img" not in response.content.decode()
    assert Client().get("/settings/flow-addresses").status_code == 302


def test_an_installation_without_an_account_says_what_to_do(operator: Client) -> None:
    assert "No account yet" in operator.get("/settings/flow-addresses").content.decode()


def test_a_new_address_is_made_by_a_post_is_audited_and_leaves_the_old_one_for_a_while(operator: Client) -> None:
    account = people.account()
    old = account_tokens.current(account.pk, "passthru")
    where = f"/settings/flow-addresses/{account.pk}/passthru"
    assert operator.get(where).status_code == 405
    assert operator.post(where, follow=True).status_code == 200
    new = account_tokens.current(account.pk, "passthru")
    assert new.version == old.version + 1
    assert account_tokens.check("passthru", account.pk, old.version) is not None
    entry = AuditEntry.objects.get(action="rotate token")
    assert (entry.subject, entry.details["purpose"]) == (f"account:{account.pk}", "passthru")
    assert account_tokens.text(new) not in json.dumps(entry.details)


@pytest.mark.django_db(transaction=True)
def test_two_clicks_at_once_make_two_versions_and_leave_one_in_use() -> None:
    account = people.account()
    account_tokens.current(account.pk, "passthru")
    made = racing(*[lambda: account_tokens.rotate(account.pk, "passthru", by=COMMAND_LINE)] * 3)
    assert sorted(token.version for token in made) == [2, 3, 4]
    assert AccountToken.objects.get(retired_at=None).version == 4


def test_only_what_there_is_can_be_made_anew(operator: Client) -> None:
    account = people.account()
    assert operator.post(f"/settings/flow-addresses/{account.pk}/callback").status_code == 404
    assert operator.post(f"/settings/flow-addresses/{account.pk + 1}/passthru").status_code == 404


def test_a_flow_that_still_has_a_dead_address_is_named(operator: Client) -> None:
    account = people.account()
    account_tokens.rotate(account.pk, "passthru", by=COMMAND_LINE, grace=timedelta(0))
    assert account_tokens.check("passthru", account.pk, 1) is None
    AccountToken.objects.filter(version=1).update(retired_at=timezone.now() - timedelta(minutes=5))
    assert "a flow still uses it" in operator.get("/settings/flow-addresses").content.decode()


def test_what_belongs_to_no_call_is_shown_as_text(exotel: Client) -> None:
    account = people.account()
    flow.get(exotel, flow.path(account.pk), {"CallSid": "x" * 32, "Direction": "incoming", "Who": "<script>1</script>"})
    operator = Client()
    operator.force_login(User.objects.create_user("meera", password="a long enough secret"))
    page = operator.get("/settings/flow-addresses").content.decode()
    assert "Script%3E" in page or "script%3E" in page
    assert "<script>1" not in page


def test_the_password_of_a_fixed_address_stands_in_it(db: None) -> None:
    account = people.account()
    made = account_tokens.rotate(account.pk, "static-stream", by=COMMAND_LINE, with_password=True)
    (address,) = [one.address for one in account_tokens.addresses_of(account) if one.key == "static-stream"]
    parts = urlsplit(address)
    assert (parts.username, parts.password, parts.scheme) == ("exotel", made.password, "ws")
    assert parts.path == f"/x/ws/a/{account_tokens.text(made)}"
    assert account_tokens.rotate(account.pk, "passthru", by=COMMAND_LINE, with_password=True).password == ""


def test_the_command_line_prints_them(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    account = people.account()
    call_command("flow_addresses", json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed == {one.key: one.address for one in account_tokens.addresses_of(account)}
    assert printed["passthru-async"].startswith(f"{settings.PUBLIC_URL}/x/pt/")


# --------------------------------------------------------------------------------------------------- custom parameters
def plan(account: ExotelAccount, **fields: object) -> CampaignPlan:
    made = {
        "name": "n",
        "lists": [people.contact_list()],
        "account": account,
        "caller_id": people.CALLER_ID,
        "bot": "echo",
    }
    return CampaignPlan(**(made | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (["a", "b", "c", "d"], "At most 3 columns"),
        (["a", "a"], "once only"),
        (["sample-rate"], "sample-rate"),
        (["x" * 250], "too long"),
    ],
)
def test_columns_that_exotel_would_cut_or_mistake_are_refused_in_words(
    db: None, columns: list[str], words: str
) -> None:
    with pytest.raises(NotAllowed, match=words):
        creating.create(plan(people.account(), stream_parameters=columns), by=COMMAND_LINE)


def test_a_column_that_no_list_has_is_told_at_launch(db: None) -> None:
    campaign = creating.create(plan(people.account(), stream_parameters=["city", "name"]), by=COMMAND_LINE)
    assert [line for line in control.problems(campaign) if "city" in line] == [
        "There is no column “city” to send to the stream; the lists have name."
    ]


def test_the_columns_go_with_the_stream_url(db: None) -> None:
    campaign = people.campaign(mode=Mode.BOT, bot="echo", stream_parameters=["city", "due"])
    contact = people.contact(campaign, variables={"city": "Nagpur", "due": 1500, "secret": "x"})
    request = intents.connect_request(people.attempt(contact), campaign)
    assert parse_qs(urlsplit(request.stream_url).query) == {"city": ["Nagpur"], "due": ["1500"]}
    assert payloads.problems(request) == []


@given(
    values=st.dictionaries(st.text(min_size=1, max_size=12), st.text(max_size=400), max_size=3),
    rate=st.sampled_from([8000, 16000, 24000]),
)
@hypothesis_settings(max_examples=60, deadline=None)
def test_whatever_stands_in_the_columns_the_address_is_one_that_exotel_takes(values: dict[str, str], rate: int) -> None:
    text = {
        name.encode("utf-8", "ignore").decode() or "x": v.encode("utf-8", "ignore").decode()
        for name, v in values.items()
    }
    address = addresses.stream(10**18, rate, text)
    assert len(address) < payloads.STREAM_URL_LENGTH
    query = urlsplit(address).query
    assert len(query) <= payloads.STREAM_PARAMETERS_LENGTH
    found = parse_qs(query, keep_blank_values=True)
    assert all(text[name].startswith(found[name][0]) for name in text if name in found and name != "sample-rate")


# ---------------------------------------------------------------------------------------------------- a flow campaign
def test_a_flow_campaign_says_where_and_never_to_which_stream(db: None) -> None:
    campaign = people.campaign(bot="echo", time_limit=14_400, stream_name="named", stream_parameters=["name"])
    request = intents.connect_request(people.attempt(people.contact(campaign)), campaign)
    sent = dict(payloads.form(request, "wire"))
    assert (sent["Url"], sent["CallType"], sent["TimeOut"], sent["TimeLimit"]) == (people.FLOW, "trans", "45", "14400")
    assert not [name for name in sent if name.startswith("Stream")]
    assert tokens.read("custom-field", sent["CustomField"])


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"time_limit": 14_401}, "14,400"),
        ({"passthru_branch": "result"}, "which result"),
        ({"passthru_branch": "goal", "bot": ""}, "Without a bot"),
        ({"passthru_branch": "sideways"}, "must be one of"),
        ({"flow_url": ""}, "needs the flow's address"),
    ],
)
def test_a_flow_that_cannot_work_is_refused_in_words(db: None, fields: dict[str, object], words: str) -> None:
    with pytest.raises(NotAllowed, match=words):
        creating.create(plan(people.account(), **({"mode": "flow", "flow_url": people.FLOW} | fields)), by=COMMAND_LINE)


def test_a_bot_that_never_speaks_is_not_called_with_directly(db: None) -> None:
    campaign = creating.create(plan(people.account(), bot="listener"), by=COMMAND_LINE)
    assert any("never says anything" in line for line in control.problems(campaign))
    Campaign.objects.filter(pk=campaign.pk).update(mode=Mode.FLOW, flow_url=people.FLOW)
    campaign.refresh_from_db()
    assert control.problems(campaign) == []


# ------------------------------------------------------------------------------------------------------------ streams
def test_fewer_streams_than_calls_are_warned_about(db: None) -> None:
    account = people.account(max_concurrent=30)
    assert stream_use.warning(account) == ""
    StreamUse.objects.create(account=account, asked_at=timezone.now(), seen_at=timezone.now(), active=2, limit=20)
    account.refresh_from_db()
    assert "allows 20 streams at once, fewer than the 30 calls" in stream_use.warning(account)
    assert stream_use.warning(account, 20) == ""


def test_more_calls_than_a_process_takes_streams_are_warned_about(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "MAX_STREAMS", 25)
    account = people.account(max_concurrent=30)
    assert "takes 25 streams at once (MAX_STREAMS), and 30 calls may be open" in stream_use.warning(account)
    assert stream_use.warning(account, 25) == ""


def test_what_exotel_does_not_say_is_kept_as_a_problem_and_not_asked_again_at_once(operator: Client) -> None:
    people.account()  # nobody listens at its address
    assert stream_use.read_due() == 1
    use = StreamUse.objects.get()
    assert use.problem
    assert use.seen_at is None
    assert stream_use.read_due() == 0
    assert "Exotel does not say" in operator.get("/settings/").content.decode()
