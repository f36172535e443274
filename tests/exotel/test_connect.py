"""The dial POST: sent at most once, judged honestly, inside its deadline. Every far side here is a real socket."""

import gzip
import ipaddress
import logging
import queue
import socket
import ssl
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from campaigns.exotel.answers import Accepted, ConnectAnswer, NotSent, RefusalKind, Refused, Unknown
from campaigns.exotel.client import ExotelClient
from campaigns.exotel.errors import Unauthorised
from campaigns.exotel.exchange import Gate
from campaigns.exotel.payloads import ConnectRequest
from tests.exotel.wire import (
    CONNECTED_JSON,
    CONNECTED_XML,
    NDNC,
    SID,
    FarSide,
    Line,
    Script,
    far_side,
    http,
    refusal,
)

ASHA = ConnectRequest(
    number="+919800000001",
    caller_id="+918040000000",
    mode="bot",
    stream_url="wss://dialer.example/ws/token/",
    time_limit=300,
    ring_timeout=30,
    status_callback="https://dialer.example/cb/token/",
    status_callback_events=("terminal",),
    custom_field="att.mac",
)
KEY, TOKEN = "key-that-is-secret", "token-that-is-secret"


def client_of(url: str, **more: Any) -> ExotelClient:
    return ExotelClient(url, "acct", KEY, TOKEN, **more)


def dial(url: str, *, patience: float = 5.0, deadline: float = 5.0, **more: Any) -> ConnectAnswer:
    client = client_of(url, **more)
    return client.connect(ASHA, not_after=time.monotonic() + patience, total_deadline=deadline)


def dial_scripted(script: Script, *, deadline: float = 5.0) -> ConnectAnswer:
    with FarSide(script) as side:
        return dial(side.url, deadline=deadline)


@pytest.mark.parametrize("body", [CONNECTED_JSON, CONNECTED_XML, CONNECTED_JSON.lower()])
def test_a_sid_in_json_in_xml_or_in_lower_case_is_an_accepted_call(body: bytes) -> None:
    with far_side(http(200, body)) as side:
        answer = dial(side.url)
    assert isinstance(answer, Accepted)
    assert answer.sid == SID
    assert 0 < answer.latency < 2
    assert len(side.requests) == 1


def test_the_post_goes_to_the_wire_path_with_basic_credentials_and_asks_for_no_keep_alive() -> None:
    with far_side(http(200, CONNECTED_JSON)) as side:
        dial(side.url)
    head, _, body = side.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/Accounts/acct/Calls/connect.json HTTP/1.1")
    assert b"authorization: basic " in head.lower()
    assert b"connection: close" in head.lower()
    assert parse_qs(body.decode())["From"] == ["+919800000001"]


def test_the_documented_spelling_goes_to_the_lower_case_path() -> None:
    with far_side(http(200, CONNECTED_JSON)) as side:
        dial(side.url, spelling="documented")
    head, _, body = side.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /v1/accounts/acct/calls/connect HTTP/1.1")
    assert parse_qs(body.decode())["statuscallbackevents[]"] == ["terminal"]


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_a_compressed_answer_is_read_although_none_was_asked_for(encoding: str) -> None:
    with far_side(http(200, gzip.compress(CONNECTED_JSON), f"Content-Encoding: {encoding}")) as side:
        assert isinstance(dial(side.url), Accepted)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, refusal(400, "Invalid From"), RefusalKind.INVALID_REQUEST),
        (422, b"", RefusalKind.INVALID_REQUEST),
        (401, b"Unauthorized", RefusalKind.UNAUTHORISED),
        (402, refusal(402, "Insufficient balance"), RefusalKind.PAYMENT),
        (403, NDNC, RefusalKind.NDNC),
        (403, refusal(403, "The number is on the DND list"), RefusalKind.NDNC),
        (403, refusal(403, "Please complete your KYC"), RefusalKind.FORBIDDEN),
        (404, b"<html>no</html>", RefusalKind.NOT_FOUND),
        (429, refusal(429, "Rate limit exceeded"), RefusalKind.RATE_LIMITED),
    ],
)
def test_a_clear_no_is_refused_with_its_kind(status: int, body: bytes, kind: RefusalKind) -> None:
    with far_side(http(status, body)) as side:
        answer = dial(side.url)
    assert isinstance(answer, Refused)
    assert (answer.http_status, answer.kind) == (status, kind)
    assert len(side.requests) == 1


