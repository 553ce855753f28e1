# The images to build from. Both Python stages need the same one: Python 3.11+ with venv, and CA certificates.
ARG PYTHON_IMAGE=python:3.13-slim-bookworm
ARG NODE_IMAGE=node:22-bookworm-slim

# ---- the web console ----
FROM ${NODE_IMAGE} AS console
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY web ./
RUN npm run build

# ---- the locked packages and the wheel ----
FROM ${PYTHON_IMAGE} AS packages
WORKDIR /src
# First what changes rarely: the packages of the lock, every one checked against its hash.
COPY pyproject.toml requirements.lock ./
COPY crosschannel/__init__.py crosschannel/
COPY crosschannel/bootstrap crosschannel/bootstrap
RUN python3 -m crosschannel.bootstrap.lockfile runtime > /tmp/runtime.txt \
    && python3 -m crosschannel.bootstrap.lockfile build > /tmp/build.txt \
    && python3 -m venv /tmp/builder \
    && python3 -m venv --without-pip /opt/crosschannel \
    && /tmp/builder/bin/pip install --no-cache-dir --require-hashes -r /tmp/build.txt \
    && /tmp/builder/bin/pip --python /opt/crosschannel/bin/python \
        install --no-cache-dir --require-hashes -r /tmp/runtime.txt
COPY . .
# The wheel serves the console that lies inside its package.
COPY --from=console /src/web/dist conversations_api/console
RUN /tmp/builder/bin/hatchling build -t wheel -d /tmp/wheel \
    && /tmp/builder/bin/pip --python /opt/crosschannel/bin/python install --no-index --no-deps /tmp/wheel/*.whl

# ---- what runs ----
FROM ${PYTHON_IMAGE} AS runtime
RUN groupadd --gid 10001 crosschannel \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /app --shell /usr/sbin/nologin crosschannel \
    && install -d /app \
    && install -d -m 0700 -o 10001 -g 10001 /data
COPY --from=packages /opt/crosschannel /opt/crosschannel
ENV PATH=/opt/crosschannel/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    HOST=0.0.0.0
WORKDIR /app
USER 10001:10001
EXPOSE 8080 3001 4000 8090 9000
STOPSIGNAL SIGTERM
# Alone it is the whole platform in one container; compose runs one service in each.
CMD ["crosschannel", "up", "--no-console"]
