"""Configuration: `tunewright.toml`, then `TUNEWRIGHT_*` variables over it; alone in reading the environment."""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from service.core.addresses import BadAddress, check_allowed
from service.core.catalogue import OwnModel, Target, target_of
from service.core.signatures import is_secret

Seconds = Annotated[float, Meta(gt=0)]
_PREFIX = "TUNEWRIGHT_"
_ORGANIZATION = r"\A[A-Za-z0-9_.-]{1,64}\Z"  # a part of `ft:BASE:ORGANIZATION:SUFFIX:ID`
TABLES = frozenset({"providers", "models"})
"""Settings that are tables, and stand in the file alone."""

_LISTS = frozenset({"webhook_allow", "source_allow", "source_buckets"})
_BUCKET = re.compile(r"(s3|gs|az)://[A-Za-z0-9][A-Za-z0-9._-]*(/[^/%?#\\]+)*/?\Z")
Preset = Literal["openai", "azure", "nebius", "generic", "tunewright"]


class ConfigurationError(Exception):
    """The configuration can't be used; the message names the setting and what it should be."""


class ProviderSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table `[providers.NAME]`.

    `api_key_env` and `api_key_file` name where the key is; `api_key` holds it. `webhook_secret`, in the same three
    ways, verifies what the provider posts to `/v1/provider_webhooks/NAME`; without it nothing is taken there.
    `settle_s` is the pause before a second create after an unclear failure; None lets the target's capabilities decide
    (120 s, or 0 where it honours `Idempotency-Key`). `requests_per_minute` is what all workers together may send, chat
    left out; 0 is no limit, None the target's usual (600). A job that has not ended `job_deadline_s` after it was
    posted is cancelled.
    """

    type: Literal["openai", "local"] = "openai"
    preset: Preset = "generic"
    base_url: str | None = None
    api_key: str | None = None
    api_key_env: str | None = None
    api_key_file: str | None = None
    webhook_secret: str | None = None
    webhook_secret_env: str | None = None
    webhook_secret_file: str | None = None
    organization: str | None = None
    project: str | None = None
    models: tuple[str, ...] = ()
    extra_headers: dict[str, str] = {}
    extra_query: dict[str, str] = {}
    extra_body: dict[str, Any] = {}
    settle_s: Annotated[float, Meta(ge=0)] | None = None
    request_timeout_s: Seconds = 60.0
    poll_interval_s: Seconds | None = None
    requests_per_minute: Annotated[float, Meta(ge=0)] | None = None
    job_deadline_s: Seconds = 2_592_000.0
    trust_env: bool = False

    @property
    def lacks_key(self) -> bool:
        """Tell whether the variable that should hold the key is not set: every call would be answered 401."""
        return self.api_key_env is not None and not self.api_key

    @property
    def unset_variables(self) -> list[str]:
        """Return the variables that should hold a secret and are not set."""
        named = {self.api_key_env: self.api_key, self.webhook_secret_env: self.webhook_secret}
        return [variable for variable, secret in named.items() if variable and not secret]

    @property
    def target(self) -> Target:
        """Return what kind of target this is; OpenAI's closing dates bind OpenAI alone."""
        if self.type == "local":
            return "local"
        if self.base_url is None:
            return "openai" if self.preset == "openai" else "compatible"
        return target_of(self.base_url)

    def __repr__(self) -> str:
        """Show everything but the key, so that no log or traceback can hold it."""
        key = "set" if self.api_key else "none"
        return f"ProviderSettings(type={self.type!r}, preset={self.preset!r}, base_url={self.base_url!r}, key={key})"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting with its default; field `name` is `name` in the file and `TUNEWRIGHT_NAME` in the environment."""

    host: Annotated[str, Meta(description="Address that the API listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port of the API.")] = 8484
    data_dir: Annotated[Path, Meta(description="Folder for blobs, runs, models and the embedded Redis.")] = Path(
        ".tunewright"
    )
    redis_url: Annotated[
        str | None,
        Meta(description="`redis://`, `rediss://`, `unix://` or `sentinel://HOST:PORT,…/NAME`; none starts one."),
    ] = None
    redis_unchecked: Annotated[
        bool, Meta(description="Serve even if the durability of Redis can't be read (managed Redis that hides CONFIG).")
    ] = False
    blob_url: Annotated[
        str | None, Meta(description="`s3://`, `gs://`, `az://` or a folder for blobs; none is `DATA_DIR/blobs`.")
    ] = None
    organization: Annotated[
        str, Meta(pattern=_ORGANIZATION, description="Name in tuned model names and `organization_id`.")
    ] = "tunewright"
    default_model: Annotated[str, Meta(description="Model that a report is made for when none is asked.")] = (
        "gpt-4.1-mini-2025-04-14"
    )
    catalogue: Annotated[Path | None, Meta(description="A model and price table laid over the packaged one.")] = None
    workers: Annotated[int, Meta(ge=1, le=64, description="Worker processes that `up` starts.")] = 2
    training_slots: Annotated[int, Meta(ge=1, le=64, description="Local training runs at the same time.")] = 1
    inference_url: Annotated[
        str | None, Meta(description="Where the inference process answers; none is a socket in `DATA_DIR`.")
    ] = None
    webhook_allow: Annotated[
        tuple[str, ...], Meta(description="CIDR ranges or host names that webhooks may reach beside public https.")
    ] = ()
    max_file_bytes: Annotated[int, Meta(ge=1, description="Largest file over `/v1/files`.")] = 536_870_912
    max_upload_bytes: Annotated[int, Meta(ge=1, description="Largest file over `/v1/uploads`.")] = 8_589_934_592
    max_dataset_bytes: Annotated[int, Meta(ge=1, description="Largest body of `/v1/datasets`.")] = 8_000_000_000
    source_allow: Annotated[
        tuple[str, ...], Meta(description="CIDR ranges or host names that datasets may come from beside public https.")
    ] = ()
    source_buckets: Annotated[
        tuple[str, ...], Meta(description="`s3://`, `gs://` or `az://` folders that datasets may come from.")
    ] = ()
    source_timeout_s: Annotated[Seconds, Meta(description="Longest time for one try to fetch a dataset.")] = 3_600.0
    source_slots: Annotated[int, Meta(ge=1, le=64, description="Datasets fetched at the same time.")] = 1
    hf_endpoint: Annotated[str, Meta(pattern=r"\Ahttps?://[^/?#]+/?\Z", description="Where `hf://` datasets are.")] = (
        "https://huggingface.co"
    )
    hf_token_file: Annotated[
        Path | None, Meta(description="File with a token for the hub; whoever uses the API reads what it may read.")
    ] = None
    blob_grace_s: Annotated[float, Meta(ge=0, description="Age at which unused blobs and runs go.")] = 86_400.0
    providers: dict[str, ProviderSettings] = {}
    models: dict[str, OwnModel] = {}

    @property
    def is_loopback(self) -> bool:
        """Tell whether the API is bound to this machine alone."""
        return self.host in {"127.0.0.1", "::1", "localhost"}

    @property
    def blobs(self) -> str:
        """Return the blob store's URL or folder."""
        return self.blob_url or str(self.data_dir / "blobs")

    def deadline_s(self, provider: str) -> float:
        """Return the age at which a job of `provider` is cancelled."""
        return self.providers.get(provider, ProviderSettings()).job_deadline_s

    @property
    def inference(self) -> str:
        """Return the inference process's address, `http://…` or `unix:PATH`."""
        return self.inference_url or f"unix:{self.data_dir.absolute() / 'inference.sock'}"


