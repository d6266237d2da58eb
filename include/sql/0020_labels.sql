-- Fabrics are chosen by labels, and changes for many of them are written with variables.

CREATE FUNCTION hedgehog.are_labels(labels jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_typeof(labels) = 'object' AND coalesce((
        SELECT count(*) <= 64 AND bool_and(
            l.key ~ '^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'
            AND l.key NOT IN ('fabric', 'repository', 'cluster') AND jsonb_typeof(l.value) = 'string'
            AND (l.value #>> '{}') ~ '^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$')
        FROM jsonb_each(CASE jsonb_typeof(labels) WHEN 'object' THEN labels ELSE '{}' END) l), true)
$$;

CREATE FUNCTION hedgehog.are_variables(variables jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_typeof(variables) = 'object' AND coalesce((
        SELECT count(*) <= 256 AND bool_and(
            v.key ~ '^[A-Za-z_][A-Za-z0-9_]{0,62}$' AND jsonb_typeof(v.value) IN ('string', 'number', 'boolean')
            AND length(v.value #>> '{}') <= 1000)
        FROM jsonb_each(CASE jsonb_typeof(variables) WHEN 'object' THEN variables ELSE '{}' END) v), true)
$$;

ALTER TABLE hedgehog.fabric
    ADD COLUMN labels jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN variables jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT fabric_labels_check CHECK (hedgehog.are_labels(labels)),
    ADD CONSTRAINT fabric_variables_check CHECK (hedgehog.are_variables(variables));
COMMENT ON COLUMN hedgehog.fabric.labels IS 'What fabrics are chosen by, with the syntax of Kubernetes labels: {"site": "fra"}';
COMMENT ON COLUMN hedgehog.fabric.variables IS 'What stands for ${name} in a change for many fabrics: {"vlan": 1200}';

-- The only translation of a selector (hedgehog.fabric.selectors), which is a list of requirements. A pattern has '*'
-- for any text.
CREATE FUNCTION hedgehog.selects(selector jsonb, one hedgehog.fabric) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT coalesce(bool_and(CASE r.operator
        WHEN 'exists' THEN v.value IS NOT NULL
        WHEN 'missing' THEN v.value IS NULL
        WHEN 'in' THEN coalesce(v.value LIKE ANY (p.patterns), false)
        ELSE NOT coalesce(v.value LIKE ANY (p.patterns), false)
    END), true)
    FROM jsonb_to_recordset(selector) AS r (key text, operator text, "values" jsonb)
    CROSS JOIN LATERAL (SELECT CASE r.key
        WHEN 'fabric' THEN (one).name
        WHEN 'cluster' THEN (one).kubernetes_connection_id
        WHEN 'repository' THEN (SELECT g.name FROM hedgehog.git_repository g WHERE g.id = (one).git_repository_id)
        ELSE (one).labels ->> r.key END AS value) v
    CROSS JOIN LATERAL (
        SELECT array_agg(replace(replace(w, '_', '\_'), '*', '%')) AS patterns FROM jsonb_array_elements_text(r."values") w
    ) p
$$;
COMMENT ON FUNCTION hedgehog.selects IS 'Whether a selector, [{"key", "operator", "values"}], fits a fabric; the empty one fits every fabric';
