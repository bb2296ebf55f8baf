# The engine: inventory-server, sync-worker and reconcile, one image. From the root of the checkout:
#
#   docker build -f infra/docker/engine.Dockerfile -t inventory-engine:0.1.0 .
#   docker run --read-only inventory-engine:0.1.0 /usr/local/bin/inventory-server --help

# The workspace without its code: only manifests.
FROM debian:12.12-slim AS skeleton
COPY . /from
RUN /from/infra/docker/skeleton.sh /from /skeleton

FROM rust:1.90.0-slim-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends build-essential libssl-dev pkg-config zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# Names of functions stay for backtraces; lines would make each program five times as large.
ENV CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_HOT_DEBUG=none
# The dependencies, in a layer that is kept as long as no manifest changes.
COPY --from=skeleton /skeleton .
RUN cargo build --locked --profile hot -p inventory-server
RUN cargo build --locked --release -p sync-worker
# The code is newer than what was built of its stand-ins.
COPY . .
RUN find . -name '*.rs' -exec touch {} +
RUN cargo build --locked --profile hot -p inventory-server
RUN cargo build --locked --release -p sync-worker

FROM debian:12.12-slim
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="inventory-engine" \
      org.opencontainers.image.description="Stock reservations on Redis: inventory-server, sync-worker, reconcile" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /src/target/hot/inventory-server /usr/local/bin/inventory-server
COPY --from=build /src/target/release/sync-worker /usr/local/bin/sync-worker
COPY --from=build /src/target/release/reconcile /usr/local/bin/reconcile
COPY infra/docker/healthy.sh /usr/local/bin/healthy
# Nobody in particular; nothing here belongs to it.
USER 65532:65532
STOPSIGNAL SIGTERM
EXPOSE 8083 8090
CMD ["/usr/local/bin/inventory-server"]
