-- What the role of the webhook may do: add deliveries, have a failed one taken up again, count refusals, and know which
-- repositories there are (for our own pushes are not worth a look). Not one object of a fabric can be read or changed.
GRANT USAGE ON SCHEMA hedgehog TO hedgehog_webhook;
GRANT SELECT ON hedgehog.migration, hedgehog.git_repository TO hedgehog_webhook;
GRANT INSERT ON hedgehog.inbox TO hedgehog_webhook;
GRANT EXECUTE ON FUNCTION hedgehog.take_up_again TO hedgehog_webhook;
GRANT SELECT, INSERT, UPDATE ON hedgehog.webhook_refusal TO hedgehog_webhook;
