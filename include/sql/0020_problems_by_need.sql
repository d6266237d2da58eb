-- The register is read by every run: its cost follows the problems, not the fleet.

CREATE OR REPLACE VIEW hedgehog.problem AS
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