def load(file: Path | None = None, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read `file` (default: `TUNEWRIGHT_CONFIG`, else `tunewright.toml` if there is one), the environment, `overrides`.

    Later ones win. Raises ConfigurationError naming the setting, whatever is wrong with it.
    """
    env = os.environ if environ is None else environ
    path = file or (Path(env["TUNEWRIGHT_CONFIG"]) if env.get("TUNEWRIGHT_CONFIG") else None)
    values: dict[str, Any] = _read(path) if path else _read_default()
    values.pop("check", None)  # the policy of `tunewright check`, which reads it itself
    values.update(_from_environment(env))
    values.setdefault("redis_url", env.get("REDIS_URL") or None)
    values.update({name: value for name, value in overrides.items() if value is not None})
    values["providers"] = _providers(values.get("providers", {}), env)
    try:
        settings = msgspec.convert(values, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"Configuration: {error}. See docs/settings.md.") from error
    settings = msgspec.structs.replace(settings, models=_beside(path, settings.models))
    for name, provider in settings.providers.items():
        _check_provider(name, provider)
    if settings.redis_url is not None:
        _check_redis_url(settings.redis_url)
    for name in ("webhook_allow", "source_allow"):
        for entry in getattr(settings, name):
            _check_allowed(name, entry)
    for folder in settings.source_buckets:
        if not _BUCKET.match(folder):
            raise ConfigurationError(f"source_buckets: {folder!r} is no s3://BUCKET/FOLDER, gs://… or az://….")
    return settings


def load_models(environ: Mapping[str, str] | None = None) -> dict[str, OwnModel]:
    """Return the models that the configuration file declares, and look at nothing else. Raises ConfigurationError."""
    env = os.environ if environ is None else environ
    path = Path(env["TUNEWRIGHT_CONFIG"]) if env.get("TUNEWRIGHT_CONFIG") else None
    tables = (_read(path) if path else _read_default()).get("models", {})
    try:
        return _beside(path, msgspec.convert(tables, dict[str, OwnModel]))
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"Configuration: [models]: {error}. See docs/settings.md.") from error


def _beside(file: Path | None, models: Mapping[str, OwnModel]) -> dict[str, OwnModel]:
    """Return the models with the places of their tokenizers, which are given from the configuration file's folder."""
    folder = (file.parent if file else Path()).absolute()
    return {
        name: msgspec.structs.replace(model, tokenizer=str(folder / model.tokenizer)) for name, model in models.items()
    }


def child_environment(settings: Settings, file: Path | None = None) -> dict[str, str]:
    """Return this process's environment with `settings` in it, so that a child's `load` gives the same settings.

    Tables travel by the configuration file: `file`, or the one that `load` finds by itself.
    """
    env = dict(os.environ)
    for name in Settings.__struct_fields__:
        env.pop(f"TUNEWRIGHT_{name.upper()}", None)
        if name not in TABLES and (text := _as_text(getattr(settings, name))):
            env[f"TUNEWRIGHT_{name.upper()}"] = text
    if file is not None:
        env["TUNEWRIGHT_CONFIG"] = str(file.absolute())
    return env


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    """Return what the variables say; an unknown one is refused like an unknown name in the file."""
    known = {f"{_PREFIX}{name.upper()}": name for name in Settings.__struct_fields__ if name not in TABLES}
    for variable in env:
        if variable.startswith(_PREFIX) and variable not in {*known, "TUNEWRIGHT_CONFIG"}:
            close = difflib.get_close_matches(variable.removeprefix(_PREFIX).lower(), known.values(), 1)
            hint = f"Did you mean {_PREFIX}{close[0].upper()}?" if close else "See docs/settings.md."
            raise ConfigurationError(f"The variable {variable} is no setting. {hint}")
    given = {name: env[variable] for variable, name in known.items() if env.get(variable)}
    return {name: _listed(text) if name in _LISTS else text for name, text in given.items()}


def _listed(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Path):
        return str(value.absolute())
    return ",".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)


