"""Who holds a model, when those who are asked do not answer."""

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from service.core.errors import NotFound, Unavailable
from service.core.models import TunedModel
from service.settings import ProviderSettings, Settings
from tests.inference.conftest import Records, Stack
from tests.inference.test_remote import post
from tests.providers.conftest import KEY
from tests.providers.upstream import HANG, Upstream
from workers.inference_models import Resolver
from workers.providers.registry import Providers


async def test_a_provider_that_hangs_is_waited_for_once(upstream: Upstream) -> None:
    upstream.fail("GET", "/models", HANG)
    slow = ProviderSettings(preset="openai", base_url=upstream.url, api_key=KEY)
    providers = Providers(Settings(providers={"slow": slow}))
    resolver = Resolver(Records(), providers, list_timeout_s=3.0)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await resolver.resolve("base-1")
    assert len(upstream.sent("GET", "/models")) == 1
    await providers.aclose()


async def test_a_provider_that_is_gone_from_the_settings(stack: Stack) -> None:
    stack.records.add("ft:mine", "gone", "x")
    answer = await post(stack, {"model": "ft:mine"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_a_local_model_answers_while_it_has_a_record() -> None:
    providers = Providers(Settings(providers={"here": ProviderSettings(type="local")}))
    records, tuned = Records(), "ft:tunewright-tiny:org::01234567"
    resolver = Resolver(records, providers)
    assert (await resolver.resolve("tunewright-tiny")).provider == "here"
    records.add(tuned, "here", tuned)
    assert (await resolver.resolve(tuned)).is_local
    records.clear()
    for name in (tuned, "gpt-4o"):
        with pytest.raises(NotFound):
            await resolver.resolve(name)


class Broken(Records):
    """Records of a store that is down."""

    async def get(self, name: str) -> TunedModel | None:  # type: ignore[override]
        raise RedisConnectionError("down")


async def test_while_the_store_is_down(stack: Stack) -> None:
    assert stack.app is not None
    stack.app._resolver = Resolver(Broken(), Providers(stack.settings))
    answer = await post(stack, {"model": "base-1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "service_unavailable")
