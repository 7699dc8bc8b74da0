/** The X.509 extensions that matter here, written and read. RFC 5280, section 4.2. */
import {
  bits,
  boolean,
  children,
  context,
  octets,
  oid,
  readAll,
  readOid,
  sequence,
  tag,
  write,
  type DerNode,
} from "./der.ts";
import type { KeyUsages } from "./key-usages.ts";
import { ipFromBytes, ipToBytes } from "./ip-bytes.ts";

export type Usage = "client" | "server" | "both" | KeyUsages;

const ids = {
  subjectKeyId: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyId: "2.5.29.35",
  extendedKeyUsage: "2.5.29.37",
} as const;

export const purpose = {
  any: "2.5.29.37.0",
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
} as const;

const extension = (id: string, critical: boolean, value: Uint8Array): Buffer =>
  critical ? sequence(oid(id), boolean(true), octets(value)) : sequence(oid(id), octets(value));

/** Key usage bits, most significant first: digitalSignature, keyEncipherment (2), keyCertSign (5), cRLSign (6). */
const caKeyUsage = bits(Buffer.of(0b1000_0110), 1);
const leafKeyUsage = bits(Buffer.of(0b1010_0000), 5);

export function caExtensions(subjectKeyId: Buffer): Buffer[] {
  return [
    extension(ids.keyUsage, true, caKeyUsage),
    extension(ids.basicConstraints, true, sequence(boolean(true))),
    extension(ids.subjectKeyId, false, octets(subjectKeyId)),
  ];
}

export interface LeafExtensions {
  readonly usage: Usage;
  readonly authorityKeyId: Buffer;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
}

export function leafExtensions({ usage, authorityKeyId, dnsNames, ipAddresses }: LeafExtensions): Buffer[] {
  const { keyUsage, purposes } = typeof usage === "string" ? usual(usage) : usage;
  const names = altNames(dnsNames, ipAddresses);
  return [
    ...(keyUsage === undefined ? [] : [extension(ids.keyUsage, true, keyUsage)]),
    ...(purposes.length === 0
      ? []
      : [extension(ids.extendedKeyUsage, false, sequence(...purposes.map(oid)))]),
    extension(ids.basicConstraints, true, sequence()),
    extension(ids.authorityKeyId, false, sequence(write(context(0, false), authorityKeyId))),
    ...(names === undefined ? [] : [names]),
  ];
}

const usual = (usage: "client" | "server" | "both"): KeyUsages => ({
  keyUsage: leafKeyUsage,
  purposes: usage === "both" ? [purpose.client, purpose.server] : [purpose[usage]],
});

/** The subjectAltName extension, or undefined when there is nothing to name. */
export function altNames(dnsNames: readonly string[], ipAddresses: readonly string[]): Buffer | undefined {
  if (dnsNames.length + ipAddresses.length === 0) return undefined;
  return extension(
    ids.subjectAltName,
    false,
    sequence(
      ...dnsNames.map((name) => write(context(2, false), Buffer.from(name, "latin1"))),
      ...ipAddresses.map((address) => write(context(7, false), ipToBytes(address))),
    ),
  );
}

export interface ReadExtensions {
  readonly isCa: boolean;
  /** Undefined: no such extension, any purpose is fine. */
  readonly purposes: readonly string[] | undefined;
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  /** Critical extensions that nobody here understands: such a certificate must be refused. */
  readonly unknownCritical: readonly string[];
}

/** From the children of an `Extensions` value. */
export function readExtensions(nodes: readonly DerNode[]): ReadExtensions {
  let isCa = false;
  let purposes: readonly string[] | undefined;
  let names: AltNames = { dnsNames: [], ipAddresses: [], emailAddresses: [], uris: [] };
  const unknownCritical: string[] = [];
  for (const node of nodes) {
    const parts = children(node, tag.sequence);
    const id = readOid(parts[0]);
    const critical = parts[1]?.tag === tag.boolean && parts[1].content[0] !== 0;
    const value = readAll(parts.at(-1)?.content ?? Buffer.alloc(0))[0];
    if (id === ids.basicConstraints) {
      const [first] = children(value, tag.sequence);
      isCa = first?.tag === tag.boolean && first.content[0] !== 0;
    } else if (id === ids.extendedKeyUsage) {
      purposes = children(value, tag.sequence).map(readOid);
    } else if (id === ids.subjectAltName) {
      names = readAltNames(children(value, tag.sequence));
    } else if (critical && id !== ids.keyUsage) {
      unknownCritical.push(id);
    }
  }
  return { isCa, purposes, ...names, unknownCritical };
}

type AltNames = Pick<ReadExtensions, "dnsNames" | "ipAddresses" | "emailAddresses" | "uris">;

function readAltNames(nodes: readonly DerNode[]): AltNames {
  const texts = (n: number): string[] =>
    nodes.filter((node) => node.tag === context(n, false)).map((node) => node.content.toString("latin1"));
  return {
    emailAddresses: texts(1),
    dnsNames: texts(2),
    uris: texts(6),
    ipAddresses: nodes
      .filter((node) => node.tag === context(7, false))
      .map((node) => ipFromBytes(node.content)),
  };
}
