"""Chat and completion calls to an OpenAI-shaped endpoint: bytes in, bytes out, nothing parsed but a refusal."""

from collections.abc import AsyncIterator
from contextlib import suppress

import httpx2
import msgspec

from workers.providers.openai_connection import Connection
from workers.providers.openai_errors import from_exception, from_status
from workers.providers.protocol import Reply

_READ_S = 600.0
_MAX_REFUSAL_BYTES = 64 * 1024


async def call(connection: Connection, path: str, body: bytes) -> Reply:
    """POST `body` to `path` under the target's base URL. A refusal is ProviderError, never the target's own words raw.

    A stream that breaks raises ProviderError from the body's iterator; closing that iterator closes the connection.
    """
    connection.check_key()
    sdk, http = connection.sdk, connection.http
    headers = {name: value for name, value in sdk.default_headers.items() if isinstance(value, str)}
    headers |= {"accept": "*/*", "accept-encoding": "identity", "content-type": "application/json"}
    request = http.build_request(
        "POST",
        f"{str(sdk.base_url).rstrip('/')}/{path}",
        content=body,
        params={name: str(value) for name, value in sdk.default_query.items()} or None,
        headers=headers,
        timeout=httpx2.Timeout(_READ_S, connect=10.0),
    )
    try:
        response = await http.send(request, stream=True)
        if response.is_success:
            content_type = response.headers.get("content-type", "application/json")
            return Reply(status=response.status_code, content_type=content_type, body=_chunks(connection, response))
        refusal = await _refusal(response)
    except (httpx2.HTTPError, OSError) as error:
        raise from_exception(error, name=connection.name, write=True, secrets=connection.secrets) from error
    raise from_status(
        response.status_code, response.headers, refusal, name=connection.name, write=True, secrets=connection.secrets
    )


async def _chunks(connection: Connection, response: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in response.aiter_bytes():
            yield chunk
    except (httpx2.HTTPError, OSError) as error:
        raise from_exception(error, name=connection.name, write=True, secrets=connection.secrets) from error
    finally:
        await response.aclose()


async def _refusal(response: httpx2.Response) -> object:
    """Read a bounded part of a refusal's body."""
    content = b""
    try:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > _MAX_REFUSAL_BYTES:
                break
    finally:
        await response.aclose()
    with suppress(msgspec.DecodeError, RecursionError):
        return msgspec.json.decode(content)
    return content.decode("utf-8", "replace")
