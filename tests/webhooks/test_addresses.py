"""Where a webhook may go: a table for the rules, and the guard at connect time against a lying resolver."""

import ipaddress
import ssl
import subprocess
from pathlib import Path

import pytest

from service.core.addresses import AddressPolicy, BadAddress, check_addresses, is_denied, parse_target
from tests.webhooks.receiver import FaultyReceiver
from workers.webhook_client import WebhookClient

PUBLIC = AddressPolicy()
LOCAL = AddressPolicy(local=True)

_DENIED_TEXT = """
0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1
192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255
198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1 ::ffff:127.0.0.1
::ffff:8.8.8.8 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b::808:808 64:ff9b:1::7f00:1 100::1 2001::1
2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:2::1 2001:db8::1 2002:7f00:1::1 2002:c0a8:1::1
2620:4f:8000::1 3ffe::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fec0::1 ff02::1 ff0e::1
"""
DENIED = _DENIED_TEXT.split()

_ALLOWED_TEXT = """
1.1.1.1 8.8.8.8 100.63.255.255 100.128.0.1 126.255.255.255 128.0.0.1 169.253.255.255 169.255.0.1 172.15.255.255
172.32.0.1 192.0.1.1 192.167.255.255 192.169.0.1 198.17.255.255 198.20.0.1 223.255.255.255 2001:200::1
2606:4700:4700::1111 2a00:1450:4001:81b::200e 2003::1
"""
ALLOWED = _ALLOWED_TEXT.split()


@pytest.mark.parametrize("text", DENIED)
def test_addresses_that_are_nobody_s_are_denied(text: str) -> None:
    assert is_denied(ipaddress.ip_address(text))
    host = f"[{text}]" if ":" in text else text
    with pytest.raises(BadAddress):
        parse_target(f"https://{host}/hook", PUBLIC)


@pytest.mark.parametrize("text", ALLOWED)
def test_public_addresses_are_not(text: str) -> None:
    assert not is_denied(ipaddress.ip_address(text))
    host = f"[{text}]" if ":" in text else text
    assert parse_target(f"https://{host}/hook", PUBLIC).host == text


SPELLINGS = [
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://1.1.1.1.1/",
    "https://0/",
    "https://0x/",
    "https://[::ffff:7f00:1]/",
    "https://[::1%25lo]/",
    "https://[fe80::1%25eth0]/",
    "https://[v1.x]/",
    "https://[2606:4700::1]x.example/",
    "https://①②⑦.0.0.1/",
    "https://１２７.0.0.1/",
    "https://bücher.example/",
    "https://user@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://example.com/\t",
    "https://exa mple.com/",
    "https://example.com\r\nhost: x/",
    "https://example.com/#part",
    "https://ex%61mple.com/",
    "https://example..com/",
    "https://example.com./",
    "https://-example.com/",
    "https://example.com:22/",
    "https://example.com:0/",
    "https://example.com:65536/",
    "https://example.com:x/",
    "https:///path",
    "https://",
    "//example.com/",
    "example.com",
    "",
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com:6379/",
    "unix:///var/run/docker.sock",
    "javascript:alert(1)",
    "https://localhost/",
    "https://a.localhost/",
    "https://redis/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://" + "a" * 64 + ".example/",
    "https://example.com/" + "a" * 2048,
]


@pytest.mark.parametrize("url", SPELLINGS)
def test_hostile_spellings_are_refused(url: str) -> None:
    with pytest.raises(BadAddress):
        parse_target(url, PUBLIC)


def test_a_good_url_is_taken_apart_once() -> None:
    target = parse_target("https://Hooks.Example.com:8443/a%20b?x=1&y=//z", PUBLIC)
    assert (target.host, target.port, target.path) == ("hooks.example.com", 8443, "/a%20b?x=1&y=//z")
    assert target.host_header == "hooks.example.com:8443"
    assert parse_target("https://example.com", PUBLIC).host_header == "example.com"


