# docker build --build-arg VERSION=v1.2.3 --build-arg COMMIT=$(git rev-parse HEAD) -t gateway .
# BuildKit is needed: mounts and TARGETARCH.

# Releases pin both images, so that a tag can be built again to the same bytes:
# append the digest which `docker buildx imagetools inspect IMAGE` prints, as in
# golang:1.26@sha256:..., here or with --build-arg.
ARG GO=golang:1.26
ARG BASE=gcr.io/distroless/static-debian12:nonroot

# The compiler runs on the builder's own platform and crosses to the target's:
# no emulation when arm64 is built on amd64.
FROM --platform=$BUILDPLATFORM ${GO} AS build
WORKDIR /src
RUN --mount=type=bind,source=go.mod,target=go.mod \
    --mount=type=bind,source=go.sum,target=go.sum \
    --mount=type=cache,target=/go/pkg/mod \
    go mod download
ARG VERSION=dev
ARG COMMIT=unknown
ARG TARGETOS
ARG TARGETARCH
RUN --mount=type=bind,target=. \
    --mount=type=cache,target=/go/pkg/mod \
    --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} \
    go build -trimpath -ldflags "-s -w -X main.version=${VERSION} -X main.commit=${COMMIT}" \
    -o /out/gateway ./cmd/gateway

# Certificates, time zones and /etc/passwd; no shell, no package manager.
FROM ${BASE}
COPY --from=build /out/gateway /gateway
# In digits: runAsNonRoot cannot judge a user given by name.
USER 65532:65532
# That user's home, the one folder it may write to: the record of usage and its journal
# go here unless the configuration says otherwise. A volume keeps them longer than the
# container, and has to be here where the root is read-only.
WORKDIR /home/nonroot
# The API and the admin port. Both listen on loopback unless the configuration or
# GATEWAY_LISTEN and GATEWAY_ADMIN_LISTEN say otherwise.
EXPOSE 8080 9090
ENTRYPOINT ["/gateway"]
