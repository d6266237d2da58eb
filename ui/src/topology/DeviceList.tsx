import { Text } from "@chakra-ui/react";
import { useMemo } from "react";
import type { Node, Topology } from "@/api/types";
import { type Column, DataTable } from "@/shared/DataTable";
import { Subject } from "@/shared/links";
import { Status } from "@/shared/Status";
import { sentence } from "@/shared/words";

interface Row {
  node: Node;
  links: string[];
}

/** The same as the picture, as a table: for the keyboard, for screen readers, and for searching. */
export function DeviceList({ topology }: { topology: Topology }) {
  const rows = useMemo(() => rowsOf(topology), [topology]);
  const columns = useMemo(() => columnsOf(topology.fabric), [topology.fabric]);
  return (
    <DataTable label={`Devices of ${topology.fabric}`} columns={columns} rows={rows} idOf={(row) => row.node.id} />
  );
}

/** Each device with its links as text: `E1/1 → spine-1 E1/3`. */
function rowsOf(topology: Topology): Row[] {
  const names = new Map(topology.nodes.map((node) => [node.id, node.name]));
  const links = new Map<string, string[]>();
  for (const { ends } of topology.links) {
    const [one, other] = ends;
    if (!one || !other) continue;
    for (const [here, there] of [[one, other] as const, [other, one] as const]) {
      const text = `${here.port} → ${names.get(there.node) ?? there.node} ${there.port}`;
      links.set(here.node, [...(links.get(here.node) ?? []), text]);
    }
  }
  return topology.nodes.map((node) => ({ node, links: links.get(node.id) ?? [] }));
}

function columnsOf(fabric: string): Column<Row>[] {
  return [
    {
      id: "name",
      header: "Device",
      width: 220,
      cell: ({ node }) => <Subject fabric={fabric} subject={node.ref} />,
    },
    { id: "layer", header: "Layer", width: 90, cell: ({ node }) => sentence(node.layer) },
    { id: "role", header: "Role", width: 110, cell: ({ node }) => node.role },
    { id: "health", header: "Health", width: 120, cell: ({ node }) => node.health && <Status state={node.health} /> },
    { id: "state", header: "State", width: 120, cell: ({ node }) => <Status state={node.state} /> },
    {
      id: "links",
      header: "Links",
      width: 420,
      cell: ({ links }) => <Text overflowWrap="anywhere">{links.join("; ")}</Text>,
    },
  ];
}
