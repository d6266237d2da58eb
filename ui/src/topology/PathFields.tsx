import { Button, HStack, Input, NativeSelect } from "@chakra-ui/react";
import { useId, useState } from "react";
import type { Topology } from "@/api/types";
import type { Change } from "@/shared/params";

/** More suggestions than this help nobody. */
const MOST = 300;

interface PickProps {
  label: string;
  names: readonly string[];
  value: string;
  change: (name: string) => void;
}

/** A name, with the known ones as suggestions. */
function Pick({ label, names, value, change }: PickProps) {
  const id = useId();
  const shown = names.filter((name) => name.includes(value)).slice(0, MOST);
  return (
    <>
      <Input
        size="sm"
        width="170px"
        aria-label={label}
        placeholder={label}
        list={id}
        value={value}
        onChange={(event) => change(event.target.value)}
      />
      <datalist id={id}>
        {shown.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
    </>
  );
}

export function Find({ topology, choose }: { topology: Topology; choose: (id: string) => void }) {
  const [text, setText] = useState("");
  const change = (name: string) => {
    setText(name);
    const node = topology.nodes.find((one) => one.name === name);
    if (node) choose(node.id);
  };
  return <Pick label="Find a device" names={topology.nodes.map((node) => node.name)} value={text} change={change} />;
}

interface PathProps {
  topology: Topology;
  from: string | null;
  to: string | null;
  change: (change: Change) => void;
}

/** Two servers; the way between them is asked for once both exist. */
export function PathFields({ topology, from, to, change }: PathProps) {
  const [ends, setEnds] = useState({ from: from ?? "", to: to ?? "" });
  const servers = topology.nodes.filter((node) => node.layer === "server").map((node) => node.name);
  const edit = (next: typeof ends) => {
    setEnds(next);
    const known = servers.includes(next.from) && servers.includes(next.to);
    change(known ? { ...next, node: null, link: null, vpc: null } : { from: null, to: null });
  };
  return (
    <HStack gap={1} role="group" aria-label="Way between two servers">
      <Pick label="From server" names={servers} value={ends.from} change={(name) => edit({ ...ends, from: name })} />
      <Pick label="To server" names={servers} value={ends.to} change={(name) => edit({ ...ends, to: name })} />
      {(ends.from || ends.to) && (
        <Button size="xs" variant="ghost" colorPalette="gray" onClick={() => edit({ from: "", to: "" })}>
          Clear
        </Button>
      )}
    </HStack>
  );
}

interface VpcProps {
  topology: Topology;
  value: string | null;
  change: (change: Change) => void;
}

export function VpcField({ topology, value, change }: VpcProps) {
  if (topology.vpcs.length === 0) return null;
  return (
    <NativeSelect.Root size="sm" width="170px">
      <NativeSelect.Field
        aria-label="Servers of a VPC"
        value={value ?? ""}
        onChange={(event) => change({ vpc: event.target.value, node: null, link: null, from: null, to: null })}
      >
        <option value="">Servers of a VPC</option>
        {topology.vpcs.map((vpc) => (
          <option key={vpc} value={vpc}>
            {vpc}
          </option>
        ))}
      </NativeSelect.Field>
      <NativeSelect.Indicator />
    </NativeSelect.Root>
  );
}
