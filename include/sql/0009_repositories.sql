-- A login in a URL is refused in whatever case its scheme is written. Rows that are there are left to the checks of the
-- parts that use them: a migration may not fail for what somebody stored.

ALTER TABLE hedgehog.git_repository DROP CONSTRAINT git_repository_url_has_no_password;
ALTER TABLE hedgehog.git_repository ADD CONSTRAINT git_repository_url_has_no_password
    CHECK (url !~* '^[a-z][a-z0-9+.-]*://[^/@]*:[^/@]*@') NOT VALID;

-- Which branches were there once: such a one is never made anew when it is gone, for its commits are somewhere else.

CREATE TABLE hedgehog.known_branch (
    url    text NOT NULL CHECK (length(url) BETWEEN 1 AND 500),
    branch text NOT NULL CHECK (length(branch) BETWEEN 1 AND 255),
    since  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (url, branch)
);
COMMENT ON TABLE hedgehog.known_branch IS 'Branches that were found at their host, or published there. It refers to no row on purpose: a row that is deleted and made again is about the same branch';

INSERT INTO hedgehog.known_branch (url, branch)
SELECT r.url, r.branch FROM hedgehog.git_repository r
WHERE EXISTS (SELECT 1 FROM hedgehog.repository_head h WHERE h.git_repository_id = r.id AND h.commit_id IS NOT NULL)
   OR EXISTS (SELECT 1 FROM hedgehog.fabric f JOIN hedgehog.sync_state s ON s.fabric_id = f.id AND s.target = 'git'
              WHERE f.git_repository_id = r.id AND left(s.revision, length(r.branch) + 1) = r.branch || '@');
