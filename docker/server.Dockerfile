# One image for `maskstream serve` and `maskstream worker`.
#   CPU (default)  docker build -f docker/server.Dockerfile .
#   GPU            the same with --build-arg EXTRAS=tensorrt; torch then comes with CUDA
# TORCH_INDEX names another package index for torch alone, such as one with CPU-only builds;
# TENSORRT_INDEX one more for TensorRT's libraries, which the usual index does not have (NVIDIA's).
ARG PYTHON_IMAGE=python:3.11.13-slim-bookworm

FROM ${PYTHON_IMAGE} AS wheel
ENV PIP_CACHE_DIR=/var/cache/pip
WORKDIR /src
RUN --mount=type=cache,target=/var/cache/pip \
    python -m pip install --root-user-action ignore build==1.3.0 hatchling==1.27.0
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY model model
COPY server server
COPY clients/python clients/python
COPY clients/web/maskstream_web clients/web/maskstream_web
RUN python -m build --wheel --no-isolation --outdir /wheels

FROM ${PYTHON_IMAGE} AS packages
ARG TORCH_INDEX=""
ARG EXTRAS=""
ARG TENSORRT_INDEX=""
WORKDIR /src
RUN python -m venv /opt/maskstream
ENV PATH=/opt/maskstream/bin:$PATH \
    PIP_CACHE_DIR=/var/cache/pip
COPY constraints.txt docker/requirements.txt ./
# torch first and alone: it is the largest layer and changes least, and its index has little else.
RUN --mount=type=cache,target=/var/cache/pip \
    pip install --no-deps --constraint constraints.txt \
    torch ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"}
# Then what is the same everywhere, and what this torch needs beside it, such as CUDA.
# hadolint ignore=DL3059
RUN --mount=type=cache,target=/var/cache/pip \
    pip install --no-deps --requirement requirements.txt \
    && pip install --constraint constraints.txt --constraint requirements.txt torch
RUN --mount=type=cache,target=/var/cache/pip --mount=from=wheel,source=/wheels,target=/wheels \
    wheel=$(echo /wheels/*.whl) \
    && pip install --constraint constraints.txt --constraint requirements.txt \
    ${TENSORRT_INDEX:+--extra-index-url "${TENSORRT_INDEX}"} \
    "${wheel}[server${EXTRAS:+,$EXTRAS}]" \
    && pip check

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="Maskstream" \
      org.opencontainers.image.licenses="Apache-2.0"
# A user id that most hosts do not use. The folders are there so that new volumes on them are its own.
RUN groupadd --gid 10001 maskstream \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp maskstream \
    && install -d -o maskstream -g maskstream \
    /var/lib/maskstream /var/lib/maskstream-weights /var/cache/maskstream
COPY --from=packages /opt/maskstream /opt/maskstream
ENV PATH=/opt/maskstream/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MASKSTREAM_HOST=0.0.0.0 \
    MASKSTREAM_PORT=8000 \
    MASKSTREAM_DATA_FOLDER=/var/lib/maskstream \
    MASKSTREAM_WEIGHTS_DIR=/var/lib/maskstream-weights \
    MASKSTREAM_LOG_FORMAT=json
USER 10001:10001
WORKDIR /tmp
EXPOSE 8000
STOPSIGNAL SIGTERM
# /readyz asks the engine and the store; a worker says in the compose file how it is asked.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['MASKSTREAM_PORT'] + '/readyz', timeout=4)"]
ENTRYPOINT ["maskstream"]
CMD ["serve"]
