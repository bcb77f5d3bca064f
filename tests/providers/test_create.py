"""Creating a job once: what is sent, where the mark goes, and how each failure is sorted."""

from typing import Any

import pytest

from service.core.jobs import Hyperparameters, Method
from tests.providers.conftest import KEY, MARK, Make, request
from tests.providers.upstream import DROP, HANG, HTML, Answer, Upstream, error
from workers.providers.protocol import ProviderError

JOBS = "/fine_tuning/jobs"


async def test_the_body_bears_the_mark_and_nothing_null(upstream: Upstream, make: Make) -> None:
    job = await make().create(request())
    (call,) = upstream.sent("POST", JOBS)
    assert call.json == {
        "model": "base-1", "training_file": "file-1", "seed": 7, "metadata": {"team": "a", "tunewright_job": MARK},
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    }  # fmt: skip
    assert call.headers["idempotency-key"] == MARK
    assert (job.id, job.status, job.mark) == ("ftjob-up1", "queued", MARK)


@pytest.mark.parametrize(
    ("answer", "reason", "executed"),
    [
        (DROP, "unclear", True),
        (HANG, "unclear", True),
        (HTML, "unclear", True),
        (Answer(body=b"", headers={"content-type": "application/json"}), "unclear", True),
        (Answer(body=[]), "unclear", True),
        (Answer(body=b"null"), "unclear", True),
        (Answer(body={"id": "x", "object": "file", "status": "processed"}), "unclear", True),
        (error(500, "boom"), "unclear", True),
        (error(503, "server_is_overloaded"), "unclear", True),
        (error(408, "timeout"), "unclear", True),
        (error(409, "conflict"), "unclear", True),
        (error(403, "Fine-tuning is no longer available.", "training_not_available"), "closed", False),
        (error(403, "no"), "refused", False),
        (error(401, "Incorrect API key"), "unauthorized", False),
        (error(404, "No such file"), "not_found", False),
        (error(400, "bad", "model_not_available", param="model"), "refused", False),
        (error(429, "slow", "rate_limit_exceeded", headers={"retry-after": "7"}), "rate_limited", False),
        (error(429, "pay", "insufficient_quota"), "quota", False),
        (error(429, "x", "daily_rate_limit_exceeded", type="invalid_request_error"), "daily_limit", False),
        (error(429, "You have 3 active fine-tuning jobs, the most at once."), "concurrent_limit", False),
        (error(400, "File file-1 import is not completed"), "not_ready", False),
        (Answer(status=302, headers={"location": "/v2"}), "refused", False),
        (Answer(status=400, body={"detail": "no such member"}), "refused", False),
    ],
)
async def test_every_failure_is_sorted_and_sent_once(
    upstream: Upstream, make: Make, answer: Answer, reason: str, executed: bool
) -> None:
    upstream.fail("POST", JOBS, answer, executed=executed)
    with pytest.raises(ProviderError) as caught:
        await make().create(request())
    assert (caught.value.reason, caught.value.executed) == (reason, executed)
    final = {"closed", "refused", "unauthorized", "not_found", "quota"}
    assert caught.value.retryable is (reason not in final)
    assert len(upstream.sent("POST", JOBS)) == 1
    assert len(upstream.jobs) == executed


async def test_after_an_unclear_failure_the_job_is_found(upstream: Upstream, make: Make) -> None:
    upstream.fail("POST", JOBS, DROP, executed=True)
    provider = make()
    with pytest.raises(ProviderError):
        await provider.create(request())
    (found,) = await provider.find(MARK, since=900.0)
    assert (found.id, found.mark) == ("ftjob-up1", MARK)


async def test_a_target_that_refuses_connections_surely_did_nothing(upstream: Upstream, make: Make) -> None:
    await upstream.stop()
    with pytest.raises(ProviderError) as caught:
        await make().create(request())
    assert (caught.value.reason, caught.value.executed, caught.value.retryable) == ("unavailable", False, True)
    await upstream.start()


async def test_no_message_holds_a_key(upstream: Upstream, make: Make) -> None:
    upstream.fail("POST", JOBS, error(400, f"key {KEY} or sk" + "-abcd****wxyz is wrong"))
    with pytest.raises(ProviderError) as caught:
        await make().create(request())
    assert str(caught.value) == "Provider target: key *** or *** is wrong"


async def test_retry_after_is_kept(upstream: Upstream, make: Make) -> None:
    upstream.fail("POST", JOBS, error(429, "slow", headers={"retry-after": "180"}))
    with pytest.raises(ProviderError) as caught:
        await make().create(request())
    assert caught.value.retry_after_s == 180.0


