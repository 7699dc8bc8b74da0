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

export function fromPem(label: string, pem: string): Buffer {
  const [first] = allFromPem(label, pem);
  if (first === undefined) throw new PemError(`no ${label} block`);
  return first;
}
