/** What fields are for, in words: kubectl explain shows it. An asset beside the program, not part of it; works without. */

export interface Descriptions {
  /** Of a struct by its full name, or of one of its fields. */
  of(struct: string, field?: string): string | undefined;
}

export const noDescriptions: Descriptions = { of: () => undefined };

/** The asset: struct to field to text; "" is the struct itself. */
export type DescriptionTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

export const descriptionsOf = (table: DescriptionTable): Descriptions => ({
  of: (struct, field = "") => table[struct]?.[field],
});
