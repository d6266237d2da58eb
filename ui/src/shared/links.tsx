import { ExternalLink } from "lucide-react";
import type { ReactNode } from "react";
import { Link as RouterLink } from "react-router-dom";
import { addresses, objectAddress, safeUrl } from "./addresses";

interface InsideProps {
  to: string;
  title?: string;
  "aria-label"?: string;
  /** In the colour of text that is less important: the way back, for example. */
  quiet?: boolean;
  children: ReactNode;
}

/** A link to a page of ours or of Airflow's. */
export function Inside({ quiet, ...link }: InsideProps) {
  return <RouterLink className="hedgehog-link" data-quiet={quiet ? "" : undefined} {...link} />;
}

/** A link to a Git host; plain text when its address is not a web page. */
export function Outside({ url, children }: { url: string | null | undefined; children: ReactNode }) {
  const href = safeUrl(url);
  if (!href) return <>{children}</>;
  return (
    <a className="hedgehog-link" href={href} target="_blank" rel="noopener noreferrer">
      {children}
      <ExternalLink size={12} aria-label="(opens the Git host)" />
    </a>
  );
}

/** A name that somebody else chose: it cannot turn the text around it. */
export function Name({ children }: { children: string }) {
  return <bdi style={{ overflowWrap: "anywhere" }}>{children}</bdi>;
}

export function FabricLink({ name, tab }: { name: string; tab?: string }) {
  return (
    <Inside to={addresses.fabric(name, tab)}>
      <Name>{name}</Name>
    </Inside>
  );
}

/** An object as a link to its page; a path of a file as text. */
export function Subject({ fabric, subject }: { fabric: string; subject: string }) {
  const to = objectAddress(fabric, subject);
  if (!to) return <Name>{subject}</Name>;
  return (
    <Inside to={to}>
      <Name>{subject}</Name>
    </Inside>
  );
}

interface RunProps {
  dag: string | null | undefined;
  run: string | null | undefined;
}

export function RunLink({ dag, run }: RunProps) {
  if (!run) return <span className="hedgehog-muted">–</span>;
  if (!dag) return <Name>{run}</Name>;
  return (
    <Inside to={addresses.run(dag, run)} title={`${dag} · ${run}`}>
      {dag.replace(/^hedgehog_/, "")}
    </Inside>
  );
}
