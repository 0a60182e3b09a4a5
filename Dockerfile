# The daemon as an image; docs/containers.md says how to build and run it.
#
# BASE needs Python 3.11 or newer, and neither a shell nor pip. BUILD_BASE needs a shell and the
# module venv as well, and the same Python at the same path.
ARG BASE=python:3.11-slim-bookworm
ARG BUILD_BASE=${BASE}

FROM ${BUILD_BASE} AS builder

# cpu, or gpu for NVIDIA on x86_64.
ARG VARIANT=cpu
# Any of these, with blanks between: transforms: what ready-made transforms need; otel: what
# OpenTelemetry needs; parquet: what jobs need for Parquet.
ARG EXTRA
# Where pip finds packages, when not at its usual place. PIP_NO_INDEX=1: only in the folder wheels/.
ARG PIP_INDEX_URL
ARG PIP_CERT
ARG PIP_NO_INDEX
ARG PIP_FIND_LINKS=locked
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /build
# The folder wheels/ need not be there.
COPY requirements/*.txt wheels* locked/
RUN python3 -m venv tools \
 && tools/bin/pip install --no-deps --require-hashes -r locked/build.txt
# pip stays out of the image: it works on this environment from outside.
RUN case "${VARIANT}" in \
      cpu) locks="-r locked/cpu.txt" ;; \
      gpu) locks="-r locked/run.txt -r locked/gpu.txt" ;; \
      *) echo "VARIANT is cpu or gpu, not ${VARIANT}" >&2; exit 1 ;; \
    esac \
 && for extra in ${EXTRA}; do case "${extra}" in \
      transforms) locks="${locks} -r locked/transforms.txt" ;; \
      otel) locks="${locks} -r locked/otel.txt" ;; \
      parquet) locks="${locks} -r locked/parquet.txt" ;; \
      *) echo "EXTRA is any of transforms, otel and parquet, with blanks between, not ${EXTRA}" >&2; exit 1 ;; \
    esac; done \
 && python3 -m venv --without-pip /opt/tidemill \
 && tools/bin/pip --python /opt/tidemill/bin/python install --no-deps --require-hashes ${locks}

# Apart from what it needs, so that a new version is a small layer.
COPY LICENSE README.md pyproject.toml ./
COPY config config
COPY runtime runtime
COPY daemon daemon
COPY loadtest loadtest
RUN tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && tools/bin/pip --python /opt/tidemill/bin/python install --no-deps --no-index --prefix /build/project dist/*.whl

FROM ${BASE}

LABEL org.opencontainers.image.title="Tidemill" \
      org.opencontainers.image.description="Turns a Kafka topic into a cheap, steady model server." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"

COPY --from=builder /opt/tidemill /opt/tidemill
COPY --from=builder /build/project /opt/tidemill

# The port is set here, above the configuration's file, so that HEALTHCHECK knows it. Secrets are
# where Docker mounts them; the CUDA driver keeps what it compiles where a tmpfs is.
ENV PATH=/opt/tidemill/bin:${PATH} \
    PYTHONDONTWRITEBYTECODE=1 \
    CREDENTIALS_DIRECTORY=/run/secrets \
    CUDA_CACHE_PATH=/tmp/cuda \
    TIDEMILL_CONFIG=/etc/tidemill/tidemill.toml \
    TIDEMILL__HTTP__HOST=0.0.0.0 \
    TIDEMILL__HTTP__PORT=9464

WORKDIR /etc/tidemill
USER 10001:10001
EXPOSE 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
  CMD ["python", "-Ic", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['TIDEMILL__HTTP__PORT'] + '/livez', timeout=4)"]
ENTRYPOINT ["tidemill"]
CMD ["run"]