def _decode(kind: type, value: Any) -> Any:
    return kind(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"The configuration file {path} can't be read: {error}") from error


def _read_default() -> dict[str, Any]:
    path = Path("tunewright.toml")
    return _read(path) if path.is_file() else {}


def _providers(tables: object, env: Mapping[str, str]) -> dict[str, Any]:
    """Add `local` always, and `openai` when nobody configured it and `OPENAI_API_KEY` is set; look keys up."""
    if not isinstance(tables, dict):
        raise ConfigurationError("Configuration: `providers` must be tables, [providers.NAME].")
    result: dict[str, Any] = dict(cast("dict[str, Any]", tables))
    result.setdefault("local", {"type": "local"})
    if env.get("OPENAI_API_KEY") and "openai" not in result:
        result["openai"] = {"preset": "openai", "api_key_env": "OPENAI_API_KEY", "base_url": env.get("OPENAI_BASE_URL")}
    return {name: _with_secrets(name, table, env) for name, table in result.items()}


def _with_secrets(name: str, table: Any, env: Mapping[str, str]) -> Any:
    if not isinstance(table, dict):
        raise ConfigurationError(f"Configuration: [providers.{name}] must be a table.")
    values = dict(cast("dict[str, Any]", table))
    for secret in ("api_key", "webhook_secret"):
        variable, file = values.get(f"{secret}_env"), values.get(f"{secret}_file")
        if values.get(secret):
            continue
        if variable:
            values[secret] = env.get(str(variable))
        elif file:
            try:
                values[secret] = Path(str(file)).read_text("utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigurationError(f"[providers.{name}] {secret}_file can't be read: {error}") from error
    return values


def _check_redis_url(url: str) -> None:
    try:
        is_good = _is_redis_url(url)
    except ValueError:  # of urlsplit: a port that is no number, an open bracket
        is_good = False
    if not is_good:  # said without the address, which may hold a password
        raise ConfigurationError(
            "redis_url (or REDIS_URL) must be redis://HOST:PORT, rediss://HOST:PORT, unix:///PATH or "
            "sentinel://HOST:PORT,HOST:PORT/NAME."
        )


def _is_redis_url(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme in {"redis", "rediss"}:
        return parts.port != 0
    has_path = bool(parts.path.strip("/"))
    if parts.scheme == "sentinel":
        hosts = parts.netloc.rpartition("@")[2].split(",")
        return has_path and all(urlsplit(f"//{host}").port for host in hosts)
    return parts.scheme == "unix" and has_path


def _check_allowed(name: str, entry: str) -> None:
    try:
        check_allowed(entry)
    except BadAddress as error:
        raise ConfigurationError(
            f"{name}: {entry!r} is neither a CIDR range (10.0.0.0/8) nor an address nor a host name."
        ) from error


def _check_provider(name: str, provider: ProviderSettings) -> None:
    if provider.webhook_secret is not None and not is_secret(provider.webhook_secret):
        raise ConfigurationError(f"[providers.{name}] webhook_secret must be `whsec_` and base64, as it was shown.")
    if provider.base_url is None:
        if provider.type == "openai" and provider.preset not in {"openai", "nebius"}:
            raise ConfigurationError(f"[providers.{name}] needs base_url with preset {provider.preset!r}.")
        return
    parts = urlsplit(provider.base_url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"[providers.{name}] base_url must be an http or https address.")
    if parts.query or parts.username or parts.password:
        raise ConfigurationError(
            f"[providers.{name}] base_url may hold neither a query nor credentials; use extra_query and api_key_env."
        )
