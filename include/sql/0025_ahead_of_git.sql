-- A rollback that must not wait for the Git host: the cluster gets a change before Git has it.
CREATE TABLE hedgehog.ahead_of_git (
    fabric_id  bigint PRIMARY KEY REFERENCES hedgehog.fabric ON DELETE CASCADE,
    change_id  bigint NOT NULL,
    generation bigint NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hedgehog.ahead_of_git IS 'The change that the cluster of a fabric gets until Git has its generation, or a later one';
