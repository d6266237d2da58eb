-- The register of open problems: what waits for somebody, or for better times, until it is resolved. A table for what
-- the last sync of a fabric found out about single objects and files; a view that puts it together with what was given up.

CREATE TABLE hedgehog.finding (
    fabric_id bigint NOT NULL,
    target    text NOT NULL,
    kind      text NOT NULL CHECK (length(kind) BETWEEN 1 AND 60),
    subject   text NOT NULL CHECK (length(subject) <= 1000),
    cause     text NOT NULL CHECK (length(cause) <= 2000),
    since     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (fabric_id, target, kind, subject),
    -- Of the state, as dead_letter: whoever writes findings has that row locked already.
    FOREIGN KEY (fabric_id, target) REFERENCES hedgehog.sync_state ON DELETE CASCADE
);
COMMENT ON TABLE hedgehog.finding IS 'What the last sync of a fabric could not do or had to leave alone, one row an object or file; a row goes when a sync finds it no more';
COMMENT ON COLUMN hedgehog.finding.kind IS 'A word of hedgehog.fabric.problems.ProblemKind';

-- NOT MATERIALIZED: the register is read by every run, so its cost follows the problems, not the fleet. A finalizer has an
-- hour before somebody must look at it: most go by themselves.
CREATE VIEW hedgehog.problem AS
WITH enabled AS NOT MATERIALIZED (
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
