"""What is known beforehand of the endpoints that speak OpenAI's API; a target's own answers correct it later."""

import msgspec

from service.core.remote import Capabilities
from service.settings import Preset, ProviderSettings


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of endpoint.

    `metadata_proven` tells that jobs are known to keep their metadata; elsewhere the first job bears our mark in its
    suffix too, until an answer shows the metadata. `top_level_hyperparameters` sends the older form of a supervised
    job's numbers beside `method`, the only one that many look-alikes read. `needs_key` refuses calls without a key.
    """

    capabilities: Capabilities
    base_url: str | None = None
    needs_key: bool = True
    metadata_proven: bool = False
    top_level_hyperparameters: bool = False


TARGETS: dict[Preset, Target] = {
    "openai": Target(
        base_url="https://api.openai.com/v1",
        metadata_proven=True,
        capabilities=Capabilities(max_file_bytes=512_000_000),
    ),
    # Azure's v1 endpoint takes 512 MB by files and fails silently over 150 MB at times (microsoft/skills#276): the
    # byte count is checked after every upload.
    "azure": Target(capabilities=Capabilities(max_file_bytes=512_000_000, pause=True)),
    "nebius": Target(
        base_url="https://api.tokenfactory.nebius.com/v1",
        top_level_hyperparameters=True,
        capabilities=Capabilities(max_file_bytes=5_000_000_000, uploads=False, pause=False),
    ),
    "generic": Target(needs_key=False, top_level_hyperparameters=True, capabilities=Capabilities()),
    "tunewright": Target(
        needs_key=False, metadata_proven=True, capabilities=Capabilities(settle_s=0.0, requests_per_minute=6_000.0)
    ),
}
"""Facts: OpenAI API reference, Azure and Nebius documentation, as gathered in reference/openai-api.md §12."""


def capabilities_of(settings: ProviderSettings) -> Capabilities:
    """Return the preset's capabilities with what the operator set laid over them."""
    known = TARGETS[settings.preset].capabilities
    return msgspec.structs.replace(
        known,
        settle_s=_chosen(settings.settle_s, known.settle_s),
        poll_interval_s=_chosen(settings.poll_interval_s, known.poll_interval_s),
        requests_per_minute=_chosen(settings.requests_per_minute, known.requests_per_minute),
    )


def _chosen(given: float | None, known: float) -> float:
    return known if given is None else given
