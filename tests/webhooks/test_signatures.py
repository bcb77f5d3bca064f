"""What we sign, three independent verifiers take; what was tampered with, they and we refuse."""

import json
from collections.abc import Callable
from time import time

import pytest
import standardwebhooks
import svix.webhooks
from openai import InvalidWebhookSignatureError, OpenAI

from service.core import signatures

BODY = b'{"id":"evt_1","object":"event","created_at":1,"type":"dataset.ready","data":{"id":"file-1","note":"\xc3\xa9"}}'
OLD, NEW, OTHER = (signatures.make_secret() for _ in range(3))

Verify = Callable[[str, dict[str, str], bytes], object]


def _ours(secret: str, headers: dict[str, str], body: bytes) -> None:
    signatures.verify([secret], headers, body, now=time())


def _openai(secret: str, headers: dict[str, str], body: bytes) -> None:
    OpenAI(api_key="x").webhooks.verify_signature(body, headers, secret=secret)


VERIFIERS: dict[str, tuple[Verify, tuple[type[Exception], ...]]] = {
    "ours": (_ours, (signatures.BadSignature,)),
    "openai": (_openai, (InvalidWebhookSignatureError, ValueError)),
    "standardwebhooks": (
        lambda secret, headers, body: standardwebhooks.Webhook(secret).verify(body, headers),
        (standardwebhooks.WebhookVerificationError, ValueError),
    ),
    "svix": (
        lambda secret, headers, body: svix.webhooks.Webhook(secret).verify(body, headers),
        (standardwebhooks.WebhookVerificationError, ValueError),
    ),
}


def _signed(*keys: str, shift_s: float = 0.0) -> dict[str, str]:
    return signatures.headers(keys, "evt_1", time() + shift_s, BODY)


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in _signed(NEW).items() if key != name}


@pytest.mark.parametrize("name", VERIFIERS)
@pytest.mark.parametrize("secret", [NEW, OLD], ids=["new", "old"])
def test_w6_both_secrets_of_a_rotation_are_accepted(name: str, secret: str) -> None:
    VERIFIERS[name][0](secret, _signed(NEW, OLD), BODY)


TAMPERED: dict[str, Callable[[], tuple[dict[str, str], bytes]]] = {
    "a byte of the body": lambda: (_signed(NEW), BODY.replace(b"ready", b"Ready")),
    "JSON written again": lambda: (_signed(NEW), json.dumps(json.loads(BODY)).encode()),
    "six minutes old": lambda: (_signed(NEW, shift_s=-360), BODY),
    "six minutes ahead": lambda: (_signed(NEW, shift_s=360), BODY),
    "another id": lambda: ({**_signed(NEW), "webhook-id": "evt_2"}, BODY),
    "another timestamp": lambda: ({**_signed(NEW), "webhook-timestamp": str(int(time()) - 7)}, BODY),
    "no signature": lambda: (_without("webhook-signature"), BODY),
    "no id": lambda: (_without("webhook-id"), BODY),
    "an empty signature": lambda: ({**_signed(NEW), "webhook-signature": ""}, BODY),
    "an unknown version": lambda: ({**_signed(NEW), "webhook-signature": "v9,AAAA"}, BODY),
    "another secret": lambda: (_signed(OTHER), BODY),
}


@pytest.mark.parametrize("name", VERIFIERS)
@pytest.mark.parametrize("case", TAMPERED)
def test_tampered_requests_are_refused(name: str, case: str) -> None:
    headers, body = TAMPERED[case]()
    verify, errors = VERIFIERS[name]
    with pytest.raises(errors):
        verify(NEW, headers, body)


@pytest.mark.parametrize("timestamp", ["", "x", "-1", "1e9", "９", "1" * 40])
def test_an_odd_timestamp_is_refused(timestamp: str) -> None:
    with pytest.raises(signatures.BadSignature):
        _ours(NEW, {**_signed(NEW), "webhook-timestamp": timestamp}, BODY)


def test_secrets_differ_and_hints_hide_them() -> None:
    assert NEW != OLD
    assert NEW[6:-4] not in signatures.hint(NEW)
    assert signatures.hint(NEW).endswith(NEW[-4:])
