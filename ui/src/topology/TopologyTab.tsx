import { Box, Flex, HStack, Stack, Text } from "@chakra-ui/react";
import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { path as pathQuery, topology as topologyQuery } from "@/api/queries";
import type { Topology } from "@/api/types";
import { Chips } from "@/shared/Filters";
import { type Change, useParams } from "@/shared/params";
import { Nothing, Read } from "@/shared/states";
import { counted } from "@/shared/words";
import { Canvas } from "./Canvas";
import { Details } from "./Details";
import { DeviceList } from "./DeviceList";
import { type Highlight, NOTHING, ofLink, ofNode, ofVpc, ofWays } from "./highlight";
import { layout } from "./layout";
import { LEGEND } from "./looks";
import { Find, PathFields, VpcField } from "./PathFields";
import { Ways } from "./Ways";

/** The network of a fabric. `?node=`, `?link=`, `?vpc=`, or `?from=&to=` say what stands out. */
export function TopologyTab({ fabric }: { fabric: string }) {
  const query = useQuery(topologyQuery(fabric));
  return (
    <Read query={query} what="the topology">
      {(topology) =>
        topology.nodes.length === 0 ? (
          <Nothing title="This fabric has no switches">Import its wiring: switches, servers and connections.</Nothing>
        ) : (
          <Network topology={topology} />
        )
      }
    </Read>
  );
}

function Network({ topology }: { topology: Topology }) {
  const [params, change] = useParams();
  const chosen = {
    node: params.get("node"),
    link: params.get("link"),
    vpc: params.get("vpc"),
    from: params.get("from"),
    to: params.get("to"),
  };
  const isList = params.get("view") === "list";
  const ways = useQuery({
    ...pathQuery(topology.fabric, chosen.from ?? "", chosen.to ?? ""),
    enabled: Boolean(chosen.from && chosen.to),
  });
  const picture = useMemo(() => layout(topology), [topology]);
  const { node, link, vpc } = chosen;
  const found = chosen.from && chosen.to ? ways.data : undefined;
  const highlight = useMemo<Highlight>(() => {
    if (found) return ofWays(topology, found);
    if (node) return ofNode(topology, node);
    if (link) return ofLink(topology, link);
    return vpc ? ofVpc(topology, vpc) : NOTHING;
  }, [topology, found, node, link, vpc]);
  const choose = useCallback(
    (what: { node?: string | null; link?: string | null }) =>
      change({ node: null, link: null, vpc: null, from: null, to: null, ...what }),
    [change],
  );
  const onNode = useCallback((id: string) => choose({ node: id }), [choose]);
  const onLink = useCallback((id: string | null) => choose({ link: id }), [choose]);
  const summary = `${counted(topology.nodes.length, "device")}, ${counted(topology.links.length, "link")}`;

  return (
    <Stack gap={3}>
      <Controls topology={topology} chosen={chosen} isList={isList} onNode={onNode} change={change} />
      {chosen.from && chosen.to && (
        <Read query={ways} what="the way" rows={2}>
          {(answer) => <Ways fabric={topology.fabric} answer={answer} />}
        </Read>
      )}
      {isList ? (
        <DeviceList topology={topology} />
      ) : (
        <Flex gap={3} align="start" wrap={{ base: "wrap", lg: "nowrap" }}>
          <Box flex="1" minW={0}>
            <Canvas
              label={`Network of ${topology.fabric}: ${summary}. The list view has the same as a table.`}
              picture={picture}
              highlight={highlight}
              focus={node}
              onNode={onNode}
              onLink={onLink}
            />
            <Legend summary={summary} />
          </Box>
          {(node || link) && <Details topology={topology} node={node} link={link} choose={choose} />}
        </Flex>
      )}
    </Stack>
  );
}

interface ControlsProps {
  topology: Topology;
  chosen: { from: string | null; to: string | null; vpc: string | null };
  isList: boolean;
  onNode: (id: string) => void;
  change: (change: Change) => void;
}

function Controls({ topology, chosen, isList, onNode, change }: ControlsProps) {
  return (
    <HStack gap={4} wrap="wrap">
      <Find topology={topology} choose={onNode} />
      <PathFields topology={topology} from={chosen.from} to={chosen.to} change={change} />
      <VpcField topology={topology} value={chosen.vpc} change={change} />
      <Chips
        label="View"
        options={[{ value: "list", word: "As a list" }]}
        chosen={isList ? ["list"] : []}
        change={(next) => change({ view: next.length > 0 ? "list" : null })}
      />
    </HStack>
  );
}

function Legend({ summary }: { summary: string }) {
  return (
    <HStack gap={4} mt={1} fontSize="xs" color="fg.muted" wrap="wrap">
      <Text>{summary}</Text>
      {LEGEND.map(({ look, word, color }) => (
        <HStack key={look} gap={1}>
          <Box
            w="12px"
            h="12px"
            borderRadius="sm"
            borderWidth="2px"
            borderColor={color}
            borderStyle={look === "unknown" ? "dashed" : "solid"}
          />
          {word}
        </HStack>
      ))}
    </HStack>
  );
}
