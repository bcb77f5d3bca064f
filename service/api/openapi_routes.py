"""What each handler reads and answers, for the description of the API; a test holds that none is missing."""

from typing import Any, NamedTuple

from service.api.dataset_input import DatasetFromUrl
from service.api.dataset_wire import DatasetOut
from service.api.derive_wire import DeriveCreate
from service.api.estimates import EstimateOut
from service.api.file_wire import FileDeleted, FileOut
from service.api.health import Health
from service.api.job_events import EventOut
from service.api.job_input import JobCreate
from service.api.job_wire import CheckpointOut, JobOut
from service.api.model_wire import ModelDeleted, ModelOut
from service.api.provider_webhooks import ProviderEvent, ProviderWebhookOut
from service.api.upload_wire import UploadComplete, UploadCreate, UploadOut, UploadPartOut
from service.api.webhook_wire import (
    DeliveryOut,
    EndpointCreate,
    EndpointDeleted,
    EndpointOut,
    EndpointTest,
    EndpointTestOut,
    EndpointUpdate,
    EventTypeList,
    Resend,
    ResendOut,
    SecretRotation,
)
from service.core.chat import ChatRequest, CompletionRequest
from service.core.dataset.report import Report
from service.core.prepare.diff import Diff


class Shape(NamedTuple):
    """One handler: struct (or media type) of body and answer, names of query parameters and headers, other statuses.

    A tuple of bodies says that any of them is taken.
    """

    answer: Any
    body: Any = None
    is_page: bool = False
    query: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    statuses: tuple[int, ...] = ()


class Form(NamedTuple):
    """A multipart body and the schema of its fields."""

    schema: dict[str, Any]


_KEY = ("Idempotency-Key",)
_WAIT = ("Prefer",)
_SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")
_PAGE = ("after", "limit")
_LINES = "application/jsonl"
_BYTES = "application/octet-stream"
_FILE = Form(
    {
        "type": "object",
        "required": ["file", "purpose"],
        "properties": {
            "file": {"type": "string", "contentMediaType": _BYTES},
            "purpose": {"const": "fine-tune"},
            "expires_after[anchor]": {"const": "created_at"},
            "expires_after[seconds]": {"type": "integer", "minimum": 3600, "maximum": 2592000},
        },
    }
)
_PART = Form(
    {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"type": "string", "contentMediaType": _BYTES}},
    }
)

