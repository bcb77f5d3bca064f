"""A relay with faults in front of a second Tunewright, which so becomes a provider that cannot be trusted."""

import time
from typing import Any

import httpx2
import msgspec

from tests.faults.http_server import FaultPlan, HttpServer
from tests.providers.upstream import Answer, Call

_PASSED_ON = ("content-type", "idempotency-key", "authorization")


class Relay:
    """Passes requests on to `base_url`; lists may lag behind, and their metadata filter be ignored."""

    def __init__(self, base_url: str) -> None:
        self.plan = FaultPlan()
        self.list_lag_s = 0.0
        self.ignores_filter = False
        self._http = httpx2.AsyncClient(base_url=base_url, trust_env=False, timeout=30)
        self._server = HttpServer(self._pass_on, self.plan)

    @property
    def base_url(self) -> str:
        return self._server.base_url

    async def __aenter__(self) -> "Relay":
        await self._server.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.__aexit__()
        await self._http.aclose()

    async def _pass_on(self, call: Call) -> Answer:
        query = call.query
        if self.ignores_filter:
            query = {name: value for name, value in query.items() if not name.startswith("metadata")}
        headers = {name: value for name, value in call.headers.items() if name in _PASSED_ON}
        answer = await self._http.request(call.method, call.path, params=query, headers=headers, content=call.body)
        body = answer.content
        if call.method == "GET" and call.path == "/fine_tuning/jobs" and self.list_lag_s:
            body = msgspec.json.encode(self._lagging(msgspec.json.decode(body)))
        return Answer(answer.status_code, body, {"content-type": answer.headers.get("content-type", "text/plain")})

    def _lagging(self, page: dict[str, Any]) -> dict[str, Any]:
        known = [job for job in page.get("data", ()) if job["created_at"] <= time.time() - self.list_lag_s]
        return {**page, "data": known}
