"""A multipart form whose file is pushed on as it arrives (python-multipart's push parser); parts in any order."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from service.api.context import HttpRequest
from service.core.errors import InvalidRequest, TooLarge, UnsupportedMedia

OVERHEAD_BYTES = 100_000
"""What a form may weigh beside its file."""

_MAX_PARTS = 40
_MAX_FIELD_BYTES = 2_000
_MAX_BOUNDARY = 200


class FilePart(NamedTuple):
    """The part that holds the file: its field's name, the most bytes that it may have, and where they go."""

    field: str
    most_bytes: int
    write: Callable[[bytes], Awaitable[None]]


class Form:
    """Collects fields; the bytes of the part `file_field` wait in `pending` until they are taken."""

    def __init__(self, boundary: bytes, file_field: str) -> None:
        self.fields: dict[str, str] = {}
        self.filename: str | None = None
        self.pending: list[bytes] = []
        self.is_complete = False
        self._file_field = file_field
        self._parts = 0
        self._name: str | None = None
        self._value = bytearray()
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._all,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes. Raises InvalidRequest for what is no form."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InvalidRequest(f"The multipart body can't be read: {str(error)[:200]}.") from error

    @property
    def has_file(self) -> bool:
        """Tell whether the file's part has begun."""
        return self.filename is not None

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MAX_PARTS:
            raise InvalidRequest(f"The form has more than {_MAX_PARTS} parts.")
        self._header = (bytearray(), bytearray())
        self._disposition = b""
        self._value = bytearray()

    def _header_end(self) -> None:
        name, value = self._header
        if bytes(name).lower() == b"content-disposition":
            self._disposition = bytes(value)
        self._header = (bytearray(), bytearray())

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition.decode("latin-1"))
        name = options.get(b"name")
        if name is None:
            raise InvalidRequest("A part of the form has no name.")
        self._name = name.decode("utf-8", "replace")
        if self._name == self._file_field:
            if self.has_file:
                raise InvalidRequest(f"The form has more than one {self._file_field!r}.", param=self._file_field)
            self.filename = options.get(b"filename", b"").decode("utf-8", "replace")

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._name == self._file_field:
            self.pending.append(data[start:end])
            return
        self._value += data[start:end]
        if len(self._value) > _MAX_FIELD_BYTES:
            raise InvalidRequest(f"The form field {self._name!r} is too long.", param=self._name)

    def _end(self) -> None:
        if self._name is not None and self._name != self._file_field:
            self.fields[self._name] = self._value.decode("utf-8", "replace")

    def _all(self) -> None:
        self.is_complete = True


async def read_form(request: HttpRequest, body: AsyncIterator[bytes], part: FilePart) -> Form:
    """Read a whole form, passing the file's bytes on in the order of arrival.

    Raises InvalidRequest for a broken or cut form, TooLarge, UnsupportedMedia for another content type.
    """
    form, seen = Form(_boundary(request), part.field), 0
    async for chunk in body:
        form.feed(chunk)
        for piece in form.pending:
            seen += len(piece)
            if seen > part.most_bytes:
                raise TooLarge(f"The file is larger than {part.most_bytes:,} bytes.", param=part.field)
            await part.write(piece)
        form.pending.clear()
    if not form.is_complete:
        raise InvalidRequest("The multipart body ends before its closing boundary.")
    return form


def _boundary(request: HttpRequest) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if kind != b"multipart/form-data":
        raise UnsupportedMedia("Send the file as multipart/form-data; /v1/datasets takes the bytes as they are.")
    if not boundary or len(boundary) > _MAX_BOUNDARY:
        raise InvalidRequest("The Content-Type names no usable boundary.")
    return boundary
