# For who has Docker and no Rust: the same image, built in one. `docker build -t bpfready .`
FROM docker.io/library/rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo xtask build && cp "$(cargo xtask build | tail -n 1)" /bpfready

FROM scratch
LABEL org.opencontainers.image.title="bpfready" \
      org.opencontainers.image.description="What eBPF each node can do, and whether Cilium can run there" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://github.com/bpfready/bpfready"
COPY --from=build /bpfready /bpfready
# Root's files of the host are root's to read. The manifests drop every capability but three; the
# controller runs as 65532.
USER 0
ENTRYPOINT ["/bpfready"]
CMD ["check"]