def test_a_refusal_keeps_the_carriers_words() -> None:
    exception = b"<RestException><Status>403</Status><Message>KYC pending</Message></RestException>"
    xml = b"<TwilioResponse>" + exception + b"</TwilioResponse>"
    with far_side(http(403, xml)) as side:
        answer = dial(side.url)
    assert isinstance(answer, Refused)
    assert answer.message == "KYC pending"


def test_retry_after_and_the_rate_allowance_are_kept() -> None:
    headers = ("Retry-After: 30", "X-RateLimit-Limit: 200", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 17")
    with far_side(http(429, b"", *headers)) as side:
        answer = dial(side.url)
    assert isinstance(answer, Refused)
    assert answer.retry_after == 30.0
    assert answer.rate is not None
    assert (answer.rate.limit, answer.rate.remaining, answer.rate.reset) == (200, 0, "17")


@pytest.mark.parametrize(
    "answer",
    [
        http(200),
        http(200, b"<html><body>Welcome</body></html>"),
        http(200, b'{"Call":{"Status":"in-progress"}}'),
        http(200, b'{"Call":{"Sid":null}}'),
        http(200, b'<!DOCTYPE a [<!ENTITY b "c">]><Call><Sid>55cd271a8e90cf3f3d9d85e06f56189g</Sid></Call>'),
        http(302, b"", "Location: http://127.0.0.1:9/elsewhere"),
        http(408),
        http(409, refusal(409, "Duplicate")),
        http(500),
        http(503, b"Service Unavailable"),
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + CONNECTED_JSON[:20],
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"",
        http(200, CONNECTED_JSON + b" " * 300_000),
    ],
    ids=lambda answer: repr(answer[:60]),
)
def test_what_says_neither_yes_nor_no_is_unknown_and_is_not_asked_again(answer: bytes) -> None:
    with far_side(answer) as side:
        verdict = dial(side.url)
    assert isinstance(verdict, Unknown), verdict
    assert len(side.requests) == 1


def test_a_reset_after_the_request_was_read_is_unknown() -> None:
    def script(line: Line) -> None:
        line.read_request()
        line.reset()

    assert isinstance(dial_scripted(script), Unknown)


def test_a_reset_in_the_middle_of_the_body_is_unknown_and_keeps_what_came() -> None:
    def script(line: Line) -> None:
        line.read_request()
        line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + CONNECTED_JSON[:20])
        line.hold(0.05)
        line.reset()

    answer = dial_scripted(script)
    assert isinstance(answer, Unknown)
    assert answer.http_status == 200


def test_a_reset_before_the_request_was_read_is_never_called_unsent() -> None:
    assert isinstance(dial_scripted(lambda line: line.reset()), (Unknown, NotSent))


def test_a_refused_connection_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = dial(f"http://127.0.0.1:{port}")
    assert answer == NotSent("the connection was refused")


def test_a_name_that_does_not_resolve_is_not_sent() -> None:
    answer = dial("http://nobody.invalid")
    assert isinstance(answer, NotSent)
    assert answer.reason in {
        "the host name could not be resolved",
        "timed out while connecting, nothing was sent",  # a resolver that hangs
    }


def test_a_far_side_that_never_accepts_is_not_sent_before_the_gate_closes() -> None:
    with FarSide(lambda line: None, backlog=0, accepting=False) as side:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", side.port))
        began = time.monotonic()
        answer = dial(side.url, patience=0.3)
        for filler in fillers:
            filler.close()
    assert isinstance(answer, NotSent), answer
    assert not answer.ours  # it had its chance
    assert time.monotonic() - began < 1.0


def test_a_time_that_has_passed_opens_no_connection_and_blames_nobody_else() -> None:
    with far_side(http(200, CONNECTED_JSON)) as side:
        assert dial(side.url, patience=-0.001) == NotSent("the time to send had passed, nothing was sent", ours=True)
    assert side.connections == 0


class Shut(Gate):
    def opens(self) -> float:
        return time.monotonic() + 5


