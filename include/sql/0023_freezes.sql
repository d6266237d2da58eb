-- When nothing may be written to Git and clusters: freezes, and change windows. What is due then waits.

CREATE TABLE hedgehog.freeze (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    selector  jsonb NOT NULL CHECK (jsonb_typeof(selector) = 'array'),
    reason    text NOT NULL CHECK (length(reason) BETWEEN 1 AND 1000),
    until     timestamptz,
    frozen_by text NOT NULL CHECK (length(frozen_by) BETWEEN 1 AND 300),
    frozen_at timestamptz NOT NULL DEFAULT now(),
    lifted_by text CHECK (length(lifted_by) BETWEEN 1 AND 300),
    lifted_at timestamptz,
    CONSTRAINT freeze_is_lifted_by_somebody CHECK ((lifted_by IS NULL) = (lifted_at IS NULL))
);
CREATE UNIQUE INDEX freeze_once ON hedgehog.freeze (selector) WHERE lifted_at IS NULL;
COMMENT ON TABLE hedgehog.freeze IS 'Fabrics of which nothing is written to Git or clusters: those that the selector fits, also ones that are added later. A row stays when the freeze is over, as its history';

CREATE TABLE hedgehog.change_window (
    name       text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$'),
    selector   jsonb NOT NULL CHECK (jsonb_typeof(selector) = 'array'),
    cron       text NOT NULL CHECK (length(cron) BETWEEN 9 AND 200),
    duration   interval NOT NULL CHECK (duration BETWEEN interval '1 minute' AND interval '7 days'),
    time_zone  text NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 100),
    created_by text NOT NULL CHECK (length(created_by) BETWEEN 1 AND 300),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE hedgehog.change_window IS 'When fabrics that the selector fits may be written. A fabric that no window fits may always be written, others in any of theirs';

ALTER TABLE hedgehog.fabric ADD COLUMN drift_outside_windows text NOT NULL DEFAULT 'wait'
    CONSTRAINT fabric_drift_outside_windows_check CHECK (drift_outside_windows IN ('wait', 'correct'));
COMMENT ON COLUMN hedgehog.fabric.drift_outside_windows IS 'Whether objects that others changed in the cluster are written again outside of the change windows';

ALTER TABLE hedgehog.sync_state ADD COLUMN waits_for text CHECK (length(waits_for) BETWEEN 1 AND 2000);
COMMENT ON COLUMN hedgehog.sync_state.waits_for IS 'Why nothing is written until due_at: a freeze, or no window is open. It says nothing once due_at has passed';

-- A freeze shows on the pages of its fabrics at once.
CREATE FUNCTION hedgehog.mark_selected_fabrics() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO hedgehog.change_mark (topic, fabric)
    SELECT DISTINCT 'fabric', f.name FROM changed c JOIN hedgehog.fabric f ON hedgehog.selects(c.selector, f) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER freeze_inserted_mark AFTER INSERT ON hedgehog.freeze
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_selected_fabrics();
CREATE TRIGGER freeze_updated_mark AFTER UPDATE ON hedgehog.freeze
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION hedgehog.mark_selected_fabrics();
