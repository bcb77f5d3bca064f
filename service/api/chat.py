"""`/v1/chat/completions` and `/v1/completions`: answered by the inference process, whose bytes are passed on."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

from litestar import Litestar, post

from service.api.context import HttpRequest
from service.api.inference_client import InferenceClient
from service.api.replies import StreamReply
from service.settings import Settings


@post("/v1/chat/completions", request_max_body_size=None, status_code=200)
async def create_chat_completion(request: HttpRequest) -> StreamReply:
    """Answer a conversation, by the provider that holds the model; with `stream` as server-sent events."""
    return await _client_of(request).relay(request, "/chat/completions")


@post("/v1/completions", request_max_body_size=None, status_code=200)
async def create_completion(request: HttpRequest) -> StreamReply:
    """Continue a prompt, by the provider that holds the model; with `stream` as server-sent events."""
    return await _client_of(request).relay(request, "/completions")


chat = (create_chat_completion, create_completion)


@asynccontextmanager
async def open_inference(app: Litestar, settings: Settings) -> AsyncGenerator[None]:
    """Give the application its way to the inference process, which need not be there yet."""
    client = InferenceClient(settings.inference)
    app.state.inference = client
    try:
        yield
    finally:
        await client.aclose()


def _client_of(request: HttpRequest) -> InferenceClient:
    return cast("InferenceClient", request.app.state.inference)
