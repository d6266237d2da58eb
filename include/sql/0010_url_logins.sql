-- A login in a URL is refused in whatever case its scheme is written. Rows that are there are left to the checks of the
-- parts that use them: a migration may not fail for what somebody stored.

ALTER TABLE hedgehog.git_repository DROP CONSTRAINT git_repository_url_has_no_password;
ALTER TABLE hedgehog.git_repository ADD CONSTRAINT git_repository_url_has_no_password
    CHECK (url !~* '^[a-z][a-z0-9+.-]*://[^/@]*:[^/@]*@') NOT VALID;
