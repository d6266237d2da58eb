-- How our tasks ran, figures of every minute, and what somebody was told of.

CREATE TABLE hedgehog.task_run (
    dag_id      text NOT NULL CHECK (length(dag_id) <= 250),
    run_id      text NOT NULL CHECK (length(run_id) <= 250),
    task_id     text NOT NULL CHECK (length(task_id) <= 250),
    map_index   integer NOT NULL DEFAULT -1,
    try_number  integer NOT NULL,
    max_tries   integer NOT NULL DEFAULT 0,
    state       text NOT NULL CHECK (state IN ('running', 'success', 'skipped', 'up_for_retry', 'failed')),
    queue       text NOT NULL DEFAULT '',
    pool        text NOT NULL DEFAULT '',
    hostname    text NOT NULL DEFAULT '',
    pid         integer,
    fabrics     text[] NOT NULL DEFAULT '{}',
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    duration    double precision GENERATED ALWAYS AS (extract(epoch FROM ended_at - started_at)) STORED,
    error_class text CHECK (length(error_class) <= 200),
    error       text CHECK (length(error) <= 1000),
    PRIMARY KEY (dag_id, run_id, task_id, map_index, try_number),
    CONSTRAINT task_run_has_an_end CHECK ((state = 'running') = (ended_at IS NULL))
);
COMMENT ON TABLE hedgehog.task_run IS 'One row for each try of a task of ours: up_for_retry is a failure that Airflow tries again, failed is final';
COMMENT ON COLUMN hedgehog.task_run.error IS 'The first 1,000 characters of the failure, with the secrets masked that Airflow knows';
CREATE INDEX task_run_ended ON hedgehog.task_run (ended_at);
CREATE INDEX task_run_running ON hedgehog.task_run (started_at) WHERE state = 'running';
CREATE INDEX task_run_finals ON hedgehog.task_run (dag_id, task_id, ended_at DESC) WHERE state IN ('success', 'failed');

CREATE TABLE hedgehog.task_count (
    dag_id  text NOT NULL,
    state   text NOT NULL,
    count   bigint NOT NULL,
    seconds double precision NOT NULL,
    PRIMARY KEY (dag_id, state)
);
COMMENT ON TABLE hedgehog.task_count IS 'Tries that ended and how long they took, since the beginning: never falls, so rates can be taken of it';

CREATE FUNCTION hedgehog.task_run_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO hedgehog.task_count AS c (dag_id, state, count, seconds) VALUES (NEW.dag_id, NEW.state, 1, NEW.duration)
    ON CONFLICT (dag_id, state) DO UPDATE SET count = c.count + 1, seconds = c.seconds + excluded.seconds;
    RETURN NULL;
END $$;

CREATE TRIGGER task_run_inserted AFTER INSERT ON hedgehog.task_run
    FOR EACH ROW WHEN (NEW.state <> 'running') EXECUTE FUNCTION hedgehog.task_run_ended();
CREATE TRIGGER task_run_updated AFTER UPDATE ON hedgehog.task_run
    FOR EACH ROW WHEN (NEW.state <> 'running' AND OLD.state = 'running') EXECUTE FUNCTION hedgehog.task_run_ended();

CREATE TABLE hedgehog.metric_sample (
    at      timestamptz NOT NULL DEFAULT now(),
    host    text NOT NULL CHECK (length(host) <= 255),
    samples jsonb NOT NULL CHECK (jsonb_typeof(samples) = 'array'),
    PRIMARY KEY (at, host)
);
COMMENT ON TABLE hedgehog.metric_sample IS 'All figures of a minute and the machine that took them: [{"name", "labels", "value"}]; kept for two days';

CREATE TABLE hedgehog.alert (
    name        text NOT NULL CHECK (length(name) <= 100),
    subject     text NOT NULL CHECK (length(subject) <= 1000),
    message     text NOT NULL CHECK (length(message) <= 2000),
    since       timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    notified_at timestamptz,
    PRIMARY KEY (name, subject)
);
COMMENT ON TABLE hedgehog.alert IS 'What is wrong now, and when somebody was last told; a row goes when it is over and, if anybody was told of it, its end was told too';
