"""Where a job goes: what is said when it can go nowhere."""

import pytest

from service.core.errors import InvalidRequest
from service.core.placement import Place, place
from service.store.catalogue import load_catalogue

LOCAL = Place(name="local", target="local")
ELSEWHERE = Place(name="mine", target="compatible", models=("acme/llama-9",))


@pytest.mark.parametrize(
    ("places", "is_offered"), [((LOCAL,), True), ((LOCAL, ELSEWHERE), True), ((ELSEWHERE,), False)]
)
def test_without_a_provider_the_model_that_trains_here_is_offered(places, is_offered):
    catalogue = load_catalogue(None)
    with pytest.raises(InvalidRequest, match="set OPENAI_API_KEY") as raised:
        place(
            "gpt-4o-mini", method="supervised", provider=None, places=places, catalogue=catalogue, tuned=None, now=0.0
        )
    assert ("Without any provider this machine trains tunewright-tiny." in raised.value.message) is is_offered
    assert (raised.value.param, raised.value.code) == ("model", "model_not_tunable")
