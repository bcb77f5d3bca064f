"""The types of event that an endpoint may ask for."""

OPENAI_EVENT_TYPES = (
    "batch.completed",
    "batch.failed",
    "batch.expired",
    "batch.cancelled",
    "response.completed",
    "response.failed",
    "response.cancelled",
    "response.incomplete",
    "eval.run.succeeded",
    "eval.run.failed",
    "eval.run.canceled",
    "fine_tuning.job.succeeded",
    "fine_tuning.job.failed",
    "fine_tuning.job.cancelled",
    "realtime.call.incoming",
    "video.completed",
    "video.failed",
    "agent.environment.ready",
    "agent.environment.failed",
    "agent.environment.suspended",
    "agent.environment.expired",
    "agent.session.created",
    "agent.session.action_required",
    "agent.session.in_progress",
    "agent.session.idle",
    "agent.session.failed",
    "safety.alert.created",
)
"""What an endpoint of OpenAI's may ask for (openai 3.54); taken so that configurations carry over."""

SENT_EVENT_TYPES = (
    "fine_tuning.job.created",
    "fine_tuning.job.validated",
    "fine_tuning.job.estimated",
    "fine_tuning.job.queued",
    "fine_tuning.job.running",
    "fine_tuning.job.paused",
    "fine_tuning.job.resumed",
    "fine_tuning.job.checkpoint",
    "fine_tuning.job.duplicate_cancelled",
    "fine_tuning.job.stuck",
    "fine_tuning.job.succeeded",
    "fine_tuning.job.failed",
    "fine_tuning.job.cancelled",
    "dataset.ready",
    "dataset.rejected",
    "webhook_endpoint.disabled",
    "provider.paused",
    "provider.resumed",
)
"""What Tunewright sends."""

ENDPOINT_DISABLED = "webhook_endpoint.disabled"
EVENT_TYPES = tuple(dict.fromkeys(SENT_EVENT_TYPES + OPENAI_EVENT_TYPES))
