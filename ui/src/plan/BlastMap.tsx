import { Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { useNavigate } from "react-router-dom";
import { topology as topologyQuery } from "@/api/queries";
import type { BlastRadius, Topology } from "@/api/types";
import { addresses } from "@/shared/addresses";
import { Read } from "@/shared/states";
import { Canvas } from "@/topology/Canvas";
import { layout } from "@/topology/layout";
import { ofBlast } from "./radius";

interface Props {
  fabric: string;
  blast: BlastRadius;
}

/** The network of a fabric, in which what a plan concerns stands out. */
export function BlastMap({ fabric, blast }: Props) {
  const query = useQuery(topologyQuery(fabric));
  return (
    <Read query={query} what="the topology" rows={3}>
      {(topology) => <Drawing topology={topology} blast={blast} />}
    </Read>
  );
}

function Drawing({ topology, blast }: { topology: Topology; blast: BlastRadius }) {
  const navigate = useNavigate();
  const picture = useMemo(() => layout(topology), [topology]);
  const highlight = useMemo(() => ofBlast(topology, blast), [topology, blast]);
  const show = (param: "node" | "link", id: string | null) => {
    if (id) navigate(`${addresses.fabric(topology.fabric, "topology")}?${new URLSearchParams({ [param]: id })}`);
  };
  if (highlight.nodes.size === 0) return <Text color="fg.muted">None of it is drawn in the network.</Text>;
  return (
    <Canvas
      label={`Network of ${topology.fabric}, in which what the plan concerns stands out; its names are listed beside.`}
      picture={picture}
      highlight={highlight}
      focus={null}
      height="420px"
      onNode={(id) => show("node", id)}
      onLink={(id) => show("link", id)}
    />
  );
}
