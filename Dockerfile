# A static binary in an empty image: no shell, no package, nothing to patch but the binary itself.
FROM docker.io/library/rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY proto proto
COPY templates templates
COPY examples examples
COPY src src
COPY deploy/rbac deploy/rbac
# musl's target links statically; the result needs no library of the image.
RUN cargo build --release --locked --bin native-submit

FROM scratch
LABEL org.opencontainers.image.title="native-submit" \
      org.opencontainers.image.description="Submits Spark applications to Kubernetes without a JVM" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /src/target/release/native-submit /native-submit
COPY LICENSE.txt /LICENSE.txt
# The operator's image runs as this user too. Nothing is written to the root filesystem.
USER 185:185
EXPOSE 50051 9090
HEALTHCHECK --interval=10s --timeout=3s CMD ["/native-submit", "healthcheck"]
ENTRYPOINT ["/native-submit"]
CMD ["serve"]
