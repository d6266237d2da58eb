-- What the webhook does beyond inserting, as a function, so that its database role needs no right to change deliveries.

CREATE FUNCTION hedgehog.take_up_again(delivery text, body_digest text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, hedgehog AS $$
BEGIN
    UPDATE hedgehog.inbox SET status = 'received', reason = '', attempts = 0, next_attempt_at = now(), finished_at = NULL
    WHERE (delivery_id = delivery OR digest = body_digest) AND status = 'failed';
    RETURN FOUND;
END $$;
COMMENT ON FUNCTION hedgehog.take_up_again IS 'A failed delivery that comes again is worked on again; true if there was one';
REVOKE ALL ON FUNCTION hedgehog.take_up_again FROM PUBLIC;
