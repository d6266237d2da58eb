-- How well everything is, which remotes are left in peace for a while, and when changes reached the switches.

CREATE TABLE hedgehog.health (
    scope      text NOT NULL CHECK (scope IN ('fabric', 'repository', 'github', 'service')),
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 500),
    fabric_id  bigint REFERENCES hedgehog.fabric ON DELETE CASCADE,
    health     text NOT NULL CHECK (health IN ('Healthy', 'Progressing', 'Degraded', 'Missing', 'Unknown')),
    reasons    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(reasons) = 'array'),
    facts      jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(facts) = 'object'),
    since      timestamptz NOT NULL,
    checked_at timestamptz NOT NULL,
    run_id     text,
    PRIMARY KEY (scope, name),
    CONSTRAINT health_of_a_fabric_names_its_row CHECK ((scope = 'fabric') = (fabric_id IS NOT NULL))
);
COMMENT ON TABLE hedgehog.health IS 'The latest look at every fabric, repository, GitHub credential and service; since says when its health last changed';
CREATE INDEX health_fabric ON hedgehog.health (fabric_id);

CREATE TABLE hedgehog.health_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    scope       text NOT NULL,
    name        text NOT NULL,
    health      text NOT NULL,
    reasons     jsonb NOT NULL,
    run_id      text,
    happened_at timestamptz NOT NULL
);
COMMENT ON TABLE hedgehog.health_event IS 'Append-only history: a row whenever health or reasons changed, none for a look that found the same';
CREATE INDEX health_event_name ON hedgehog.health_event (scope, name, happened_at DESC);
CREATE INDEX health_event_happened ON hedgehog.health_event (happened_at);

CREATE TABLE hedgehog.circuit (
    fabric_id bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    service   text NOT NULL CHECK (service IN ('kubernetes', 'git', 'github')),
    failures  integer NOT NULL,
    reason    text NOT NULL DEFAULT '',
    opened_at timestamptz,
    probed_at timestamptz,
    PRIMARY KEY (fabric_id, service)
);
COMMENT ON TABLE hedgehog.circuit IS 'Failures in a row of a service for a fabric; no row: none. Open since opened_at; probed_at is the one try that a half-open circuit lets through';

CREATE TABLE hedgehog.convergence (
    event_id            bigint PRIMARY KEY,
    fabric_id           bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    generation          bigint NOT NULL,
    revision            text,
    committed_at        timestamptz,
    applied_at          timestamptz NOT NULL,
    converged_at        timestamptz,
    commit_to_applied   double precision GENERATED ALWAYS AS (extract(epoch FROM applied_at - committed_at)) STORED,
    commit_to_converged double precision GENERATED ALWAYS AS (extract(epoch FROM converged_at - committed_at)) STORED
);
COMMENT ON TABLE hedgehog.convergence IS 'One row for each sync that wrote to a cluster: when it was committed (or saved, without Git), applied, and had by all switches';
CREATE INDEX convergence_fabric ON hedgehog.convergence (fabric_id, applied_at DESC);
CREATE INDEX convergence_waiting ON hedgehog.convergence (fabric_id) WHERE converged_at IS NULL;
