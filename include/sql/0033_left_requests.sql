-- A pull request of ours that nobody needs any more is closed, and its branch deleted: that of a fabric that was deleted or
-- went to another repository, and all of a repository that takes pushes again.

CREATE TABLE hedgehog.left_request (
    git_repository_id bigint NOT NULL REFERENCES hedgehog.git_repository ON DELETE CASCADE,
    number            bigint NOT NULL,
    url               text NOT NULL,
    branch            text NOT NULL,
    head              text NOT NULL,
    why               text NOT NULL,
    left_at           timestamptz NOT NULL DEFAULT now(),
    attempts          integer NOT NULL DEFAULT 0,
    next_attempt_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (git_repository_id, number)
);
COMMENT ON TABLE hedgehog.left_request IS 'Pull requests of ours that are to be closed at their host. A row goes when that is done, and when a fabric asks with the same request again';
COMMENT ON COLUMN hedgehog.left_request.head IS 'The commit that we pushed last to the branch: with another one, it is not deleted';
COMMENT ON COLUMN hedgehog.left_request.next_attempt_at IS 'The back-off after a failure; infinity when given up';

CREATE FUNCTION hedgehog.leave_request(one hedgehog.pull_request, name text, why text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hedgehog.left_request (git_repository_id, number, url, branch, head, why)
    VALUES ((one).git_repository_id, (one).number, (one).url,
        'hedgehog/' || name || CASE WHEN name LIKE '%.lock' THEN '-' ELSE '' END, (one).head, why)
    ON CONFLICT (git_repository_id, number) DO UPDATE SET head = excluded.head, why = excluded.why, left_at = now(), attempts = 0,
        next_attempt_at = now();
    PERFORM pg_notify('hedgehog_inbox', 'branch');
END $$;

CREATE FUNCTION hedgehog.fabric_leaves_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hedgehog.leave_request(p, OLD.name, CASE TG_OP WHEN 'DELETE' THEN 'the fabric was deleted'
        ELSE 'the fabric is kept in another repository now' END)
    FROM hedgehog.pull_request p WHERE p.fabric_id = OLD.id;
    DELETE FROM hedgehog.pull_request p WHERE p.fabric_id = OLD.id;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER fabric_leaves_request BEFORE DELETE ON hedgehog.fabric
    FOR EACH ROW EXECUTE FUNCTION hedgehog.fabric_leaves_request();
CREATE TRIGGER fabric_leaves_repository BEFORE UPDATE OF git_repository_id ON hedgehog.fabric FOR EACH ROW
    WHEN (OLD.git_repository_id IS DISTINCT FROM NEW.git_repository_id)
    EXECUTE FUNCTION hedgehog.fabric_leaves_request();

CREATE FUNCTION hedgehog.git_repository_takes_pushes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM hedgehog.leave_request(p, f.name, 'its changes are pushed to the branch again')
    FROM hedgehog.pull_request p JOIN hedgehog.fabric f ON f.id = p.fabric_id WHERE p.git_repository_id = NEW.id;
    DELETE FROM hedgehog.pull_request p WHERE p.git_repository_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER git_repository_takes_pushes AFTER UPDATE OF push ON hedgehog.git_repository FOR EACH ROW
    WHEN (OLD.push = 'pull_request' AND NEW.push = 'direct')
    EXECUTE FUNCTION hedgehog.git_repository_takes_pushes();

-- Those that were left before.
SELECT hedgehog.leave_request(p, f.name, 'its changes are pushed to the branch again')
FROM hedgehog.pull_request p JOIN hedgehog.fabric f ON f.id = p.fabric_id JOIN hedgehog.git_repository r ON r.id = p.git_repository_id
WHERE r.push = 'direct';
DELETE FROM hedgehog.pull_request p USING hedgehog.git_repository r WHERE r.id = p.git_repository_id AND r.push = 'direct';
