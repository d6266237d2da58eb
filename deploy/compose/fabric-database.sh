#!/bin/sh
# Run once by the PostgreSQL image, on an empty data directory: the fabric database and its owner, beside Airflow's own.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres --set password="$HEDGEHOG_PASSWORD" <<'SQL'
CREATE ROLE hedgehog LOGIN PASSWORD :'password';
CREATE DATABASE hedgehog OWNER hedgehog;
SQL
