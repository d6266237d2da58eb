-- Dead letters: work that was given up, until the fabric moves on or a person decides. Triggers of sync_state write
-- them, so a letter and the state that it tells of are one transaction, whoever parks and whatever is killed.

ALTER TABLE hedgehog.sync_state ADD COLUMN failing_since timestamptz;
COMMENT ON COLUMN hedgehog.sync_state.failing_since IS 'When the failures in a row began; NULL once it worked';

CREATE TABLE hedgehog.dead_letter (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fabric_id       bigint NOT NULL,
    target          text NOT NULL,
    verb            text NOT NULL CHECK (verb IN ('git_sync', 'kubernetes_sync', 'repository_changes')),
    conf            jsonb NOT NULL,
    status          text NOT NULL DEFAULT 'parked' CHECK (status IN ('parked', 'replayed', 'resolved', 'discarded')),
    attempts        integer NOT NULL,
    error_class     text,
    message         text NOT NULL,
    run_id          text,
    first_failed_at timestamptz NOT NULL,
    last_failed_at  timestamptz NOT NULL,
    closed_at       timestamptz,
    closed_by       text CHECK (length(closed_by) <= 300),
    note            text NOT NULL DEFAULT '' CHECK (length(note) <= 1000),
    -- Of the state, not of the fabric: whoever parks has that row locked already, so this cannot deadlock.
    FOREIGN KEY (fabric_id, target) REFERENCES hedgehog.sync_state ON DELETE CASCADE,
    CONSTRAINT dead_letter_closes_once CHECK ((status = 'parked') = (closed_at IS NULL))
);
COMMENT ON TABLE hedgehog.dead_letter IS 'What was given up: parked until replayed or discarded by a person, or resolved by a success or a change of the fabric';
COMMENT ON COLUMN hedgehog.dead_letter.verb IS 'The DAG that gave up, without its prefix; conf is what to trigger it with';
CREATE UNIQUE INDEX dead_letter_parked ON hedgehog.dead_letter (fabric_id, target) WHERE status = 'parked';
CREATE INDEX dead_letter_closed ON hedgehog.dead_letter (closed_at) WHERE closed_at IS NOT NULL;

-- What a change, a replay or a wake-up made due again is not parked any more, though nobody has looked at it yet.
CREATE FUNCTION hedgehog.sync_state_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'parked' AND (NEW.attempts = 0 OR NEW.due_at < 'infinity') THEN
        NEW.status := 'error';
    END IF;
    IF NEW.status IN ('in_sync', 'out_of_sync') THEN
        NEW.failing_since := NULL;
    ELSIF NEW.attempts > OLD.attempts THEN
        NEW.failing_since := coalesce(OLD.failing_since, now());
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER sync_state_before_update BEFORE UPDATE ON hedgehog.sync_state
    FOR EACH ROW EXECUTE FUNCTION hedgehog.sync_state_before_update();

CREATE FUNCTION hedgehog.sync_state_parked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hedgehog.dead_letter AS d (fabric_id, target, verb, conf, attempts, error_class, message, run_id, first_failed_at, last_failed_at)
    SELECT NEW.fabric_id, NEW.target,
        CASE WHEN NEW.target = 'kubernetes' THEN 'kubernetes_sync' WHEN f.source_of_truth = 'git' THEN 'repository_changes' ELSE 'git_sync' END,
        jsonb_build_object('fabrics', jsonb_build_array(f.name)),
        NEW.attempts, NEW.error_class, NEW.reason, NEW.run_id,
        coalesce(NEW.failing_since, NEW.last_attempt_at, now()), coalesce(NEW.last_attempt_at, now())
    FROM hedgehog.fabric f WHERE f.id = NEW.fabric_id
    ON CONFLICT (fabric_id, target) WHERE status = 'parked' DO UPDATE SET
        verb = excluded.verb, conf = excluded.conf, attempts = excluded.attempts, error_class = excluded.error_class,
        message = excluded.message, run_id = excluded.run_id, last_failed_at = excluded.last_failed_at;
    RETURN NULL;
END $$;

CREATE TRIGGER sync_state_parked AFTER UPDATE ON hedgehog.sync_state
    FOR EACH ROW WHEN (NEW.status = 'parked' AND (OLD.status <> 'parked' OR NEW.attempts > OLD.attempts))
    EXECUTE FUNCTION hedgehog.sync_state_parked();

CREATE FUNCTION hedgehog.sync_state_moved_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE hedgehog.dead_letter SET status = 'resolved', closed_at = now(),
        closed_by = CASE WHEN NEW.status = 'error' THEN NULL ELSE left(NEW.run_id, 300) END,
        note = CASE WHEN NEW.status = 'error' THEN 'it is tried again' ELSE 'it was synced' END
    WHERE fabric_id = NEW.fabric_id AND target = NEW.target AND status = 'parked';
    RETURN NULL;
END $$;

CREATE TRIGGER sync_state_moved_on AFTER UPDATE ON hedgehog.sync_state
    FOR EACH ROW WHEN (NEW.status IN ('in_sync', 'out_of_sync', 'error') AND OLD.status <> NEW.status)
    EXECUTE FUNCTION hedgehog.sync_state_moved_on();

-- What was given up before there were letters.
INSERT INTO hedgehog.dead_letter (fabric_id, target, verb, conf, attempts, error_class, message, run_id, first_failed_at, last_failed_at)
SELECT s.fabric_id, s.target,
    CASE WHEN s.target = 'kubernetes' THEN 'kubernetes_sync' WHEN f.source_of_truth = 'git' THEN 'repository_changes' ELSE 'git_sync' END,
    jsonb_build_object('fabrics', jsonb_build_array(f.name)), s.attempts, s.error_class, s.reason, s.run_id,
    coalesce(s.last_attempt_at, now()), coalesce(s.last_attempt_at, now())
FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id
WHERE s.status = 'parked' AND s.attempts > 0 AND s.due_at = 'infinity';

-- The report of the last run of each job of maintenance: what alerts look at.
CREATE TABLE hedgehog.maintenance (
    job         text PRIMARY KEY CHECK (length(job) BETWEEN 1 AND 60),
    finished_at timestamptz NOT NULL DEFAULT now(),
    report      jsonb NOT NULL
);
COMMENT ON TABLE hedgehog.maintenance IS 'When each job of maintenance last ended well, and what it did; a dry run leaves no row';