def test_a_connection_that_stood_while_our_own_gate_was_shut_is_our_lateness() -> None:
    with far_side(http(200, CONNECTED_JSON)) as side:
        client, until = client_of(side.url), time.monotonic() + 0.15
        answer = client.connect(ASHA, not_after=until, gate=Shut())
    assert answer == NotSent("the connection stood too late, nothing was sent", ours=True)
    assert side.requests in ([], [b""])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody signed, with its key in the same file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    both = tmp_path_factory.mktemp("tls") / "both.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    written_key = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    both.write_bytes(written_key + certificate.public_bytes(pem))
    return both


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_a_certificate_that_nobody_vouches_for_is_not_sent(certificate: Path) -> None:
    with far_side(http(200, CONNECTED_JSON), tls=server_tls(certificate)) as side:
        answer = dial(side.url)
    assert answer == NotSent("the certificate of the far side was not trusted (TLS)")
    assert side.requests == []


def test_plain_http_behind_an_https_address_is_not_sent() -> None:
    with FarSide(lambda line: line.say(http(400))) as side:
        answer = dial(side.url.replace("http:", "https:"))
    assert answer == NotSent("no secure connection (TLS) could be made or kept")


def test_a_handshake_that_hangs_is_not_sent_and_lets_go_in_time() -> None:
    def script(line: Line) -> None:
        line.hold(5)

    began = time.monotonic()
    with FarSide(script) as side:
        answer = dial(side.url.replace("http:", "https:"), patience=0.3)
        took = time.monotonic() - began
    assert isinstance(answer, NotSent)
    assert not answer.ours
    assert took < 1.0


def test_a_trusted_certificate_is_dialled_and_its_drip_is_cut_all_the_same(certificate: Path) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    with far_side(http(200, CONNECTED_JSON), tls=server_tls(certificate)) as side:
        assert isinstance(dial(side.url, tls=trusting), Accepted)

    def script(line: Line) -> None:
        line.read_request()
        line.drip(http(200, CONNECTED_JSON), 0.05)

    began = time.monotonic()
    with FarSide(script, tls=server_tls(certificate)) as side:
        assert isinstance(dial(side.url, deadline=0.4, tls=trusting), Unknown)
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("dripped", ["headers", "body", "nothing"])
def test_the_deadline_holds_however_slowly_the_answer_comes(dripped: str) -> None:
    whole = http(200, CONNECTED_JSON)
    head, _, body = whole.partition(b"\r\n\r\n")
    gone = threading.Event()

    def script(line: Line) -> None:
        line.read_request()
        if dripped == "body":
            line.say(head + b"\r\n\r\n")
            line.drip(body, 0.05)
        elif dripped == "headers":
            line.drip(whole, 0.05)
        if line.raw.recv(1) == b"":
            gone.set()

    with FarSide(script) as side:
        began = time.monotonic()
        answer = dial(side.url, deadline=0.4)
        took = time.monotonic() - began
        assert isinstance(answer, Unknown)
        assert 0.4 <= took < 0.9
        assert gone.wait(2) or dripped != "nothing"  # without a callback nobody waits: the connection is cut


def late(script: Script, *, deadline: float = 0.2) -> tuple[ConnectAnswer, "queue.Queue[ConnectAnswer]"]:
    told: queue.Queue[ConnectAnswer] = queue.Queue()
    with FarSide(script) as side:
        client = client_of(side.url)
        answer = client.connect(ASHA, not_after=time.monotonic() + 5, total_deadline=deadline, late_answer=told.put)
        assert told.empty()
        with suppress(queue.Empty):
            told.put(told.get(timeout=1))
    return answer, told


def test_a_sid_that_comes_after_the_deadline_is_told_once() -> None:
    def script(line: Line) -> None:
        line.read_request()
        line.hold(0.5)
        line.say(http(200, CONNECTED_JSON))

    answer, told = late(script)
    assert isinstance(answer, Unknown)
    assert told.qsize() == 1
    evidence = told.get()
    assert isinstance(evidence, Accepted)
    assert evidence.sid == SID
    assert evidence.latency >= 0.5


def test_a_refusal_that_comes_after_the_deadline_is_told_too() -> None:
    def script(line: Line) -> None:
        line.read_request()
        line.drip(http(403, NDNC), 0.002)

    answer, told = late(script)
    assert isinstance(answer, Unknown)
    evidence = told.get_nowait()
    assert isinstance(evidence, Refused)
    assert evidence.kind is RefusalKind.NDNC


def test_a_connection_that_breaks_after_the_deadline_tells_nothing() -> None:
    def script(line: Line) -> None:
        line.read_request()
        line.hold(0.4)
        line.reset()

    answer, told = late(script)
    assert isinstance(answer, Unknown)
    assert told.empty()


