# One image for every service of docker-compose.yaml. It holds code alone: settings and secrets come from the environment.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

COPY requirements.txt /tmp/requirements.txt
RUN pip install --no-deps --require-hashes -r /tmp/requirements.txt && rm /tmp/requirements.txt

# A fixed number, so that the owner of a mounted folder can be given; a named volume takes its owner from the folder here.
RUN groupadd --gid 10001 warehouse && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp warehouse \
    && install -d -m 700 -o warehouse -g warehouse /data /sandbox

WORKDIR /opt/seller-warehouse
COPY .streamlit .streamlit
COPY dags dags
COPY dashboard dashboard
COPY dbt_project dbt_project
COPY demo demo
COPY expectations expectations
COPY plugins plugins
COPY sandbox sandbox

USER 10001:10001

# All services run as one user, who alone may read what they write (SELLER_WAREHOUSE_UMASK).
ENTRYPOINT ["/bin/sh", "-c", "umask ${SELLER_WAREHOUSE_UMASK:-077} && exec \"$@\"", "sh"]
