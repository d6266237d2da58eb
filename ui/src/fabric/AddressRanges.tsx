import { Box, chakra, Heading, Table } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { addressRanges } from "@/api/queries";
import type { AddressRange } from "@/api/types";
import { Read } from "@/shared/states";

const NAMES: Record<string, string> = {
  management: "Management addresses",
  dummy: "Dummy addresses",
  protocol: "Protocol addresses",
  vtep: "VTEP addresses",
  links: "Addresses of links",
  "leaf-asn": "ASNs of leaves",
};

/** The ranges from which addresses and ASNs are assigned: what is used, what is free, and by whom. */
export function AddressRanges({ fabric }: { fabric: string }) {
  const query = useQuery(addressRanges(fabric));
  return (
    <Box as="section" aria-label="Addresses and ASNs">
      <Heading as="h2" size="sm" mb={2}>
        Addresses and ASNs
      </Heading>
      <Read query={query} what="the addresses">
        {(ranges) => (
          <Box overflowX="auto" tabIndex={0} role="region" aria-label="Ranges">
            <Table.Root size="sm" variant="outline" minW="560px">
              <Table.Header>
                <Table.Row>
                  <Table.ColumnHeader>Range</Table.ColumnHeader>
                  <Table.ColumnHeader>From, to</Table.ColumnHeader>
                  <Table.ColumnHeader textAlign="end">Used</Table.ColumnHeader>
                  <Table.ColumnHeader textAlign="end">Free</Table.ColumnHeader>
                  <Table.ColumnHeader>Next</Table.ColumnHeader>
                </Table.Row>
              </Table.Header>
              <Table.Body>
                {ranges.map((range) => (
                  <Row key={range.name} range={range} />
                ))}
              </Table.Body>
            </Table.Root>
          </Box>
        )}
      </Read>
    </Box>
  );
}

function Row({ range }: { range: AddressRange }) {
  const name = NAMES[range.name] ?? range.name;
  return (
    <Table.Row verticalAlign="top">
      <Table.Cell>
        {range.uses.length === 0 ? (
          name
        ) : (
          <chakra.details>
            <chakra.summary cursor="pointer">{name}</chakra.summary>
            <chakra.ul listStyleType="none" maxH="320px" overflowY="auto">
              {range.uses.map((use) => (
                <chakra.li key={`${use.value} ${use.object} ${use.field}`}>
                  <chakra.bdi>
                    {use.value} {use.object}
                  </chakra.bdi>
                </chakra.li>
              ))}
            </chakra.ul>
          </chakra.details>
        )}
      </Table.Cell>
      <Table.Cell>{range.span || "none"}</Table.Cell>
      <Table.Cell textAlign="end">{range.used}</Table.Cell>
      <Table.Cell textAlign="end">{range.free}</Table.Cell>
      <Table.Cell>{range.next_free || "nothing is free"}</Table.Cell>
    </Table.Row>
  );
}
