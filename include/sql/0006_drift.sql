-- Drift: what clusters hold otherwise than we applied it, whose it is, and what is to become of it.

ALTER TABLE hedgehog.fabric
    ADD COLUMN drift_policy text NOT NULL DEFAULT 'correct' CHECK (drift_policy IN ('report', 'correct', 'adopt')),
    ADD COLUMN drift_policies jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT fabric_drift_policies_check CHECK (
        jsonb_typeof(drift_policies) = 'object'
        AND NOT jsonb_path_exists(drift_policies, '$.* ? (!(@.type() == "string" && (@ == "report" || @ == "correct" || @ == "adopt")))')
    );
COMMENT ON COLUMN hedgehog.fabric.drift_policy IS 'What happens to an object that others changed in the cluster';
COMMENT ON COLUMN hedgehog.fabric.drift_policies IS 'Kinds with a policy of their own: {"VPC": "report"}';

CREATE TABLE hedgehog.drift (
    connection_id text NOT NULL,
    kind          text NOT NULL,
    namespace     text NOT NULL,
    name          text NOT NULL,
    fabric_id     bigint REFERENCES hedgehog.fabric ON DELETE CASCADE,
    state         text NOT NULL CHECK (state IN ('changed', 'missing', 'orphan', 'unowned')),
    paths         jsonb NOT NULL DEFAULT '[]',
    manager       text NOT NULL DEFAULT '',
    score         real NOT NULL CHECK (score BETWEEN 0 AND 1),
    revert        boolean NOT NULL DEFAULT false,
    found_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection_id, kind, namespace, name),
    CONSTRAINT drift_of_a_fabric_has_its_fabric CHECK (state IN ('orphan', 'unowned') OR fabric_id IS NOT NULL)
);
COMMENT ON TABLE hedgehog.drift IS 'Objects in clusters that are not as they were applied, or that no fabric wants; a row goes when that ends';
COMMENT ON COLUMN hedgehog.drift.revert IS 'A person decided: the next sync writes the object again, whatever the policy and whoever owns its fields';
CREATE INDEX drift_fabric ON hedgehog.drift (fabric_id);

CREATE TABLE hedgehog.watch_cursor (
    connection_id    text NOT NULL,
    resource         text NOT NULL,
    namespace        text NOT NULL,
    resource_version text NOT NULL,
    moved_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (connection_id, resource, namespace)
);
COMMENT ON TABLE hedgehog.watch_cursor IS 'How far each watch has come: all that happened up to this version is in the table drift';
