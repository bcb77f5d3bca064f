"""`/openapi.json` and `/docs`: made once from the routes, and readable without any network."""

from litestar import get

from service.api.context import HttpRequest
from service.api.openapi import document
from service.api.openapi_page import page
from service.api.replies import Reply, encode

_HTML = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
)


@get("/openapi.json")
async def get_openapi(request: HttpRequest) -> Reply:
    """Show the description of this API."""
    return Reply(encode(document(request.app)))


@get("/docs")
async def get_docs(request: HttpRequest) -> Reply:
    """Show the same for people."""
    return Reply(page(document(request.app)).encode(), headers=_HTML)


documentation = (get_openapi, get_docs)
