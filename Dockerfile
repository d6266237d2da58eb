# Airflow with Hedgehog on Airflow: one image for every component, so that DAGs and plugins always have the same version.
# Name it by digest (name:tag@sha256:…): deploy/compose/pin-images.sh finds it, docs/operations.md describes how.
ARG AIRFLOW_IMAGE=apache/airflow:3.3.2-python3.11
# hadolint ignore=DL3006
FROM ${AIRFLOW_IMAGE}

ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Hedgehog on Airflow" \
      org.opencontainers.image.description="Keeps Hedgehog network fabrics the same in PostgreSQL, Git and Kubernetes, as Apache Airflow DAGs" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

USER 0
# git transfers commits to the Git host, over https or (with openssh-client) ssh. Their versions are those of the Debian
# release of the base image, with its security updates: a pin would break with the next update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git openssh-client \
    && apt-get clean \
    && rm -rf /var/lib/apt/lists/*

# The user of the base image. A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 50000
# The lock file pins Airflow, too, so this can never change its version unnoticed.
COPY requirements.txt /opt/airflow/requirements.txt
RUN pip install --no-cache-dir --require-hashes --requirement /opt/airflow/requirements.txt

# Code belongs to root, Airflow's and ours: processes can read it but not change it. Nor can they replace a folder: in the
# folders above, which the base image gives to the user, only the owner of an entry may rename it (the sticky bit). Airflow
# imports from `config`, too. Every task is a new process, which must not compile our modules again. A volume takes the
# owner of the folder that it covers, so the folders of clones and backups are created here.
USER 0
COPY include /opt/airflow/include
COPY plugins /opt/airflow/plugins
COPY dags /opt/airflow/dags
COPY bin /opt/airflow/bin
RUN python -m compileall -q /opt/airflow/plugins /opt/airflow/dags \
    && mkdir --parents /opt/airflow/config \
    && set -- /home/airflow/.local /opt/airflow/plugins /opt/airflow/dags /opt/airflow/include /opt/airflow/bin /opt/airflow/config \
    && chown --recursive --no-dereference 0:0 "$@" \
    && chmod --recursive go-w "$@" \
    && chown 0:0 /home/airflow /opt/airflow \
    && chmod 1775 /home/airflow /opt/airflow \
    && install --directory --owner 50000 --group 0 --mode 0700 \
        /opt/airflow/hedgehog /opt/airflow/hedgehog/git /opt/airflow/hedgehog/backups
USER 50000

# Airflow 3.3 uses a class of pathspec by its old name: without this, every task log begins with a warning about it.
ENV PYTHONWARNINGS=ignore:GitWildMatchPattern:DeprecationWarning \
    PYTHONPATH=/opt/airflow/plugins \
    PATH=/opt/airflow/bin:${PATH}