@pytest.mark.parametrize(
    ("url", "policy", "ok"),
    [
        ("http://127.0.0.1:9000/", LOCAL, True),
        ("http://[::1]:9000/", LOCAL, True),
        ("http://localhost/", LOCAL, True),
        ("http://example.com/", LOCAL, True),
        ("https://10.0.0.1/", LOCAL, False),
        ("http://169.254.169.254/", LOCAL, False),
        ("http://0.0.0.0:9000/", LOCAL, False),
        ("http://10.1.2.3:22/", AddressPolicy(allow=("10.1.0.0/16",)), True),
        ("http://10.2.2.3/", AddressPolicy(allow=("10.1.0.0/16",)), False),
        ("http://receiver:8000/", AddressPolicy(allow=("receiver",)), True),
        ("http://receiver2:8000/", AddressPolicy(allow=("receiver",)), False),
        ("http://example.com/", AddressPolicy(allow=("receiver",)), False),
    ],
)
def test_what_the_policy_opens(url: str, policy: AddressPolicy, ok: bool) -> None:
    if ok:
        parse_target(url, policy)
    else:
        with pytest.raises(BadAddress):
            parse_target(url, policy)


@pytest.mark.parametrize(
    ("found", "policy", "ok"),
    [
        (["1.1.1.1", "2606:4700:4700::1111"], PUBLIC, True),
        (["1.1.1.1", "127.0.0.1"], PUBLIC, False),
        (["1.1.1.1", "fd00::1"], PUBLIC, False),
        (["1.1.1.1", "10.0.0.1"], AddressPolicy(allow=("10.0.0.0/8",)), True),
        (["1.1.1.1", "127.0.0.1"], LOCAL, True),
        (["169.254.169.254"], LOCAL, False),
        (["10.0.0.1"], AddressPolicy(allow=("hooks.example.com",)), True),
        ([], PUBLIC, False),
        (["fe80::1%eth0"], PUBLIC, False),
    ],
)
def test_every_address_of_a_name_must_pass(found: list[str], policy: AddressPolicy, ok: bool) -> None:
    target = parse_target("https://hooks.example.com/", policy)
    if ok:
        assert check_addresses(target, found, policy) == found
    else:
        with pytest.raises(BadAddress):
            check_addresses(target, found, policy)


class Rebinding:
    """A resolver whose first answer is good and whose later ones are the internal server."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def __call__(self, host: str, port: int) -> list[str]:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_dns_rebinding_reaches_nothing_inside() -> None:
    async with FaultyReceiver() as inside:
        url = f"https://hooks.example.com:{inside.port}/ok"
        client = WebhookClient(resolve=Rebinding(["127.0.0.1"], ["203.0.113.9", "127.0.0.1"], ["::ffff:127.0.0.1"]))
        outcomes = [await client.post(url, {}, b"{}", PUBLIC) for _ in range(4)]
        assert [outcome.error for outcome in outcomes] == ["address_refused"] * 4
        assert inside.ledger == []


async def test_the_checked_address_is_the_one_connected_to() -> None:
    """One look-up a try: a second one, which could answer differently, never happens."""
    async with FaultyReceiver() as receiver:
        resolver = Rebinding(["127.0.0.1"], ["169.254.169.254"])
        policy = AddressPolicy(local=True)
        url = f"http://hooks.example.com:{receiver.port}/ok"
        outcome = await WebhookClient(resolve=resolver).post(url, {}, b"{}", policy)
        assert (outcome.status_code, len(resolver.answers)) == (200, 1)
        assert receiver.ledger[0].headers["host"] == f"hooks.example.com:{receiver.port}"


async def test_proxy_variables_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FaultyReceiver() as receiver, FaultyReceiver() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url("/"))
        outcome = await WebhookClient().post(receiver.url(), {}, b"{}", LOCAL)
        assert (outcome.status_code, proxy.ledger) == (200, [])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=hooks.example.com",
        "-addext",
    ]
    command += ["subjectAltName=DNS:hooks.example.com", "-keyout", str(folder / "key"), "-out", str(folder / "cert")]
    subprocess.run(command, check=True, capture_output=True)
    return folder


@pytest.mark.parametrize(
    ("host", "status", "error"), [("hooks.example.com", 200, None), ("other.example.com", None, "tls_failed")]
)
async def test_the_name_of_the_url_is_what_the_certificate_must_show(
    certificate: Path, host: str, status: int | None, error: str | None
) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate / "cert", certificate / "key")
    trusting = ssl.create_default_context(cafile=str(certificate / "cert"))
    async with FaultyReceiver(tls=server) as receiver:
        client = WebhookClient(resolve=Rebinding(["127.0.0.1"]), tls=trusting)
        outcome = await client.post(f"https://{host}:{receiver.port}/ok", {}, b"{}", LOCAL)
        assert (outcome.status_code, outcome.error) == (status, error)
