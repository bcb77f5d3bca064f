"""Names of local models, where their weights lie, and a small store of loaded ones for the inference process."""

import re
import shutil
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from service.core.errors import NotFound
from workers.training.engine import Chunk, Model, Request
from workers.training.engines import BASE_MODELS, engine_for
from workers.training.run_directory import RunDirectory
from workers.training.spec import RunState

_NAME = re.compile(r"ft:[^:]+:.*:(?P<id>[0-9a-f]{8})(:ckpt-step-(?P<step>\d+))?\Z")
_CHECKPOINT = ":ckpt-step-"
_LOADED = 8


class LocalModel(msgspec.Struct, frozen=True, kw_only=True):
    """A model that answers here; `base` and `run_id` are None for a base model."""

    id: str
    created: int
    base: str | None = None
    run_id: str | None = None


def runs_folder(data_dir: Path) -> Path:
    """Return the folder of all local runs."""
    return data_dir / "local" / "runs"


def weights_folder(runs: Path, model: str) -> Path:
    """Return the checkpoint folder of a tuned model's name; raises NotFound."""
    found = _NAME.match(model)
    for path in runs.glob(f"ftrun-*{found['id']}") if found and runs.is_dir() else ():
        run = RunDirectory(path)
        if model.split(_CHECKPOINT)[0] != run.spec().tuned_name:
            continue
        steps = [meta.step for meta in run.checkpoints()]
        wanted = found["step"] if found else None
        if wanted is None and steps:
            return run.checkpoint_folder(steps[0])
        if wanted is not None and int(wanted) in steps:
            return run.checkpoint_folder(int(wanted))
    raise _missing(model)


class LocalModels:
    """Answers from local models; keeps the 8 used last in memory. Safe for several threads."""

    def __init__(self, data_dir: Path) -> None:
        self._runs = runs_folder(data_dir)
        self._loaded: OrderedDict[tuple[str, Path | None], Model] = OrderedDict()
        self._guard = threading.Lock()

    def load(self, name: str) -> Model:
        """Return a model ready to answer; raises NotFound where there is none of this name."""
        folder = None if name in BASE_MODELS else weights_folder(self._runs, name)
        key = (name, folder)
        with self._guard:
            if key in self._loaded:
                self._loaded.move_to_end(key)
                return self._loaded[key]
        model = engine_for(name).load(folder)
        with self._guard:
            self._loaded[key] = model
            while len(self._loaded) > _LOADED:
                self._loaded.popitem(last=False)
        return model

    def generate(self, name: str, request: Request) -> Iterator[Chunk]:
        """Answer piece by piece; the last chunk has the finish reason. Raises NotFound at once, not when first read."""
        return self.load(name).generate(request)

    def listed(self) -> list[LocalModel]:
        """Return base models, then tuned models whose run succeeded and whose weights are still there."""
        found = [LocalModel(id=name, created=0) for name in BASE_MODELS]
        for path in sorted(self._runs.glob("ftrun-*")) if self._runs.is_dir() else ():
            run = RunDirectory(path)
            state = run.state()
            if state.fine_tuned_model and run.checkpoints():
                created = int(state.finished_at or 0)
                found.append(
                    LocalModel(id=state.fine_tuned_model, created=created, base=run.spec().model, run_id=run.run_id)
                )
        return found

    def delete(self, name: str) -> None:
        """Delete the weights of a tuned model with all its checkpoints, or of one checkpoint; raises NotFound."""
        folder = weights_folder(self._runs, name)
        with self._guard:
            for key in [key for key in self._loaded if key[1] is not None and key[1].parent == folder.parent]:
                del self._loaded[key]
        if _CHECKPOINT in name:
            shutil.rmtree(folder)
            return
        run = RunDirectory(folder.parent.parent)
        shutil.rmtree(run.checkpoints_path)
        with run.locked() as mine:
            if mine:
                run.write_state(_without_model(run.state()))


def checkpoint_names(tuned_name: str, steps: Sequence[int]) -> list[str]:
    """Name checkpoints given newest first: the newest bears the model's own name."""
    return [tuned_name if i == 0 else f"{tuned_name}{_CHECKPOINT}{step}" for i, step in enumerate(steps)]


def _without_model(state: RunState) -> RunState:
    return msgspec.structs.replace(state, fine_tuned_model=None)


def _missing(model: str) -> NotFound:
    message = f"The model '{model}' does not exist or you do not have access to it."
    return NotFound(message, param="model", code="model_not_found")
