#!/bin/sh
# Run once by the PostgreSQL image, on an empty data directory: databases and roles in addition to Airflow's own. `hedgehog
# migrate` grants the permissions of the three roles without a database. Passwords are read from the environment by psql itself.
set -eu
psql --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
\getenv owner_password HEDGEHOG_PASSWORD
\getenv reader_password READER_PASSWORD
\getenv webhook_password WEBHOOK_PASSWORD
\getenv actions_password ACTIONS_PASSWORD
\getenv celery_password CELERY_PASSWORD
CREATE ROLE hedgehog LOGIN PASSWORD :'owner_password';
CREATE ROLE hedgehog_reader LOGIN PASSWORD :'reader_password';
CREATE ROLE hedgehog_webhook LOGIN PASSWORD :'webhook_password';
CREATE ROLE hedgehog_actions LOGIN PASSWORD :'actions_password';
CREATE ROLE celery LOGIN PASSWORD :'celery_password';
CREATE DATABASE hedgehog OWNER hedgehog;
CREATE DATABASE celery OWNER celery;
SQL
