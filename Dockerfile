# The gateway in a small image: no compiler, no root.
#
#   docker build --tag switchboard .

FROM rust:1.95-bookworm AS builder
WORKDIR /source
COPY . .
# The queries were checked against a database when they were written; what that gave is in the repository.
ENV SQLX_OFFLINE=true
# The caches are not part of the image, so the program is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/source/target \
    cargo build --release --locked --package switchboard-gateway \
    && install -D target/release/switchboard /out/switchboard

FROM debian:bookworm-slim
# ca-certificates: to trust the messengers and the AI platform. curl: for the health check.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --system --gid 10001 switchboard \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/switchboard --no-create-home switchboard \
    && install --directory --owner=switchboard --group=switchboard --mode=0700 /var/lib/switchboard
COPY --from=builder /out/switchboard /usr/local/bin/switchboard
COPY LICENSE-MIT LICENSE-APACHE /usr/share/doc/switchboard/

USER switchboard
# Relative paths of the configuration are below this: an SQLite database, the state of a channel.
WORKDIR /var/lib/switchboard
VOLUME /var/lib/switchboard
EXPOSE 8080
# Ready means that the database answers and the channels make progress.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["curl", "--fail", "--silent", "--show-error", "--max-time", "4", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["switchboard"]
CMD ["serve", "--config", "/etc/switchboard/config.toml"]
