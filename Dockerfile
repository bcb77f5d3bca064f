# One image for every process: the command says which (docker-compose.yml, k8s/).

FROM python:3.12-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /full && /full/bin/pip install --require-hashes -r requirements.lock
COPY pyproject.toml build_native.py README.md LICENSE NOTICE ./
COPY service service
COPY workers workers
COPY docker docker
COPY examples examples
# Built with the pinned hatchling, installed with the part of the lock that running needs.
RUN /full/bin/pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && ls /wheels/tunewright-*-abi3-*.whl \
    && /full/bin/pip install --no-deps /wheels/*.whl \
    && /full/bin/python docker/runtime_lock.py requirements.lock > /runtime.lock \
    && python -m venv /opt/tunewright \
    && /opt/tunewright/bin/pip install --require-hashes -r /runtime.lock \
    && /opt/tunewright/bin/pip install --no-deps /wheels/*.whl \
    && /opt/tunewright/bin/python -m compileall -q /opt/tunewright/lib

FROM python:3.12-slim-bookworm
LABEL org.opencontainers.image.title="Tunewright" \
      org.opencontainers.image.description="Self-hosted, OpenAI-compatible fine-tuning service" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 tunewright \
    && useradd --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin tunewright \
    && install -d -o tunewright -g tunewright -m 0700 /data
COPY --from=build /opt/tunewright /opt/tunewright
ENV PATH=/opt/tunewright/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TUNEWRIGHT_DATA_DIR=/data \
    TUNEWRIGHT_HOST=0.0.0.0 \
    TUNEWRIGHT_PORT=8484
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8484
STOPSIGNAL SIGTERM
# For the API, which is the default command; other roles answer no HTTP and switch it off.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8484/health/ready', timeout=2)"]
CMD ["python", "-m", "service.serve"]