SHAPES: dict[str, Shape] = {
    "create_file": Shape(FileOut, _FILE, headers=_KEY),
    "list_files": Shape(FileOut, is_page=True, query=(*_PAGE, "order", "purpose")),
    "get_file": Shape(FileOut),
    "delete_file": Shape(FileDeleted),
    "get_content": Shape(_BYTES),
    "create_upload": Shape(UploadOut, UploadCreate, headers=_KEY),
    "create_upload_part": Shape(UploadPartOut, _PART, headers=_KEY),
    "complete_upload": Shape(UploadOut, UploadComplete, headers=_KEY),
    "cancel_upload": Shape(UploadOut),
    "create_dataset": Shape(
        DatasetOut,
        (_LINES, DatasetFromUrl),
        query=("filename", "model", "method", "expires_after", "metadata"),
        headers=(*_KEY, "Content-Encoding"),
    ),
    "list_datasets": Shape(DatasetOut, is_page=True, query=(*_PAGE, "order")),
    "get_dataset": Shape(DatasetOut, headers=_WAIT),
    "derive_dataset": Shape(DatasetOut, DeriveCreate, is_page=True, headers=_KEY),
    "get_diff": Shape(Diff, headers=_WAIT, statuses=(202,)),
    "get_report": Shape(
        Report, query=("format", "model", "method", "validation", "reads"), headers=_WAIT, statuses=(202,)
    ),
    "create_estimate": Shape(EstimateOut, JobCreate, headers=_WAIT, statuses=(202,)),
    "create_job": Shape(JobOut, JobCreate, headers=_KEY, statuses=(202,)),
    "list_jobs": Shape(JobOut, is_page=True, query=(*_PAGE, "metadata")),
    "get_job": Shape(JobOut, headers=_WAIT),
    "cancel_job": Shape(JobOut),
    "pause_job": Shape(JobOut),
    "resume_job": Shape(JobOut),
    "retry_job": Shape(JobOut, headers=_KEY),
    "list_events": Shape(EventOut, is_page=True, query=_PAGE, headers=("Accept", "Last-Event-ID")),
    "list_checkpoints": Shape(CheckpointOut, is_page=True, query=_PAGE),
    "get_metrics": Shape("application/json", query=("format",), headers=("Accept",)),
    "list_models": Shape(ModelOut, is_page=True),
    "get_model": Shape(ModelOut),
    "delete_model": Shape(ModelDeleted),
    "create_chat_completion": Shape("application/json", ChatRequest),
    "create_completion": Shape("application/json", CompletionRequest),
    "create_endpoint": Shape(EndpointOut, EndpointCreate, headers=_KEY),
    "list_endpoints": Shape(EndpointOut, is_page=True, query=_PAGE),
    "get_endpoint": Shape(EndpointOut),
    "update_endpoint": Shape(EndpointOut, EndpointUpdate),
    "delete_endpoint": Shape(EndpointDeleted),
    "rotate_secret": Shape(EndpointOut, SecretRotation, headers=_KEY),
    "test_endpoint": Shape(EndpointTestOut, EndpointTest),
    "list_deliveries": Shape(DeliveryOut, is_page=True, query=_PAGE),
    "list_job_deliveries": Shape(DeliveryOut, is_page=True, query=_PAGE),
    "resend_deliveries": Shape(ResendOut, Resend),
    "get_delivery": Shape(DeliveryOut),
    "resend_delivery": Shape(DeliveryOut),
    "list_event_types": Shape(EventTypeList),
    "receive_provider_webhook": Shape(ProviderWebhookOut, ProviderEvent, headers=_SIGNED),
    "live": Shape(Health),
    "ready": Shape(Health, statuses=(503,)),
    "get_metrics_text": Shape("text/plain"),
    "get_openapi": Shape("application/json"),
    "get_docs": Shape("text/html"),
}

PARAMETERS: dict[str, tuple[dict[str, Any], str]] = {
    "after": ({"type": "string"}, "The id of the last item of the page before."),
    "limit": ({"type": "integer", "minimum": 1}, "How many items a page holds."),
    "order": ({"enum": ["asc", "desc"]}, "By time of creation; newest first by default."),
    "purpose": ({"type": "string"}, "Only files of this purpose."),
    "filename": ({"type": "string"}, "A label for the dataset."),
    "model": ({"type": "string"}, "The model to check against; default is the setting `default_model`."),
    "method": ({"enum": ["supervised", "dpo", "reinforcement"]}, "The training method to check against."),
    "expires_after": ({"type": "integer"}, "Seconds from now to the dataset's deletion."),
    "metadata": (
        {"anyOf": [{"type": "object", "additionalProperties": {"type": "string"}}, {"const": "null"}]},
        "Pairs as `metadata[key]=value`; for lists also `null`, those without any.",
    ),
    "format": ({"type": "string"}, "The form of the answer; an unknown one lists what there is."),
    "reads": ({"type": "string"}, "Members of each reinforcement line that a grader reads, separated by commas."),
    "validation": ({"type": "string"}, "A second dataset, to be checked for leaks between the two."),
}

HEADERS: dict[str, str] = {
    "Idempotency-Key": "Equal requests under one key have one effect and one answer, for 7 days.",
    "Prefer": "`wait=N` (1 to 60) holds the answer until the object is at its end, or N seconds have passed.",
    "Content-Encoding": "`gzip` or `zstd`.",
    "Accept": "`text/event-stream` for events as they happen, `text/csv` for metrics as CSV.",
    "webhook-id": "The same for every try of one webhook.",
    "webhook-timestamp": "Unix seconds of this try; five minutes off are refused.",
    "webhook-signature": "`v1,` and base64 of HMAC-SHA256 over id, timestamp and body, joined by dots.",
    "Last-Event-ID": "Go on behind this event.",
}
