-- How often an object or file was written again because others keep changing it: what tells two controllers that fight.

CREATE TABLE hedgehog.correction (
    fabric_id bigint NOT NULL,
    target    text NOT NULL,
    subject   text NOT NULL CHECK (length(subject) <= 1000),
    rival     text NOT NULL CHECK (length(rival) <= 200),
    count     integer NOT NULL CHECK (count > 0),
    first_at  timestamptz NOT NULL DEFAULT now(),
    last_at   timestamptz NOT NULL DEFAULT now(),
    held      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (fabric_id, target, subject, rival),
    FOREIGN KEY (fabric_id, target) REFERENCES hedgehog.sync_state ON DELETE CASCADE
);
COMMENT ON TABLE hedgehog.correction IS 'Corrections of one object or file in short succession, one row for each field manager that changed it; a row goes when that ends';
COMMENT ON COLUMN hedgehog.correction.held IS 'The last sync left it as the rival wrote it, until its pause is over';

-- Another policy is another decision: what was held by the old one is tried anew.
CREATE FUNCTION hedgehog.fabric_policy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM hedgehog.correction WHERE fabric_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER fabric_policy_changed AFTER UPDATE ON hedgehog.fabric
    FOR EACH ROW WHEN ((OLD.conflict_policy, OLD.drift_policy, OLD.drift_policies, OLD.git_drift_policy)
        IS DISTINCT FROM (NEW.conflict_policy, NEW.drift_policy, NEW.drift_policies, NEW.git_drift_policy))
    EXECUTE FUNCTION hedgehog.fabric_policy_changed();

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
