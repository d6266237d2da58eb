-- Work whose process is killed (time limit, out of memory) is counted when it is claimed, and given up after a few times:
-- a delivery, a look at a repository, a sync. What was given up of a delivery is a dead letter, too.

ALTER TABLE hedgehog.inbox ADD COLUMN killed integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN hedgehog.inbox.killed IS 'How often in a row the process that worked on it died; attempts counts every claim';

CREATE FUNCTION hedgehog.inbox_before_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.killed := 0;
    RETURN NEW;
END $$;
CREATE TRIGGER inbox_taken_up_again BEFORE UPDATE ON hedgehog.inbox
    FOR EACH ROW WHEN (NEW.status = 'received') EXECUTE FUNCTION hedgehog.inbox_before_update();

ALTER TABLE hedgehog.repository_head
    ADD COLUMN begun_at timestamptz,
    ADD COLUMN running boolean NOT NULL DEFAULT false,
    ADD COLUMN killed integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN hedgehog.repository_head.running IS 'A look has begun and not ended: who finds this under the lock of the repository knows that it was killed';

ALTER TABLE hedgehog.sync_state ADD COLUMN killed integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN hedgehog.sync_state.killed IS 'How often in a row the process that worked on it died';

CREATE FUNCTION hedgehog.sync_state_counts_deaths() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.status = 'syncing' AND (NEW.status = 'syncing' AND NEW.attempts > OLD.attempts OR NEW.error_class IN ('RunLost', 'WorkKilled') AND NEW.status IN ('error', 'parked')) THEN
        NEW.killed := OLD.killed + 1;
    ELSIF NEW.attempts = 0 OR OLD.status = 'syncing' AND NEW.status <> 'syncing' THEN
        NEW.killed := 0;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sync_state_counts_deaths BEFORE UPDATE ON hedgehog.sync_state
    FOR EACH ROW EXECUTE FUNCTION hedgehog.sync_state_counts_deaths();

ALTER TABLE hedgehog.dead_letter
    ALTER COLUMN fabric_id DROP NOT NULL,
    ADD COLUMN inbox_id bigint REFERENCES hedgehog.inbox ON DELETE CASCADE,
    DROP CONSTRAINT dead_letter_verb_check,
    ADD CONSTRAINT dead_letter_verb_check CHECK (verb IN ('git_sync', 'kubernetes_sync', 'repository_changes', 'pull_request_validation')),
    ADD CONSTRAINT dead_letter_is_of_a_fabric_or_a_delivery CHECK ((fabric_id IS NULL) = (inbox_id IS NOT NULL));
CREATE UNIQUE INDEX dead_letter_of_delivery ON hedgehog.dead_letter (inbox_id) WHERE status = 'parked';

CREATE FUNCTION hedgehog.inbox_given_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'failed' AND NEW.next_attempt_at = 'infinity' THEN
        INSERT INTO hedgehog.dead_letter AS d (inbox_id, target, verb, conf, attempts, message, first_failed_at, last_failed_at)
        VALUES (NEW.id, 'git',
            CASE NEW.kind WHEN 'branch' THEN 'repository_changes' ELSE 'pull_request_validation' END,
            CASE NEW.kind WHEN 'branch' THEN jsonb_build_object('repository', NEW.repository, 'branch', NEW.branch)
                ELSE jsonb_build_object('repository', NEW.repository, 'pull_request', NEW.number) END,
            NEW.attempts,
            NEW.repository || CASE NEW.kind WHEN 'branch' THEN ' ' || NEW.branch ELSE '#' || coalesce(NEW.number::text, '?') END || ': ' || NEW.reason,
            NEW.received_at, now())
        ON CONFLICT (inbox_id) WHERE status = 'parked' DO UPDATE SET
            attempts = excluded.attempts, message = excluded.message, last_failed_at = excluded.last_failed_at;
    ELSIF OLD.status = 'failed' AND NEW.status <> 'failed' THEN
        UPDATE hedgehog.dead_letter SET status = 'resolved', closed_at = now(),
            note = CASE WHEN NEW.status IN ('done', 'ignored') THEN left(NEW.reason, 1000) ELSE 'it is tried again' END
        WHERE inbox_id = NEW.id AND status = 'parked';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER inbox_given_up AFTER UPDATE ON hedgehog.inbox
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION hedgehog.inbox_given_up();

-- Where a repository lies, however its URL is written.
CREATE FUNCTION hedgehog.repository_place(url text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(regexp_replace(regexp_replace(lower(url), '^[a-z+]+://', ''), '^[^/@]*@([^/:]+):?', '\1/'), '(\.git)?/*$', '')
$$;

CREATE OR REPLACE VIEW hedgehog.problem AS
WITH enabled AS (
    SELECT f.id AS fabric_id, f.name AS fabric, s.target, s.status, s.attempts, s.reason, s.failing_since, s.last_attempt_at, f.git_repository_id,
        f.suspended AND coalesce(f.suspended_until > now(), true) AS suspended,
        CASE WHEN s.target = 'kubernetes' THEN 'kubernetes_sync' WHEN f.source_of_truth = 'git' THEN 'repository_changes' ELSE 'git_sync' END AS verb
    FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id
    WHERE CASE s.target WHEN 'git' THEN f.git_sync_enabled ELSE f.enable_k8s_sync END
)
SELECT e.fabric_id, e.fabric, e.target, e.verb, n.kind, n.subject, n.cause, n.since,
    n.kind <> 'failing' AND NOT e.suspended
        AND NOT (n.kind = 'stuck-finalizer' AND n.since > now() - interval '1 hour') AS needs_somebody
FROM enabled e JOIN hedgehog.finding n USING (fabric_id, target)
UNION ALL
SELECT e.fabric_id, e.fabric, e.target, e.verb, 'parked', d.id::text, d.message, d.first_failed_at, NOT e.suspended
FROM enabled e JOIN hedgehog.dead_letter d USING (fabric_id, target) WHERE d.status = 'parked'
UNION ALL
SELECT e.fabric_id, e.fabric, e.target, d.verb, 'given-up-delivery', d.id::text, d.message, d.first_failed_at, NOT e.suspended
FROM hedgehog.dead_letter d JOIN hedgehog.inbox i ON i.id = d.inbox_id
JOIN hedgehog.git_repository r ON hedgehog.repository_place(r.url) = hedgehog.repository_place(i.url)
    AND r.branch = CASE i.kind WHEN 'branch' THEN i.branch ELSE i.base END
JOIN enabled e ON e.git_repository_id = r.id AND e.target = 'git'
WHERE d.status = 'parked'
UNION ALL
SELECT e.fabric_id, e.fabric, e.target, e.verb, 'failing', '', e.reason, coalesce(e.failing_since, e.last_attempt_at, now()), false
FROM enabled e WHERE e.attempts > 0 AND e.status IN ('error', 'syncing')
    AND NOT EXISTS (SELECT 1 FROM hedgehog.finding n WHERE (n.fabric_id, n.target) = (e.fabric_id, e.target));
COMMENT ON VIEW hedgehog.problem IS 'All open problems: what a sync found, what was given up, what fails and is tried again by itself (needs_somebody is false then, and for a suspended fabric)';
