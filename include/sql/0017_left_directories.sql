-- The directory that a fabric has left lies in Git as before, and may lie in the directory of another fabric: that one
-- must not take over what is in it just because nobody else looks after it any more.

CREATE TABLE hedgehog.left_directory (
    url       text NOT NULL CHECK (length(url) BETWEEN 1 AND 500),
    branch    text NOT NULL CHECK (length(branch) BETWEEN 1 AND 255),
    directory text NOT NULL CHECK (length(directory) BETWEEN 1 AND 255),
    fabric    text NOT NULL,
    left_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (url, branch, directory)
);
COMMENT ON TABLE hedgehog.left_directory IS 'Directories in Git of fabrics that were deleted or moved. A row goes when a fabric has the directory again, and when nothing is in it any more';

CREATE FUNCTION hedgehog.fabric_leaves_directory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.git_directory <> '' THEN
        INSERT INTO hedgehog.left_directory (url, branch, directory, fabric)
        SELECT r.url, r.branch, OLD.git_directory, OLD.name FROM hedgehog.git_repository r WHERE r.id = OLD.git_repository_id
        ON CONFLICT (url, branch, directory) DO UPDATE SET fabric = excluded.fabric, left_at = now();
    END IF;
    IF TG_OP <> 'DELETE' THEN
        DELETE FROM hedgehog.left_directory d USING hedgehog.git_repository r
        WHERE r.id = NEW.git_repository_id AND hedgehog.repository_place(r.url) = hedgehog.repository_place(d.url)
            AND d.branch = r.branch AND d.directory = NEW.git_directory;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER fabric_comes_or_goes AFTER INSERT OR DELETE ON hedgehog.fabric
    FOR EACH ROW EXECUTE FUNCTION hedgehog.fabric_leaves_directory();
CREATE TRIGGER fabric_moves AFTER UPDATE OF git_directory, git_repository_id ON hedgehog.fabric FOR EACH ROW
    WHEN ((OLD.git_directory, OLD.git_repository_id) IS DISTINCT FROM (NEW.git_directory, NEW.git_repository_id))
    EXECUTE FUNCTION hedgehog.fabric_leaves_directory();
