# clickwell alone: no shell, no package manager, no interpreter.
#
#   docker build -t clickwell --build-arg CLICKWELL_COMMIT="$(git rev-parse --short=12 HEAD)" .
#   docker build -t clickwell-fleet --target fleet --build-arg CLICKWELL_HOSTS="--host postgres.example:5432 --host storage.example" .
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges \
#     -v clickwell:/data -p 127.0.0.1:7999:7999 -e CLICKWELL_ADMIN_TOKEN=… clickwell

FROM denoland/deno:2.9.6 AS build
WORKDIR /source
COPY deno.json deno.lock ./
RUN deno install --frozen
COPY . .
# There is no repository in here to ask.
ARG CLICKWELL_COMMIT=unknown
RUN deno task build --confined && mkdir /volume

FROM build AS build-fleet
# --host HOST:PORT of each service that the fleet uses; without any, the executable may connect to every host.
ARG CLICKWELL_HOSTS=
# shellcheck disable=SC2086
RUN deno task build --fleet $CLICKWELL_HOSTS

# The C library and libgcc_s, which the executable is linked with, and hardly anything else.
FROM gcr.io/distroless/cc-debian12:nonroot AS runtime
COPY --from=build /source/dist/THIRD_PARTY_NOTICES.txt /source/LICENSE /usr/share/doc/clickwell/
COPY --from=build --chown=65532:65532 /volume /data
# The root may be read-only: what SQLite sorts on disk goes to the volume too.
ENV CLICKWELL_DATA=/data \
    CLICKWELL_MODELS=/data/models \
    CLICKWELL_HOST=0.0.0.0 \
    SQLITE_TMPDIR=/data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 7999
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --start-interval=1s CMD ["/usr/bin/clickwell", "healthcheck", "--quiet"]
ENTRYPOINT ["/usr/bin/clickwell"]
CMD ["serve"]

# Many servers that share a registry and an object store: may use the network.
FROM runtime AS fleet
COPY --from=build-fleet /source/dist/clickwell-fleet /usr/bin/clickwell

# One machine: may not. The last stage is what docker build makes.
FROM runtime AS confined
COPY --from=build /source/dist/clickwell-confined /usr/bin/clickwell
