"""What `up` waits for before it says that it is ready."""

import asyncio
from contextlib import AsyncExitStack

from service.cli import probe


async def answer(status: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(f"HTTP/1.1 {status}\r\n\r\nwhy".encode())
    writer.close()


async def test_ready_is_the_api_and_inference(tmp_path):
    async with AsyncExitStack() as stack:

        async def api(status: str) -> int:
            server = await asyncio.start_server(lambda r, w: answer(status, r, w), "127.0.0.1", 0)
            await stack.enter_async_context(server)
            return server.sockets[0].getsockname()[1]

        good, bad = await api("200 OK"), await api("503 Service Unavailable")
        path = str(tmp_path / "inference.sock")
        assert "inference does not answer" in (await probe.lacking("127.0.0.1", good, f"unix:{path}") or "")
        server = await asyncio.start_unix_server(lambda r, w: answer("200 OK", r, w), path)
        await stack.enter_async_context(server)
        assert await probe.lacking("0.0.0.0", good, f"unix:{path}") is None
        assert await probe.lacking("127.0.0.1", good, f"http://127.0.0.1:{good}") is None
        assert await probe.lacking("127.0.0.1", bad, f"unix:{path}") == "the API: HTTP/1.1 503 Service Unavailable why"
        why = await probe.lacking("127.0.0.1", good, f"http://127.0.0.1:{bad}")
        assert why == "inference: HTTP/1.1 503 Service Unavailable why"
