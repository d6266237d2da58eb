-- What the role of Airflow's API server may do: read, for metrics and pages.
GRANT USAGE ON SCHEMA hedgehog TO hedgehog_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA hedgehog TO hedgehog_reader;
