/** PEM armour. */

export class PemError extends Error {
  override readonly name = "PemError";
  readonly code = "BAD_PEM";
}

export function toPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** Every block with this label, in order; other blocks and text around them are ignored. */
export function allFromPem(label: string, pem: string): Buffer[] {
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`, "g");
  return [...pem.matchAll(pattern)].map(([, body = ""]) => Buffer.from(body, "base64"));
}

export interface PemBlock {
  readonly label: string;
  readonly hasHeaders: boolean;
  readonly der: Buffer;
}

const begin = "-----BEGIN ";
const end = "-----END ";
const dashes = "-----";
const header = /^[^:]+:.*$/;
const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/**
 * Every block, in order; text around them, and what only looks like one, is ignored. As Go's encoding/pem reads them,
 * but in one pass, however many beginnings have no end.
 */
export function pemBlocks(pem: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let open: { readonly label: string; readonly body: string[] } | undefined;
  for (const line of pem.split("\n")) {
    const text = line.trimEnd();
    if (text.startsWith(begin) && text.endsWith(dashes)) {
      open = { label: text.slice(begin.length, -dashes.length), body: [] };
    } else if (text.startsWith(end)) {
      if (open !== undefined && text === `${end}${open.label}${dashes}`) blocks.push(...blockOf(open));
      open = undefined;
    } else open?.body.push(text);
  }
  return blocks;
}

function blockOf({ label, body }: { readonly label: string; readonly body: readonly string[] }): PemBlock[] {
  const first = body.findIndex((line) => !header.test(line));
  const text = body.slice(Math.max(0, first)).join("").replaceAll(/\s/g, "");
  return base64.test(text) ? [{ label, hasHeaders: first > 0, der: Buffer.from(text, "base64") }] : [];
}

export function fromPem(label: string, pem: string): Buffer {
  const [first] = allFromPem(label, pem);
  if (first === undefined) throw new PemError(`no ${label} block`);
  return first;
}