async def test_sixteen_pairs_leave_the_mark_to_the_suffix(upstream: Upstream, make: Make) -> None:
    pairs = {f"k{n}": "v" for n in range(16)}
    provider = make()
    await provider.create(request(metadata=pairs, suffix="support" * 9))
    body = upstream.sent("POST", JOBS)[0].json
    assert body["metadata"] == pairs
    assert len(body["suffix"]) == 64
    upstream.jobs[0]["user_provided_suffix"] = body["suffix"]
    (found,) = await provider.find(MARK, since=0.0)
    assert found.id == "ftjob-up1"


async def test_an_unknown_target_gets_the_mark_twice_until_it_shows_metadata(upstream: Upstream, make: Make) -> None:
    provider = make(preset="generic")
    await provider.create(request(suffix="support"))
    await provider.create(request(suffix="support", mark="ftjob-other"))
    first, second = (call.json for call in upstream.sent("POST", JOBS))
    assert first["suffix"].startswith("support-tw")
    assert second["suffix"] == "support"
    assert first["hyperparameters"] == {"n_epochs": 2}


async def test_a_target_that_refuses_metadata_gets_the_suffix_alone(upstream: Upstream, make: Make) -> None:
    provider = make(preset="generic")
    upstream.fail("POST", JOBS, error(400, "Unknown parameter: 'metadata'.", param="metadata"))
    with pytest.raises(ProviderError) as caught:
        await provider.create(request())
    assert caught.value.retryable
    await provider.create(request())
    assert "metadata" not in upstream.sent("POST", JOBS)[1].json
    assert not provider.capabilities.keeps_metadata


@pytest.mark.parametrize(
    ("method", "body"),
    [
        (Method(), None),
        (Method(type="dpo", hyperparameters=Hyperparameters(beta=0.1)), {"dpo": {"hyperparameters": {"beta": 0.1}}}),
        (Method(type="reinforcement", grader={"type": "x"}), {"reinforcement": {"grader": {"type": "x"}}}),
    ],
)
async def test_methods(upstream: Upstream, make: Make, method: Method, body: dict[str, Any] | None) -> None:
    await make().create(request(method=method))
    sent = upstream.sent("POST", JOBS)[0].json
    assert sent.get("method") == (None if body is None else {"type": method.type, **body})


async def test_options_are_merged_but_never_over_our_members(upstream: Upstream, make: Make) -> None:
    provider = make(extra_body={"trainingType": "Standard"})
    await provider.create(
        request(provider_options={"trainingType": "GlobalStandard", "hyperparameters": {"lora": True}})
    )
    sent = upstream.sent("POST", JOBS)[0].json
    assert (sent["trainingType"], sent["hyperparameters"]) == ("GlobalStandard", {"lora": True})
    with pytest.raises(ProviderError) as caught:
        await provider.create(request(provider_options={"metadata": {}}))
    assert caught.value.param == "tunewright.provider_options.metadata"


async def test_without_a_key_nothing_is_sent(upstream: Upstream, make: Make) -> None:
    with pytest.raises(ProviderError) as caught:
        await make(api_key=None).create(request())
    assert caught.value.reason == "unauthorized"
    assert upstream.calls == []


async def test_nothing_of_the_environment_reaches_the_target(
    upstream: Upstream, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk" + "-ambient-000000")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-ambient")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Ambient: secret\nAuthorization: Bearer ambient")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    await make(preset="generic", api_key=None, extra_headers={"X-Mine": "1"}).create(request())
    for call in upstream.calls:
        assert call.headers["authorization"] == "Bearer none"
        assert call.headers["x-mine"] == "1"
        assert not {"x-ambient", "openai-organization"} & call.headers.keys()


@pytest.mark.parametrize(
    ("models", "settle_s"),
    [
        ({"object": "list", "data": []}, 120.0),
        ({"object": "list", "data": [], "tunewright": {"idempotency_key": True}}, 0.0),
        ({"object": "list", "data": [{"id": "m", "tunewright": {"idempotency_key": True}}]}, 0.0),
        (b"<html>", 120.0),
    ],
)
async def test_a_tunewright_says_that_it_honours_the_key(
    upstream: Upstream, make: Make, models: Any, settle_s: float
) -> None:
    upstream.fail("GET", "/models", Answer(body=models))
    provider = make(preset="generic")
    await provider.create(request())
    assert provider.capabilities.settle_s == settle_s
