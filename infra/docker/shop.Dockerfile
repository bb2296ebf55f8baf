# The shop's services, one image; the target `sandbox` is the gateway for trying it out. From the root of the checkout:
#
#   docker build -f infra/docker/shop.Dockerfile -t inventory-shop:0.1.0 .
#   docker build -f infra/docker/shop.Dockerfile -t inventory-sandbox:0.1.0 --target sandbox .

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
ENV CARGO_PROFILE_RELEASE_DEBUG=none
# The dependencies, in a layer that is kept as long as no manifest changes.
COPY --from=skeleton /skeleton .
RUN cargo build --locked --release -p auth-service -p user-service -p catalog-service -p order-service -p payment-service -p service-kit
# The code is newer than what was built of its stand-ins.
COPY . .
RUN find . -name '*.rs' -exec touch {} +
RUN cargo build --locked --release -p auth-service -p user-service -p catalog-service -p order-service -p payment-service -p service-kit

FROM debian:12.12-slim AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libssl3 zlib1g \
 && rm -rf /var/lib/apt/lists/*
COPY infra/docker/healthy.sh /usr/local/bin/healthy
STOPSIGNAL SIGTERM

FROM runtime AS sandbox
LABEL org.opencontainers.image.title="inventory-sandbox" \
      org.opencontainers.image.description="A payment gateway that takes no money"
COPY --from=build /src/target/release/toss-sandbox /usr/local/bin/toss-sandbox
# Its books, where a volume is mounted.
RUN install -d -m 0700 -o 65532 -g 65532 /var/lib/sandbox
USER 65532:65532
CMD ["/usr/local/bin/toss-sandbox"]

FROM runtime
LABEL org.opencontainers.image.title="inventory-shop" \
      org.opencontainers.image.description="auth-service, user-service, catalog-service, order-service, payment-service, dlq"
COPY --from=build /src/target/release/auth-service /usr/local/bin/auth-service
COPY --from=build /src/target/release/user-service /usr/local/bin/user-service
COPY --from=build /src/target/release/catalog-service /usr/local/bin/catalog-service
COPY --from=build /src/target/release/order-service /usr/local/bin/order-service
COPY --from=build /src/target/release/payment-service /usr/local/bin/payment-service
COPY --from=build /src/target/release/dlq /usr/local/bin/dlq
# The keys of auth-service, where a volume is mounted.
RUN install -d -m 0700 -o 65532 -g 65532 /var/lib/auth
# Nobody in particular; nothing else here belongs to it.
USER 65532:65532
EXPOSE 8081 8084 8085 8087 8089
CMD ["/usr/local/bin/order-service"]
