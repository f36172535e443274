"""Downloads from hosts on loopback that misbehave in every way we know of."""

import hashlib
import io
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from campaigns.recordings.addresses import Target
from campaigns.recordings.downloading import Failure, Limits, Sound, download, fetch_from
from tests.recordings.far_end import WAV, FarEnd, Serve, far_end, raw, reset, sound, whole

KEY = ("key", "token")
BASIC = "Basic a2V5OnRva2Vu"


def target(end: FarEnd, *, credentials: bool = True, path: str = "/a.wav") -> Target:
    return Target(end.address + path, "127.0.0.1", end.port, credentials=credentials, presigned=False, public=False)


def fetch(
    serve: Serve, *, credentials: bool = True, size: int = 10**6, seconds: float = 5.0
) -> tuple[Sound, bytes, FarEnd]:
    file = io.BytesIO()
    with far_end(serve) as end:
        limits = Limits(size=size, seconds=seconds)
        found = download(target(end, credentials=credentials), KEY, file, limits=limits)
    return found, file.getvalue(), end


def refused(serve: Serve, *, size: int = 10**6, seconds: float = 5.0) -> Failure:
    with pytest.raises(Failure) as failure:
        fetch(serve, size=size, seconds=seconds)
    return failure.value


@pytest.mark.parametrize(
    ("body", "kind"),
    [(WAV, "audio/wav"), (sound(kind="MP3"), "audio/mpeg"), (b"ID3\x04" + bytes(9) + sound(kind="MP3"), "audio/mpeg")],
)
def test_a_recording_is_written_as_it_came_and_named_by_its_own_bytes(body: bytes, kind: str) -> None:
    found, written, end = fetch(whole(body, Content_Type="text/html"))
    assert written == body
    assert found == Sound(len(body), hashlib.sha256(body).hexdigest(), kind)
    assert end.keys == [BASIC]


def test_the_key_stays_at_home_where_the_target_says_so() -> None:
    assert fetch(whole(WAV), credentials=False)[2].keys == [None]


def test_a_chunked_answer_is_whole_when_its_last_chunk_came() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (WAV[:3], WAV[3:1000], WAV[1000:]))
    assert fetch(raw(head + chunks + b"0\r\n\r\n"))[1] == WAV
    assert "broke off" in str(refused(raw(head + chunks[:-20])))


@pytest.mark.parametrize(
    ("status", "words", "denied"),
    [
        (401, "API key", True),
        (403, "not be read yet", True),
        (404, "not ready", False),
        (410, "expired", True),
        (429, "asks to wait", False),
        (500, "answered 500", False),
        (206, "answered 206", False),
    ],
)
def test_an_answer_without_a_recording_says_what_it_was(status: int, words: str, denied: bool) -> None:
    failure = refused(whole(WAV, status))
    assert words in str(failure)
    assert (failure.denied, failure.final) == (denied, False)


def test_a_redirect_is_not_followed_and_nobody_else_sees_the_key() -> None:
    with far_end(whole(WAV)) as thief, pytest.raises(Failure, match="redirect"):
        fetch(whole(b"", 302, Location=f"{thief.address}/a.wav"))
    assert thief.paths == []


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><p>Sign in", b"\n <html>", b"<TwilioResponse>", b'{"Call": 1}'])
def test_a_page_is_no_recording(page: bytes) -> None:
    failure = refused(whole(page + bytes(5000), Content_Type="audio/mpeg"))
    assert "a page came" in str(failure)
    assert failure.bad


@pytest.mark.parametrize("body", [b"\x7fELF" + bytes(500), b"RIFF\0\0\0\0AVI ", b"R", b"\xff\xff\xff\xff" * 9])
def test_what_is_neither_mp3_nor_wav_is_refused(body: bytes) -> None:
    assert "neither MP3 nor WAV" in str(refused(whole(body)))


def test_an_empty_answer_is_no_recording() -> None:
    assert "empty" in str(refused(whole(b"")))


def test_a_recording_that_broke_off_is_refused() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WAV)
    assert "broke off" in str(refused(raw(head + WAV[:-1])))
    assert "broke" in str(refused(raw(head + WAV[:500], then=reset)))


