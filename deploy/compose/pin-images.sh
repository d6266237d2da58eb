#!/bin/sh
# Writes into .env which images are used, by digest: what a tag names may change, a digest never does. Run it again to
# take newer ones (security updates), then `docker compose build --pull && docker compose up --detach --wait`.
set -eu
cd "$(dirname "$0")"
[ -f .env ] || { echo "there is no .env yet; cp environment.example .env" >&2; exit 1; }

pin() { # NAME IMAGE
    digest=$(docker buildx imagetools inspect "$2" --format '{{.Manifest.Digest}}')
    case "$digest" in
        sha256:*) ;;
        *) echo "the registry gave no digest of $2: $digest" >&2; exit 1 ;;
    esac
    grep -v "^$1=" .env > .env.new || true
    echo "$1=$2@$digest" >> .env.new
    cat .env.new > .env # keeps the owner and mode of .env
    rm .env.new
    echo "$1=$2@$digest"
}

umask 077
pin AIRFLOW_IMAGE apache/airflow:3.3.2-python3.11
pin POSTGRES_IMAGE postgres:16
pin REDIS_IMAGE redis:7.2
