"""One training run from its folder to its end: steps, events, checkpoints, and the wishes pause, cancel and stop."""

import csv
import io
import threading
from collections.abc import Callable

import msgspec

from service.core import clock
from service.core.errors import NotFound
from service.core.jobs import JobError
from workers.training import local_models
from workers.training.engine import Engine, Plan, StepResult, Trainer, TrainingFailed
from workers.training.engines import engine_for
from workers.training.run_directory import EventLog, RunDirectory, replace
from workers.training.spec import TERMINAL, CheckpointMeta, RunSpec, RunState, Status, Want

RESUME_EVERY_S = 2.0
STATE_EVERY_S = 0.25
_SAVE_SHARE = 20
_COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")


class Session:
    """Runs one attempt. The caller holds the run's lock; `stop` asks for a graceful end (state back to queued)."""

    def __init__(
        self, run: RunDirectory, *, pid: int, stop: threading.Event, now: Callable[[], float] = clock.now
    ) -> None:
        self._run = run
        self._now = now
        self._stop = stop
        self._spec: RunSpec = run.spec()
        before = run.state()
        self._state: RunState = msgspec.structs.replace(
            before,
            status="running",
            pid=pid,
            started_at=before.started_at or now(),
            interrupted=before.started_at is not None,
            fine_tuned_model=None,
        )
        self._state_at = self._saved_at = now()
        self._save_every = RESUME_EVERY_S
        self._saved_step = 0
        self._last: StepResult | None = None

    def execute(self) -> None:
        """Train until the end, a wish or a failure; leaves the matching state behind."""
        if self._run.state().status in TERMINAL:
            return
        if self._run.control().want == "cancel":
            self._end("cancelled")
            return
        self._run.write_state(self._state)
        try:
            trainer = self._trainer()
            self._train(trainer)
        except TrainingFailed as error:
            self._end("failed", JobError(code=error.code, message=error.message, param=error.param))
        except NotFound as error:
            self._end(
                "failed", JobError(code=error.code or "model_not_found", message=error.message, param=error.param)
            )
        except MemoryError:
            message = "The run needs more memory than this machine gives. Use a smaller set or another provider."
            self._end("failed", JobError(code="out_of_memory", message=message))

    def _trainer(self) -> Trainer:
        """Prepare, and go on from the newest checkpoint where there is one."""
        spec = self._spec
        self._engine: Engine = engine_for(spec.model)
        runs = self._run.path.parent
        plan = Plan(
            model=spec.model,
            method=spec.method,
            training=self._run.path / spec.training_path,
            validation=self._run.path / spec.validation_path if spec.validation_path else None,
            hyperparameters=spec.hyperparameters,
            seed=spec.seed,
            parent=local_models.weights_folder(runs, spec.parent) if spec.parent else None,
            options=spec.engine_options,
        )
        trainer = self._engine.trainer(plan)
        if point := self._run.resume_point():
            trainer.restore(point[1])
        return trainer

    def _train(self, trainer: Trainer) -> None:
        now = self._now
        self._pace_from = (now(), trainer.step)
        self._log = EventLog(self._run, self._run.rewind_events(trainer.step))
        self._note_progress(trainer, None)
        self._log.message("Fine-tuning job started", step=0, now=now())
        if any(meta.step == trainer.step for meta in self._run.checkpoints()):
            self._announce_checkpoint(trainer.step)
        began = now()
        if self._obey(trainer):
            return
        for result in trainer.steps():
            self._record(trainer, result)
            self._stop.wait(max(0.0, self._least_step_s() - (now() - began)))
            began = now()
            if self._obey(trainer):
                return
        self._succeed(trainer)

    def _least_step_s(self) -> float:
        wanted = self._spec.engine_options.get("min_step_seconds", 0.0)
        return float(wanted) if isinstance(wanted, int | float) else 0.0

    def _record(self, trainer: Trainer, result: StepResult) -> None:
        """Log a step; at an epoch's end store a checkpoint, else now and then a rolling one."""
        self._last = result
        data = {"step": result.step, "total_steps": trainer.total_steps, **result.metrics()}
        self._log.metrics(_wording(result, trainer.total_steps), data, step=result.step, now=self._now())
        if result.epoch_ended is not None:
            self._log.sync()
            meta = self._meta(result.step, result.epoch_ended, result.metrics())
            self._run.save_checkpoint(meta, trainer.save)
            self._announce_checkpoint(result.step)
            self._saved_at, self._saved_step = self._now(), trainer.step
            self._write_progress(trainer, result)
        elif self._now() - self._saved_at >= self._save_every:
            self._save_resume(trainer)
            self._write_progress(trainer, result)
        elif self._now() - self._state_at >= STATE_EVERY_S:
            self._write_progress(trainer, result)

    def _announce_checkpoint(self, step: int) -> None:
        self._log.message(f"Checkpoint created at step {step}", step=step, now=self._now())

    def _meta(self, step: int, epoch: int | None, metrics: dict[str, float]) -> CheckpointMeta:
        return CheckpointMeta(
            step=step,
            created_at=self._now(),
            epoch=epoch,
            metrics={"step": step, **metrics},
            model=self._spec.tuned_name,
            about=self._engine.about,
        )

    def _save_resume(self, trainer: Trainer) -> None:
        """Store a rolling checkpoint; where that is slow it is done less often, at most a 20th of the time."""
        began = self._now()
        self._log.sync()
        self._run.save_resume(self._meta(trainer.step, None, {}), trainer.save)
        self._saved_at, self._saved_step = self._now(), trainer.step
        self._save_every = max(RESUME_EVERY_S, (self._saved_at - began) * _SAVE_SHARE)

    def _note_progress(self, trainer: Trainer, result: StepResult | None) -> None:
        since, first = self._pace_from
        done = trainer.step - first
        left = trainer.total_steps - trainer.step
        finish = int(self._now() + left * (self._now() - since) / done) if done else None
        self._state = msgspec.structs.replace(
            self._state,
            step=trainer.step,
            total_steps=trainer.total_steps,
            epoch=result.epoch if result else self._state.epoch,
            attempt=0 if self._saved_step > first else self._state.attempt,
            estimated_finish=finish,
        )

    def _write_progress(self, trainer: Trainer, result: StepResult) -> None:
        self._note_progress(trainer, result)
        self._run.write_state(self._state)
        self._state_at = self._now()

    def _obey(self, trainer: Trainer) -> bool:
        """Tell whether the run has to end here, and leave it as it should be found."""
        want: Want = self._run.control().want
        if want == "cancel":
            self._note_progress(trainer, self._last)
            self._end("cancelled")
            return True
        done = trainer.step == trainer.total_steps
        if done or not (want == "pause" or self._stop.is_set()):
            return False
        self._save_resume(trainer)
        self._note_progress(trainer, self._last)
        self._state = msgspec.structs.replace(
            self._state, status="paused" if want == "pause" else "queued", pid=None, attempt=0, estimated_finish=None
        )
        self._run.write_state(self._state)
        return True

    def _succeed(self, trainer: Trainer) -> None:
        spec, step = self._spec, trainer.total_steps
        per_epoch = trainer.tokens_per_epoch if spec.tokens_per_epoch is None else spec.tokens_per_epoch
        replace(self._run.results_path, results_csv(self._run).encode())
        self._log.message(f"New fine-tuned model created: {spec.tuned_name}", step=step, now=self._now())
        self._log.message("The job has successfully completed", step=step, now=self._now())
        self._log.sync()
        self._note_progress(trainer, self._last)
        self._state = msgspec.structs.replace(
            self._state, trained_tokens=per_epoch * spec.n_epochs, fine_tuned_model=spec.tuned_name
        )
        self._end("succeeded")

    def _end(self, status: Status, error: JobError | None = None) -> None:
        end(self._run, self._state, status, error, now=self._now())


def end(run: RunDirectory, state: RunState, status: Status, error: JobError | None, *, now: float) -> None:
    """Write a terminal state, then remove what only a living run needs. The caller holds the lock."""
    run.write_state(
        msgspec.structs.replace(state, status=status, error=error, finished_at=now, pid=None, estimated_finish=None)
    )
    run.clear()


def _wording(result: StepResult, total: int) -> str:
    """Say a step in OpenAI's words."""
    text = f"Step {result.step}/{total}: training loss={result.train_loss:.2f}"
    if result.valid_loss is not None:
        text += f", validation loss={result.valid_loss:.2f}"
    if result.full_valid_loss is not None:
        text += f", full validation loss={result.full_valid_loss:.2f}"
    return text


def results_csv(run: RunDirectory) -> str:
    """Return the run's measures in the columns of OpenAI's result file; what was not measured is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for event in run.events(limit=10_000_000):
        if event.type == "metrics":
            data = event.data
            values = (data.get("train_loss"), data.get("train_mean_token_accuracy"), data.get("valid_loss"))
            row = (*values, data.get("valid_mean_token_accuracy"))
            writer.writerow([event.step, *("" if v is None else f"{v:.6g}" for v in row)])
    return out.getvalue()
