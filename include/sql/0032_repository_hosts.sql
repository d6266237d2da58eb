-- Which type of Git host each repository is at: the pages of commits, files and pull requests have other addresses at each.

ALTER TABLE hedgehog.git_repository ADD COLUMN host text CHECK (length(host) BETWEEN 1 AND 40);
COMMENT ON COLUMN hedgehog.git_repository.host IS 'The type of its host (github, gitea, …), as its connection said when it was last asked; null: not asked yet';

-- It is found out and not wanted by anybody, so it is no part of the history.
CREATE OR REPLACE FUNCTION hedgehog.repository_content(row_of_repository jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object('kind', 'GitRepository', 'metadata', jsonb_build_object('name', row_of_repository -> 'name'), 'spec',
        row_of_repository - ARRAY['id', 'name', 'created_at', 'host'])
$$;

CREATE FUNCTION hedgehog.git_repository_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.host := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER git_repository_moves BEFORE UPDATE OF url, connection_id ON hedgehog.git_repository FOR EACH ROW
    WHEN ((OLD.url, OLD.connection_id) IS DISTINCT FROM (NEW.url, NEW.connection_id))
    EXECUTE FUNCTION hedgehog.git_repository_moves();
