"""Which report a request means: the dataset's own, or one under another model, method or validation file."""

from service.api import queries
from service.api.context import HttpRequest, context_of, runtime_of
from service.api.files import check_content, find_dataset
from service.core.dataset.grader import is_field
from service.core.errors import InvalidRequest
from service.core.files import FileRecord
from service.core.jobs import MethodType
from service.store.reports import ReportRequest

METHODS: tuple[MethodType, ...] = ("supervised", "dpo", "reinforcement")
DEFAULT_METHOD: MethodType = "supervised"
_MAX_MODEL, _MAX_READS = 256, 100


def model_of(request: HttpRequest) -> str | None:
    """Return the query's `model`. Raises InvalidRequest for one that no provider can take."""
    model = queries.text_of(request, "model")
    return None if model is None else check_model(request, model)


def check_model(request: HttpRequest, model: str) -> str:
    """Return `model`. Raises InvalidRequest for one that no provider can take."""
    if not (1 <= len(model) <= _MAX_MODEL and model.isprintable()):
        raise InvalidRequest(f"A model name has 1 to {_MAX_MODEL} printable characters.", param="model")
    if not _may_be_known(request, model):
        raise InvalidRequest(
            f"Nothing is known of the model {model!r}; GET /v1/models lists those that are.", param="model"
        )
    return model


def _may_be_known(request: HttpRequest, model: str) -> bool:
    """A remote provider may take names that the catalogue lacks; without any, such a name is a mistake."""
    context = context_of(request)
    return context.runtime.catalogue.resolve(model) is not None or any(p.target != "local" for p in context.places)


async def requested(request: HttpRequest, record: FileRecord) -> ReportRequest:
    """Return the report that `?model=&method=&validation=&reads=` ask for. Raises InvalidRequest or NotFound."""
    own = own_report(record, runtime_of(request).settings.default_model)
    method: MethodType | None = queries.choice_of(request, "method", METHODS)
    validation_id = queries.text_of(request, "validation")
    validation = None if validation_id is None else await find_dataset(request, validation_id, "validation")
    if validation is not None:
        check_content(validation, "validation")
    return ReportRequest(
        file_id=record.id,
        sha256=record.sha256,
        model=model_of(request) or own.model,
        method=own.method if method is None else method,
        validation_id=validation.id if validation else None,
        validation_sha256=validation.sha256 if validation else None,
        reads=_reads_of(request),
    )


def _reads_of(request: HttpRequest) -> tuple[str, ...]:
    """Return the members of each line that a grader reads, from the query's `reads`."""
    text = queries.text_of(request, "reads")
    names = tuple(text.split(",")) if text else ()
    if len(names) > _MAX_READS or not all(is_field(name) for name in names):
        raise InvalidRequest(
            f"Invalid 'reads': at most {_MAX_READS} names of members, separated by commas, as in answer,meta.unit.",
            param="reads",
        )
    return names


def own_report(record: FileRecord, default_model: str) -> ReportRequest:
    """Return the report that every dataset gets by itself."""
    return ReportRequest(
        file_id=record.id,
        sha256=record.sha256,
        model=record.asked_model or default_model,
        method=record.asked_method or DEFAULT_METHOD,
    )
