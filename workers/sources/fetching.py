"""Any source, opened as what it is."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from service.core.addresses import AddressPolicy
from service.core.sources import BadSource, SourceFailed, parse_source
from service.settings import Settings
from workers.guarded_http import GuardedHttp
from workers.sources.body import Body
from workers.sources.objects import ObjectSource, OpenStore
from workers.sources.web import Login, WebSource


class Sources:
    """Opens sources as the settings allow; the settings of this moment decide, not those of the request."""

    def __init__(
        self, settings: Settings, *, http: GuardedHttp | None = None, open_store: OpenStore | None = None
    ) -> None:
        self._settings = settings
        self._policy = AddressPolicy(allow=settings.source_allow)
        self._http = http or GuardedHttp()
        self._web = WebSource(self._http, self._policy, timeout_s=settings.source_timeout_s)
        self._objects = ObjectSource(open_store)

    @asynccontextmanager
    async def open(self, url: str) -> AsyncGenerator[Body]:
        """Give what is at `url`. Raises SourceFailed, also while it is read."""
        settings = self._settings
        most = settings.max_dataset_bytes
        try:
            source = parse_source(url, self._policy, settings.source_buckets, settings.hf_endpoint)
        except BadSource as error:
            raise SourceFailed(str(error), retryable=False) from error
        if source.kind == "object":
            async with self._objects.open(source.store, source.key, most) as body:
                yield body
            return
        login = await self._login() if source.kind == "hub" else None
        async with self._web.open(source.url, most, login) as body:
            yield body

    def close(self) -> None:
        """Free the resolver's threads."""
        self._http.close()

    async def _login(self) -> Login | None:
        file = self._settings.hf_token_file
        if file is None:
            return None
        parts = urlsplit(self._settings.hf_endpoint)
        return Login(origin=f"{parts.scheme}://{parts.netloc}", token=await asyncio.to_thread(_token, file))


def _token(file: Path) -> str:
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceFailed("The service's token for the hub can't be read.", retryable=True) from error