def test_an_answer_within_the_deadline_is_not_told_a_second_time() -> None:
    told: queue.Queue[ConnectAnswer] = queue.Queue()
    with far_side(http(200, CONNECTED_JSON)) as side:
        client = client_of(side.url)
        answer = client.connect(ASHA, not_after=time.monotonic() + 5, late_answer=told.put)
    assert isinstance(answer, Accepted)
    assert told.empty()


def test_the_first_byte_waits_for_its_turn_and_the_connection_does_not() -> None:
    came: list[float] = []

    def script(line: Line) -> None:
        came.append(time.monotonic())
        line.read_request()
        came.append(time.monotonic())
        line.say(http(200, CONNECTED_JSON))

    with FarSide(script) as side:
        client = client_of(side.url)
        began = time.monotonic()
        answer = client.connect(ASHA, not_before=began + 0.4, not_after=began + 5)
    assert isinstance(answer, Accepted)
    connected, sent = came
    assert connected < began + 0.3
    assert sent >= began + 0.4


def test_a_request_whose_turn_comes_too_late_is_never_sent() -> None:
    with far_side(http(200, CONNECTED_JSON)) as side:
        now = time.monotonic()
        answer = client_of(side.url).connect(ASHA, not_before=now + 0.3, not_after=now + 0.1)
    assert isinstance(answer, NotSent)
    assert not [came for came in side.requests if came]


def test_sixty_four_threads_dial_at_once_and_each_call_is_posted_once() -> None:
    answers: queue.Queue[ConnectAnswer] = queue.Queue()
    with far_side(http(200, CONNECTED_JSON)) as side:
        client = client_of(side.url)

        def dial_one() -> None:
            answers.put(client.connect(ASHA, not_after=time.monotonic() + 5))

        threads = [threading.Thread(target=dial_one) for _ in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(isinstance(answers.get(), Accepted) for _ in range(64))
    assert len(side.requests) == side.connections == 64


def test_not_sent_is_never_said_of_a_request_that_left() -> None:
    answers: list[ConnectAnswer] = []
    with far_side(http(200, CONNECTED_JSON)) as side:
        client = client_of(side.url)
        for index in range(150):
            gate = time.monotonic() + (index % 15) * 0.0004
            answers.append(client.connect(ASHA, not_after=gate))
    sent = [answer for answer in answers if not isinstance(answer, NotSent)]
    assert all(isinstance(answer, Accepted) for answer in sent)
    assert len([came for came in side.requests if came]) == len(sent)
    assert 0 < len(sent) < 150


def test_when_all_is_over_no_thread_and_no_open_file_is_left() -> None:
    def left() -> tuple[int, int]:
        running = [thread for thread in threading.enumerate() if thread.name == "exotel-exchange"]
        return len(running), len(list(Path("/proc/self/fd").iterdir()))

    with far_side(http(200, CONNECTED_JSON), http(503), b"") as side:
        dial(side.url)
        files = left()[1]
        for _ in range(20):
            dial(side.url)
            dial(side.url, patience=0.001)
    deadline = time.monotonic() + 2
    while left() > (0, files) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left() <= (0, files)


def test_neither_secrets_nor_numbers_reach_a_repr_or_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with far_side(http(403, NDNC.replace(b"09980000001", b"09800000001")), http(401, b"no")) as side:
        client = client_of(side.url)
        shown = repr(client) + repr(ASHA) + repr(client.connect(ASHA, not_after=time.monotonic() + 5))
        shown += repr(client.reachable())
        with pytest.raises(Unauthorised) as caught:
            client.calls_to(ASHA.number, since=datetime.now(UTC), until=datetime.now(UTC))
        shown += repr(caught.value)
    assert side.connections == 3
    for secret in (KEY, TOKEN, "9800000001", "/token/"):
        assert secret not in shown
        assert secret not in caplog.text


@pytest.mark.parametrize(
    "address",
    ["ftp://api.exotel.com", "api.exotel.com", "https://k:t@api.exotel.com", "http://api.in.exotel.com", "https://"],
)
def test_an_address_that_must_not_get_the_credentials_is_refused_at_once(address: str) -> None:
    with pytest.raises(ValueError, match="address must"):
        client_of(address)
