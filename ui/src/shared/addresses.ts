/** Addresses: of our pages, of Airflow's, and which ones from outside may be opened at all. */
export const ROOT = "/plugin/hedgehog";

const part = encodeURIComponent;

export const addresses = {
  fleet: ROOT,
  fabric: (name: string, tab?: string) => `${ROOT}/fabrics/${part(name)}${tab ? `/${part(tab)}` : ""}`,
  object: (fabric: string, kind: string, namespace: string, name: string) =>
    `${ROOT}/fabrics/${part(fabric)}/objects/${part(kind)}/${part(namespace)}/${part(name)}`,
  proposals: `${ROOT}/proposals`,
  proposal: (id: number) => `${ROOT}/proposals/${id}`,
  rollouts: `${ROOT}/rollouts`,
  rollout: (number: number) => `${ROOT}/rollouts/${number}`,
  newRollout: `${ROOT}/rollouts/new`,
  rule: (id: string) => `${ROOT}/rules/${part(id)}`,
  run: (dag: string, run: string) => `/dags/${part(dag)}/runs/${part(run)}`,
  dag: (dag: string) => `/dags/${part(dag)}`,
};

export interface Ref {
  kind: string;
  namespace: string;
  name: string;
}

/** `VPC/default/vpc-1` in parts; null for anything else, such as a path in Git. */
export function parseRef(ref: string): Ref | null {
  const [kind, namespace, name, ...more] = ref.split("/");
  if (!kind || !namespace || !name || more.length > 0 || !/^[A-Z][A-Za-z0-9]*$/.test(kind)) return null;
  return { kind, namespace, name };
}

/** The page of an object named by `Kind/namespace/name`; null for anything else. */
export function objectAddress(fabric: string, ref: string): string | null {
  const parts = parseRef(ref);
  return parts && addresses.object(fabric, parts.kind, parts.namespace, parts.name);
}

/** The address when it is a web page, else null: what came out of a manifest or a Git host is never run. */
export function safeUrl(url: string | null | undefined): string | null {
  if (!url) return null;
  try {
    const parsed = new URL(url);
    return parsed.protocol === "https:" || parsed.protocol === "http:" ? parsed.href : null;
  } catch {
    return null; // not an address
  }
}
