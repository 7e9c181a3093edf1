# groved alone, one static program in an empty image; deploy/compose.yaml puts a PostgreSQL beside it.
#
#     docker build -t groved .

FROM rust:1-alpine AS build
RUN apk add --no-cache build-base cmake linux-headers perl
WORKDIR /grove
COPY . .
# musl is linked statically: the image below needs nothing else.
ENV CARGO_TARGET_DIR=/target
RUN cargo build --release --locked -p grove-server --bin groved
# The owner of the volume is that of the directory in the image.
RUN install -D -m 755 /target/release/groved /image/usr/local/bin/groved \
    && install -d -m 700 -o 65532 -g 65532 /image/var/lib/grove \
    && install -d -m 755 /image/etc/grove

FROM scratch
COPY --from=build /image /
USER 65532:65532
VOLUME /var/lib/grove
EXPOSE 8448
# There is no PostgreSQL in here that groved could run by itself: database.url must be set.
ENV GROVE_SERVER__DATA_DIR=/var/lib/grove \
    GROVE_HTTP__LISTEN=0.0.0.0:8448 \
    GROVE_TELEMETRY__FORMAT=json
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["/usr/local/bin/groved", "health"]
ENTRYPOINT ["/usr/local/bin/groved"]
CMD ["serve"]
