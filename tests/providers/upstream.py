"""An OpenAI-shaped endpoint that behaves well until it is told not to; a raw HTTP server, so that it can hang up."""

import asyncio
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Call:
    """A request as it came."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, tuple[str | None, bytes]]:
        """The multipart fields: filename and content."""
        head = f"content-type: {self.headers['content-type']}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + self.body).get_payload()
        return {
            part.get_param("name", header="content-disposition"): (part.get_filename(), part.get_payload(decode=True))
            for part in parts
        }


@dataclass
class Answer:
    """What to send; `drop` hangs up instead, `hang` never answers, `cut` promises more than it sends."""

    status: int = 200
    body: bytes | Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    hang: bool = False
    cut: bool = False


def error(status: int, message: str, code: str | None = None, **more: Any) -> Answer:
    body = {
        "error": {"message": message, "type": more.pop("type", "x"), "param": more.pop("param", None), "code": code}
    }
    return Answer(status=status, body=body, headers=more.pop("headers", {}))


DROP = Answer(drop=True)
HANG = Answer(hang=True)
HTML = Answer(body=b"<html><body>gateway</body></html>", headers={"content-type": "text/html"})


class Upstream:
    """The server, its records, and `faults`: (method, path pattern, answer, whether the request is executed first)."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[Call] = []
        self.files: dict[str, dict[str, Any]] = {}
        self.contents: dict[str, bytes] = {}
        self.jobs: list[dict[str, Any]] = []  # newest first
        self.events: list[dict[str, Any]] = []  # newest first
        self.checkpoints: list[dict[str, Any]] = []
        self.models: dict[str, Any] = {"object": "list", "data": [{"id": "base-1", "object": "model"}]}
        self.faults: list[tuple[str, str, Answer, bool]] = []
        self.ignores_after = False
        self.list_lags = False
        self.discards_bodies = False
        self.ignores_filter = False
        self.drops_metadata = False
        self.uploads: dict[str, dict[str, bytes]] = {}
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    @property
    def connections(self) -> int:
        return len(self._open)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()
        for writer in list(self._open):
            writer.close()

    def fail(self, method: str, pattern: str, answer: Answer, *, executed: bool = False, times: int = 1) -> None:
        """Answer the next `times` matching requests with `answer`."""
        self.faults += [(method, pattern, answer, executed)] * times

    def sent(self, method: str, pattern: str) -> list[Call]:
        return [call for call in self.calls if call.method == method and re.fullmatch(pattern, call.path)]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            call = await _read(reader, discard=self.discards_bodies)
            self.calls.append(call)
            answer = self._answer(call)
            if answer.hang:
                await reader.read()
            if not answer.drop and not answer.hang:
                body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
                headers = {"content-type": "application/json", "connection": "close", **answer.headers}
                lines = [f"HTTP/1.1 {answer.status} X", *(f"{k}: {v}" for k, v in headers.items())]
                head = "\r\n".join([*lines, f"content-length: {len(body) + answer.cut}", "", ""])
                writer.write(head.encode() + body)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, call: Call) -> Answer:
        for fault in self.faults:
            method, pattern, answer, executed = fault
            if call.method == method and re.fullmatch(pattern, call.path):
                self.faults.remove(fault)
                if executed:
                    self._route(call)
                return answer
        return self._route(call)

    def _route(self, call: Call) -> Answer:
        routes: dict[str, Callable[..., Answer]] = {
            r"DISCARDED /files": lambda c: Answer(body={"id": "file-x", "bytes": None}),
            r"GET /models": lambda c: Answer(body=self.models),
            r"DELETE /models/(.+)": lambda c, m: Answer(body={"id": m, "object": "model", "deleted": True}),
            r"GET /files": self._list_files,
            r"POST /files": self._create_file,
            r"DELETE /files/(.+)": self._delete_file,
            r"GET /files/(.+)/content": lambda c, f: Answer(body=self.contents[f]),
            r"POST /uploads": self._start_upload,
            r"POST /uploads/([^/]+)/parts": self._part,
            r"POST /uploads/([^/]+)/complete": self._complete,
            r"POST /uploads/([^/]+)/cancel": lambda c, u: Answer(body={"id": u, "object": "upload"}),
            r"POST /fine_tuning/jobs": self._create_job,
            r"GET /fine_tuning/jobs": self._list_jobs,
            r"GET /fine_tuning/jobs/([^/]+)": self._get_job,
            r"POST /fine_tuning/jobs/([^/]+)/(cancel|pause|resume)": self._steer,
            r"GET /fine_tuning/jobs/([^/]+)/events": lambda c, j: self._page(c, self.events),
            r"GET /fine_tuning/jobs/([^/]+)/checkpoints": lambda c, j: self._page(c, self.checkpoints),
            r"POST /chat/completions": lambda c: Answer(body={"echo": c.json}),
        }
        for route, handler in routes.items():
            if match := re.fullmatch(route, f"{call.method} {call.path}"):
                return handler(call, *map(unquote, match.groups()))
        return error(404, f"Unknown request URL: {call.method} {call.path}", "unknown_url")

    def _page(self, call: Call, rows: list[dict[str, Any]]) -> Answer:
        limit = int(call.query.get("limit", 20))
        start = 0
        if (after := call.query.get("after")) and not self.ignores_after:
            start = next((i + 1 for i, row in enumerate(rows) if row["id"] == after), len(rows))
        page = rows[start : start + limit]
        return Answer(
            body={"object": "list", "data": page, "has_more": self.ignores_after or start + limit < len(rows)}
        )

    def _list_files(self, call: Call) -> Answer:
        return self._page(call, [] if self.list_lags else list(self.files.values()))

    def _create_file(self, call: Call) -> Answer:
        filename, content = call.form()["file"]
        return Answer(body=self.add_file(filename or "", content))

    def add_file(self, filename: str, content: bytes) -> dict[str, Any]:
        file_id = f"file-{len(self.files) + 1}"
        self.contents[file_id] = content
        self.files[file_id] = {
            "id": file_id, "object": "file", "bytes": len(content), "created_at": 1, "filename": filename,
            "purpose": "fine-tune", "status": "processed",
        }  # fmt: skip
        return self.files[file_id]

    def _delete_file(self, call: Call, file_id: str) -> Answer:
        if self.files.pop(file_id, None) is None:
            return error(404, "No such File object", None)
        return Answer(body={"id": file_id, "object": "file", "deleted": True})

    def _start_upload(self, call: Call) -> Answer:
        upload_id = f"upload_{len(self.uploads)}"
        self.uploads[upload_id] = {"name": call.json["filename"].encode()}
        return Answer(body={"id": upload_id, "object": "upload", "status": "pending", "file": None})

    def _part(self, call: Call, upload_id: str) -> Answer:
        if "done" in self.uploads.get(upload_id, {"done": b""}):
            return error(400, f"The upload {upload_id} is over")
        part_id = f"part_{len(self.uploads[upload_id])}"
        self.uploads[upload_id][part_id] = call.form()["data"][1]
        return Answer(body={"id": part_id, "object": "upload.part", "upload_id": upload_id})

    def _complete(self, call: Call, upload_id: str) -> Answer:
        parts = self.uploads.get(upload_id, {"done": b""})
        if "done" in parts:
            return error(400, f"The upload {upload_id} is over")
        parts["done"] = b""
        content = b"".join(parts[part_id] for part_id in call.json["part_ids"])
        file = self.add_file(parts["name"].decode(), content)
        return Answer(body={"id": upload_id, "object": "upload", "status": "completed", "file": file})

    def _create_job(self, call: Call) -> Answer:
        return Answer(body=self.add_job(**{k: v for k, v in call.json.items() if k != "suffix"}))

    def add_job(self, **members: Any) -> dict[str, Any]:
        if self.drops_metadata:
            members.pop("metadata", None)
        job = {
            "id": f"ftjob-up{len(self.jobs) + 1}", "object": "fine_tuning.job", "created_at": 1_000 + len(self.jobs),
            "status": "queued", "fine_tuned_model": None, "hyperparameters": {"n_epochs": "auto"}, "error": None,
            "result_files": [], **members,
        }  # fmt: skip
        self.jobs.insert(0, job)
        return job

    def _list_jobs(self, call: Call) -> Answer:
        wanted = {k[9:-1]: v for k, v in call.query.items() if k.startswith("metadata[")}
        rows = self.jobs
        if wanted and not self.ignores_filter:
            rows = [j for j in rows if wanted.items() <= (j.get("metadata") or {}).items()]
        return self._page(call, rows)

    def job(self, job_id: str) -> dict[str, Any] | None:
        return next((job for job in self.jobs if job["id"] == job_id), None)

    def _get_job(self, call: Call, job_id: str) -> Answer:
        job = self.job(job_id)
        return Answer(body=job) if job else error(404, f"Could not find fine tune: {job_id}", "fine_tune_not_found")

    def _steer(self, call: Call, job_id: str, verb: str) -> Answer:
        job = self.job(job_id)
        if job is None:
            return error(404, "Could not find fine tune", "fine_tune_not_found")
        if job["status"] in {"succeeded", "failed", "cancelled"}:
            return error(400, f"Job has already completed: {job_id}", "invalid_request")
        job["status"] = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}[verb]
        return Answer(body=job)


async def _read(reader: asyncio.StreamReader, *, discard: bool) -> Call:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = b""
    if discard and int(headers.get("content-length", 0)) > 1 << 20:
        left = int(headers["content-length"])
        while left:
            left -= len(await reader.read(min(left, 1 << 16)))
        method = "DISCARDED"
    elif "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readline()).strip() or b"0", 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    parts = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Call(method, parts.path.removeprefix("/v1"), query, headers, body)
