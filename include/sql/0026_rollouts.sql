-- Rollouts: one change for many fabrics, wave by wave. All that a run needs to go on is here, so any run can.

CREATE TABLE hedgehog.rollout (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    change        jsonb NOT NULL,
    digest        text NOT NULL CHECK (digest ~ '^[0-9a-f]{16}$'),
    selector      jsonb NOT NULL,
    soak          interval NOT NULL,
    timeout       interval NOT NULL,
    approve       text NOT NULL CHECK (approve IN ('none', 'canary', 'wave')),
    on_failure    text NOT NULL CHECK (on_failure IN ('hold', 'rollback')),
    state         text NOT NULL DEFAULT 'running'
                  CHECK (state IN ('running', 'paused', 'approval', 'done', 'aborted', 'rolled_back')),
    reason        text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    why           text NOT NULL DEFAULT '' CHECK (length(why) <= 1000),
    approved_wave integer NOT NULL DEFAULT 0,
    started_by    text NOT NULL CHECK (length(started_by) BETWEEN 1 AND 300),
    started_at    timestamptz NOT NULL DEFAULT now(),
    moved_at      timestamptz NOT NULL DEFAULT now(),
    ended_at      timestamptz,
    driven_by     text CHECK (length(driven_by) <= 500),
    driven_until  timestamptz,
    CONSTRAINT rollout_ends_once CHECK ((state IN ('done', 'aborted', 'rolled_back')) = (ended_at IS NOT NULL))
);
COMMENT ON TABLE hedgehog.rollout IS 'One change for many fabrics: {"manifests", "delete"} with variables, pinned with those of each fabric by digest';
COMMENT ON COLUMN hedgehog.rollout.driven_until IS 'Until then driven_by moves it on; a run that was killed does not renew that';
CREATE UNIQUE INDEX rollout_name ON hedgehog.rollout (name) WHERE ended_at IS NULL;

CREATE TABLE hedgehog.rollout_fabric (
    rollout_id bigint NOT NULL REFERENCES hedgehog.rollout ON DELETE CASCADE,
    fabric     text NOT NULL,
    fabric_id  bigint NOT NULL,
    wave       integer NOT NULL CHECK (wave >= 0),
    variables  jsonb NOT NULL,
    state      text NOT NULL DEFAULT 'pending'
               CHECK (state IN ('pending', 'stored', 'converged', 'done', 'failed', 'skipped', 'taken_back')),
    reason     text NOT NULL DEFAULT '' CHECK (length(reason) <= 2000),
    moved_at   timestamptz NOT NULL DEFAULT now(),
    stored_at  timestamptz,
    generation bigint,
    before     jsonb NOT NULL DEFAULT '{}',
    health     text,
    open       boolean NOT NULL DEFAULT true,
    PRIMARY KEY (rollout_id, fabric)
);
COMMENT ON TABLE hedgehog.rollout_fabric IS 'The fabrics of a rollout, each with its wave and how far it is';
COMMENT ON COLUMN hedgehog.rollout_fabric.before IS 'The objects that the change touches as they were before it, by ref; null: there was none';
COMMENT ON COLUMN hedgehog.rollout_fabric.generation IS 'The generation that the change made; its targets must reach it';
CREATE UNIQUE INDEX rollout_fabric_in_one_rollout ON hedgehog.rollout_fabric (fabric_id) WHERE open;

-- A fabric is free again when its rollout is over; whoever may drive a rollout is woken when it has something to do.
CREATE FUNCTION hedgehog.rollout_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.ended_at IS NOT NULL AND OLD.ended_at IS NULL THEN
        UPDATE hedgehog.rollout_fabric SET open = false WHERE rollout_id = NEW.id AND open;
    END IF;
    IF NEW.state IN ('running', 'approval') AND NEW.driven_until IS NULL THEN
        PERFORM pg_notify('hedgehog_rollout', NEW.name);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER rollout_moved AFTER INSERT OR UPDATE ON hedgehog.rollout
    FOR EACH ROW EXECUTE FUNCTION hedgehog.rollout_moved();
