# judge as an image; every service of compose.yaml runs it.
#
#     docker build -t judge .                         on an official Python
#     docker build -t judge --build-arg BASE=IMAGE .  on a base of yours, with python3 3.11+ and its venv
#
# Targets: `app` (all commands), and `api`, `worker`, `proxy`, which only set what runs by default.
ARG BASE=python:3.12-slim
FROM ${BASE} AS build
ARG EXTRAS=postgres,docker,packages
WORKDIR /src
# Optional: a folder of wheels in the context, for places where no index answers.
COPY . .
RUN python3 -m venv /opt/judge \
 && if [ -d wheels ]; then /opt/judge/bin/pip install --no-cache-dir --no-index --find-links wheels ".[${EXTRAS}]"; \
    else /opt/judge/bin/pip install --no-cache-dir ".[${EXTRAS}]"; fi

FROM ${BASE} AS app
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/judge --shell /usr/sbin/nologin judge \
 && install -d -o 10001 -g 10001 -m 700 /var/lib/judge /run/judge /run/judge-engine \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} +
COPY --from=build /opt/judge /opt/judge
ENV PATH=/opt/judge/bin:$PATH JUDGE_HOME=/var/lib/judge JUDGE_LOG=json \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2
USER 10001:10001
WORKDIR /var/lib/judge
ENTRYPOINT ["judge"]
CMD ["--help"]

FROM app AS api
EXPOSE 8710
CMD ["up", "--host", "0.0.0.0", "--public"]

FROM app AS worker
CMD ["worker"]

FROM app AS proxy
CMD ["sandbox", "proxy", "--listen", "/run/judge-engine/door.sock"]

FROM app
