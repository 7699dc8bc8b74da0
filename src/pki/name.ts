/** A distinguished name, as far as Kubernetes looks at one: common name and organizations. */
import {
  children,
  oid,
  readAll,
  readOid,
  readText,
  sequence,
  tag,
  utf8,
  write,
  type DerNode,
} from "./der.ts";

export interface Name {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

const commonNameOid = "2.5.4.3";
const organizationOid = "2.5.4.10";

/** All organizations go into one set, as Go writes them; DER wants the members of a set sorted. */
export function writeName(name: Name): Buffer {
  const organizations = name.organizations
    .map((text) => sequence(oid(organizationOid), utf8(text)))
    .toSorted((a, b) => Buffer.compare(a, b));
  const parts = organizations.length === 0 ? [] : [write(tag.set, ...organizations)];
  if (name.commonName !== "") parts.push(write(tag.set, sequence(oid(commonNameOid), utf8(name.commonName))));
  return sequence(...parts);
}

/** The last common name counts, as in Go's pkix.Name. */
export function readName(node: DerNode | undefined): Name {
  let commonName = "";
  const organizations: string[] = [];
  for (const set of children(node, tag.sequence)) {
    for (const attribute of readAll(set.content)) {
      const [type, value] = children(attribute, tag.sequence);
      if (value === undefined) continue;
      const kind = readOid(type);
      if (kind === commonNameOid) commonName = readText(value);
      else if (kind === organizationOid) organizations.push(readText(value));
    }
  }
  return { commonName, organizations };
}
