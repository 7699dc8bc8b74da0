/** What fields are for, in words: kubectl explain shows it. An asset beside the program; everything works without. */
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";

export interface Descriptions {
  /** Of a struct by its full name, or of one of its fields. */
  of(struct: string, field?: string): string | undefined;
  /** Other texts have another one; "" where there are none. */
  digest(): string;
}

export const noDescriptions: Descriptions = { of: () => undefined, digest: () => "" };

/** The asset: struct to field to text; "" is the struct itself. */
export type DescriptionTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The asset's bytes, unpacked when the first document is made: not on the way to being ready. */
export function packedDescriptions(gzipped: Uint8Array): Descriptions {
  let table: DescriptionTable | undefined;
  return {
    of: (struct, field = "") => {
      table ??= JSON.parse(gunzipSync(gzipped).toString("utf8")) as DescriptionTable;
      return table[struct]?.[field];
    },
    digest: () => createHash("sha256").update(gzipped).digest("hex"),
  };
}
