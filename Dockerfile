# The base of the image. Nothing in the binaries needs one, so `scratch` works too; the default brings CA certificates
# and the entry of the user below in /etc/passwd.
ARG BASE=gcr.io/distroless/static-debian12:nonroot
ARG GO_VERSION=1.26.8

# Compiles on the builder's own platform, for the target's.
FROM --platform=${BUILDPLATFORM} golang:${GO_VERSION} AS build
WORKDIR /src
# Modules change less often than code, so they are a layer of their own.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS
ARG TARGETARCH
ENV CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH}
RUN go build -trimpath -ldflags "-s -w" -o /out/ ./cmd/quiesce-webhook ./cmd/quiesce-controller

# A build may bring its own binaries: `--build-context build=DIR` puts DIR, with the binaries in DIR/out, in the place of
# the stage above.
FROM ${BASE}
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="quiesce" \
      org.opencontainers.image.description="Application-consistent backups on Kubernetes: the webhook and the controller" \
      org.opencontainers.image.url="https://github.com/quiesce-io/quiesce" \
      org.opencontainers.image.source="https://github.com/quiesce-io/quiesce" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/quiesce-webhook /out/quiesce-controller /
# By number: runAsNonRoot cannot judge a name.
USER 65532:65532
# No ENTRYPOINT: the image holds two programs, and whoever runs it says which.
