-- Objects that a run was about to create in a cluster. The inventory is written after the effect, so a run that is killed
-- in between would leave objects that nobody owns, and that nobody would ever delete once they are no longer wanted.
CREATE TABLE hedgehog.begun_object (
    fabric_id     bigint NOT NULL REFERENCES hedgehog.fabric ON DELETE CASCADE,
    connection_id text NOT NULL,
    kind          text NOT NULL,
    namespace     text NOT NULL,
    name          text NOT NULL,
    begun_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fabric_id, connection_id, kind, namespace, name)
);
COMMENT ON TABLE hedgehog.begun_object IS 'Written before objects are created, emptied when the inventory has them; what stays was left by a killed run';