def test_an_answer_that_ends_with_its_connection_is_whole_unless_its_own_header_says_more() -> None:
    head = b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n"
    for body in (WAV, b"RIFF" + b"\xff" * 4 + WAV[8:], b"\xff\xfb\x90\x64" + bytes(500)):
        assert fetch(raw(head + body))[1] == body
    assert "broke off" in str(refused(raw(head + WAV[:-1])))
    assert "broke" in str(refused(raw(head + WAV[:500], then=reset)))


def test_a_recording_that_says_it_is_too_large_is_not_read() -> None:
    failure = refused(raw(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n" + WAV))
    assert "larger than" in str(failure)
    assert failure.final


def test_a_recording_without_end_is_cut_at_the_limit() -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(10_000):
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(WAV), WAV))

    assert refused(endless, size=100_000).final


def test_a_packed_answer_is_refused_instead_of_unpacked() -> None:
    assert "packed" in str(refused(whole(WAV, Content_Encoding="gzip")))


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\nRIFF"])
def test_an_answer_that_drips_is_cut_when_its_time_is_up(head: bytes) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head or b"HTTP/1.1 200 OK\r\nX-Slow: ")
        for _ in range(100):
            handler.wfile.write(b"a")
            time.sleep(0.05)

    began = time.monotonic()
    assert "longer than 0.3 seconds" in str(refused(drip, seconds=0.3))
    assert time.monotonic() - began < 2


def test_a_program_that_stops_waits_for_no_download() -> None:
    with far_end(whole(sound(30))) as end, pytest.raises(Failure, match="stopped"):
        download(target(end), KEY, io.BytesIO(), limits=Limits(stopping=lambda: True))


def test_nobody_there_is_told_in_words() -> None:
    with far_end(whole(WAV)) as end:
        gone = target(end)
    with pytest.raises(Failure, match="connection was refused"):
        download(gone, KEY, io.BytesIO())


# ------------------------------------------------------------------------------------------------------------- pinning
def certificate(folder: Path, name: str) -> Path:
    """A key and a certificate for `name`, signed by itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


def over_tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext, list[str | None]]:
    """The far side's identity as `name`, the trust in it, and the names that it is asked for."""
    asked: list[str | None] = []
    pem = certificate(folder, name)
    identity = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    identity.load_cert_chain(pem)
    identity.sni_callback = lambda _socket, server_name, _context: asked.append(server_name)
    return identity, ssl.create_default_context(cafile=str(pem)), asked


def answer_once(listener: socket.socket, context: ssl.SSLContext, seen: list[bytes]) -> None:
    """One HTTPS answer by hand."""
    connection, _ = listener.accept()
    try:
        with context.wrap_socket(connection, server_side=True) as wrapped:
            seen.append(wrapped.recv(65536))
            wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(WAV) + WAV)
    except (ssl.SSLError, ConnectionResetError):
        connection.close()


@pytest.mark.parametrize(("name", "good"), [("recordings.exotel.com", True), ("evil.example", False)])
def test_the_connection_goes_to_the_judged_number_and_the_certificate_is_the_names(
    tmp_path: Path, name: str, good: bool
) -> None:
    identity, trust, asked = over_tls(tmp_path, name)
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        address = f"https://recordings.exotel.com:{port}/exotelrecordings/a.wav?x=%2F"
        where = Target(address, "recordings.exotel.com", port, credentials=True, presigned=False, public=True)
        far = threading.Thread(target=answer_once, args=(listener, identity, seen), daemon=True)
        far.start()
        file = io.BytesIO()
        if good:
            fetch_from("127.0.0.1", where, KEY, file, limits=Limits(), tls=trust)
            assert file.getvalue() == WAV
            assert seen[0].startswith(b"GET /exotelrecordings/a.wav?x=%2F HTTP/1.1\r\n")
            assert f"Host: recordings.exotel.com:{port}".encode() in seen[0]
        else:
            with pytest.raises(Failure, match="not trusted"):
                fetch_from("127.0.0.1", where, KEY, file, limits=Limits(), tls=trust)
            assert seen == []
        far.join(5)
    assert asked == ["recordings.exotel.com"]
