-- What a fabric's admission rules depend on beside its objects (hedgehog.fabric.settings.FabricSettings): only what
-- differs from upstream's defaults. The row trigger of the fabric raises the generation when it changes.

ALTER TABLE hedgehog.fabric
    ADD COLUMN settings jsonb NOT NULL DEFAULT '{}',
    ADD CONSTRAINT fabric_settings_check CHECK (jsonb_typeof(settings) = 'object');
COMMENT ON COLUMN hedgehog.fabric.settings IS 'VLAN and subnet ranges, ASNs, gateway support, release of upstream: what validation depends on';
