# A static binary in an empty image: no shell, no package, nothing to patch but the binary itself.
FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev ca-certificates
WORKDIR /src
COPY Cargo.toml Cargo.lock build.rs ./
COPY proto proto
COPY templates templates
COPY examples examples
COPY deploy/rbac deploy/rbac
COPY src src
COPY benches benches
# The commit, which --version says: the repository itself isn't here.
ARG REVISION=unknown
ENV NATIVE_SUBMIT_COMMIT=$REVISION
# musl's target links statically; the result needs no library of the image.
RUN cargo build --profile dist --locked --bin native-submit

# tests/image builds this stage around a binary made of what the first one copies: it must need nothing of it but these two files.
FROM scratch
ARG VERSION=0.2.0
ARG REVISION=unknown
# Where the source is: the address of the repository that this image was built from.
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="native-submit" \
      org.opencontainers.image.description="Submits Spark applications to Kubernetes without a JVM" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
# For collectors of traces and for --server with a public certificate; the API server's authority is mounted.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /src/target/dist/native-submit /native-submit
COPY LICENSE.txt THIRD-PARTY-NOTICES.txt /
# The operator's image runs as this user too. Nothing is written to the root filesystem.
USER 185:185
EXPOSE 50051 50052 9090
HEALTHCHECK --interval=10s --timeout=3s CMD ["/native-submit", "healthcheck"]
ENTRYPOINT ["/native-submit"]
CMD ["serve"]
