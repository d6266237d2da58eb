-- Which objects of all fabrics use a VLAN, a subnet, a server, a community? The words of each object are indexed: its
-- name, every text and number below spec, of `server-1/enp1` also `server-1`, and the names that VPC and gateway peerings
-- have as keys. hedgehog.fabric.search finds the same words; a test compares the two.
CREATE FUNCTION hedgehog.words_of(manifest jsonb) RETURNS text[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN ARRAY(
        SELECT left(words.word, 200)
        FROM (
            SELECT value #>> '{}' AS word
            FROM jsonb_path_query(manifest, 'strict $.spec.** ? (@.type() == "string" || @.type() == "number")', '{}', true) value
            UNION ALL SELECT key #>> '{}'
            FROM jsonb_path_query(manifest, 'strict $.spec.permit[*] ? (@.type() == "object").keyvalue().key', '{}', true) key
            UNION ALL SELECT key #>> '{}'
            FROM jsonb_path_query(manifest, 'strict $.spec.peering ? (@.type() == "object").keyvalue().key', '{}', true) key
            UNION ALL SELECT manifest #>> '{metadata,name}'
        ) AS whole
        CROSS JOIN LATERAL (VALUES (whole.word), (CASE WHEN strpos(whole.word, '/') > 0 THEN split_part(whole.word, '/', 1) END)) AS words (word)
        WHERE words.word IS NOT NULL
    );
END $$;
COMMENT ON FUNCTION hedgehog.words_of IS 'What an object can be found by; see the index fabric_object_words';

CREATE INDEX fabric_object_words ON hedgehog.fabric_object USING gin (hedgehog.words_of(manifest));
