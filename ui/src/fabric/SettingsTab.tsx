import { Box, chakra, Heading, Stack, Table, Text } from "@chakra-ui/react";
import type { ReactNode } from "react";
import type { Fabric } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { CopyButton } from "@/shared/CopyButton";
import { leaves } from "@/shared/fields";
import { Inside, Outside } from "@/shared/links";
import { Time } from "@/shared/Time";
import { shownValue } from "@/shared/words";
import { toYaml } from "@/shared/yaml";
import { AddressRanges } from "./AddressRanges";

/** How the fabric is set up. It is changed where it is kept: with `hedgehog fabric import`. */
export function SettingsTab({ fabric }: { fabric: Fabric }) {
  const { repository } = fabric;
  return (
    <Stack gap={5}>
      <Rows title="Where it is kept">
        <Row name="Source of truth">{fabric.source_of_truth === "git" ? "Git" : "The database"}</Row>
        <Row name="Generation">
          {fabric.generation}, changed <Time at={fabric.changed_at} full />
        </Row>
        <Row name="Repository">
          {repository ? (
            <Inside to={`${addresses.fleet}?repository=${encodeURIComponent(repository.name)}`}>
              {repository.name}
            </Inside>
          ) : (
            "none"
          )}
        </Row>
        {repository && (
          <Row name="Directory">
            <Outside url={repository.web_url}>
              {repository.directory} on {repository.branch}
            </Outside>
          </Row>
        )}
        {repository && <Row name="Address">{repository.url}</Row>}
        <Row name="Cluster connection">
          {fabric.cluster_connection ? (
            <Inside to={`${addresses.fleet}?cluster=${encodeURIComponent(fabric.cluster_connection)}`}>
              {fabric.cluster_connection}
            </Inside>
          ) : (
            "none"
          )}
        </Row>
        <Row name="Namespace">{fabric.cluster_namespace}</Row>
      </Rows>
      <Rows title="Settings" aside={<CopyButton text={toYaml(fabric.settings)} what="the settings as YAML" />}>
        {[...leaves(fabric.settings)].map(([path, value]) => (
          <Row key={path} name={path.slice(1)}>
            <chakra.bdi>{shownValue(value)}</chakra.bdi>
          </Row>
        ))}
      </Rows>
      <AddressRanges fabric={fabric.name} />
      <Text color="fg.muted" fontSize="sm">
        To change a setting, change the Fabric document and import it: hedgehog fabric import {fabric.name}.yaml
      </Text>
    </Stack>
  );
}

function Rows({ title, aside, children }: { title: string; aside?: ReactNode; children: ReactNode }) {
  return (
    <Box as="section" aria-label={title}>
      <Heading as="h2" size="sm" mb={2}>
        {title} {aside}
      </Heading>
      <Table.Root size="sm" variant="outline">
        <Table.Body>{children}</Table.Body>
      </Table.Root>
    </Box>
  );
}

function Row({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Table.Row>
      <Table.Cell asChild w="280px" fontWeight="normal" color="fg.muted">
        <th scope="row">{name}</th>
      </Table.Cell>
      <Table.Cell overflowWrap="anywhere">{children}</Table.Cell>
    </Table.Row>
  );
}
