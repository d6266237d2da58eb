import { Box, Button, CloseButton, Heading, HStack, List, Stack, Text } from "@chakra-ui/react";
import type { Link, Node, Topology } from "@/api/types";
import { Name, Subject } from "@/shared/links";
import { Status } from "@/shared/Status";
import { counted } from "@/shared/words";

interface Props {
  topology: Topology;
  node: string | null;
  link: string | null;
  choose: (what: { node?: string | null; link?: string | null }) => void;
}

/** What is selected in the picture: a device with its links, or a link with its ports. */
export function Details({ topology, node: nodeId, link: linkId, choose }: Props) {
  const node = topology.nodes.find((one) => one.id === nodeId);
  const link = topology.links.find((one) => one.id === linkId);
  return (
    <Stack
      as="aside"
      aria-label="Selected"
      w="300px"
      flexShrink={0}
      borderWidth="1px"
      borderRadius="md"
      p={3}
      gap={2}
      fontSize="sm"
    >
      <HStack justify="space-between">
        <Heading as="h2" size="sm">
          {node?.name ?? link?.type ?? "Not in this fabric"}
        </Heading>
        <CloseButton size="2xs" colorPalette="gray" aria-label="Close details" onClick={() => choose({})} />
      </HStack>
      {node && <Device topology={topology} node={node} choose={choose} />}
      {link && <Cable topology={topology} link={link} choose={choose} />}
    </Stack>
  );
}

type Choose = Props["choose"];

function Device({ topology, node, choose }: { topology: Topology; node: Node; choose: Choose }) {
  const links = topology.links.filter((link) => link.ends.some((end) => end.node === node.id));
  return (
    <>
      <HStack wrap="wrap" gap={1}>
        {node.health && <Status state={node.health} />}
        <Status state={node.state} />
        {node.converged !== null && (
          <Status
            state={node.converged ? "Healthy" : "Progressing"}
            label={node.converged ? "Up to date" : "Applying"}
          />
        )}
      </HStack>
      <Text>
        <Subject fabric={topology.fabric} subject={node.ref} />
      </Text>
      {node.role && <Text color="fg.muted">{node.role}</Text>}
      {node.description && <Text>{node.description}</Text>}
      {node.groups.length > 0 && <Text color="fg.muted">Groups: {node.groups.join(", ")}</Text>}
      <Text fontWeight="medium">{counted(links.length, "link")}</Text>
      <List.Root variant="plain" gap={1} maxH="320px" overflowY="auto">
        {links.map((link) => (
          <List.Item key={link.id}>
            <Ends topology={topology} link={link} from={node.id} choose={choose} />
          </List.Item>
        ))}
      </List.Root>
    </>
  );
}

/** `E1/1 → spine-1 E1/3`, seen from one of the ends. */
function Ends({ topology, link, from, choose }: { topology: Topology; link: Link; from: string; choose: Choose }) {
  const here = link.ends.find((end) => end.node === from);
  const there = link.ends.find((end) => end !== here);
  const name = topology.nodes.find((node) => node.id === there?.node)?.name ?? "?";
  return (
    <Button
      size="2xs"
      variant="ghost"
      colorPalette="gray"
      justifyContent="start"
      w="100%"
      onClick={() => choose({ link: link.id })}
    >
      {here?.port} → {name} {there?.port}
      {link.state !== "in_order" && <Status state={link.state} />}
    </Button>
  );
}

function Cable({ topology, link, choose }: { topology: Topology; link: Link; choose: Choose }) {
  return (
    <>
      <Box alignSelf="start">
        <Status state={link.state} />
      </Box>
      <Text>
        <Subject fabric={topology.fabric} subject={link.connection} />
      </Text>
      <List.Root variant="plain" gap={1}>
        {link.ends.map((end) => (
          <List.Item key={`${end.node} ${end.port}`}>
            <Button size="2xs" variant="outline" colorPalette="gray" onClick={() => choose({ node: end.node })}>
              {topology.nodes.find((node) => node.id === end.node)?.name ?? end.node}
            </Button>{" "}
            <Name>{end.port}</Name>
          </List.Item>
        ))}
      </List.Root>
    </>
  );
}
