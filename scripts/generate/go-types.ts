/**
 * Reads the struct types a Go program carries for reflection: names, field order, pointers and field tags.
 * That is where the API's own facts (JSON name, protobuf number, omitempty, merge keys) are written down.
 * Knows 64-bit little-endian ELF files of Go 1.24 and 1.25, not position independent.
 */
import { assert } from "#base/assert.ts";

export interface GoField {
  readonly name: string;
  readonly tag: string;
  readonly embedded: boolean;
  readonly type: GoType;
}

export interface GoType {
  readonly kind:
    | "bool"
    | "int"
    | "int8"
    | "int16"
    | "int32"
    | "int64"
    | "uint"
    | "uint8"
    | "uint16"
    | "uint32"
    | "uint64"
    | "float32"
    | "float64"
    | "string"
    | "interface"
    | "map"
    | "pointer"
    | "slice"
    | "struct"
    | "other";
  /** "v1.Pod"; empty for types without a name. */
  readonly name: string;
  /** "k8s.io/api/core/v1" */
  readonly pkg: string;
  readonly elem: GoType | undefined;
  readonly key: GoType | undefined;
  readonly fields: readonly GoField[];
}

type Kind = GoType["kind"];

/** By reflect.Kind's numbers. */
const kinds: Readonly<Record<number, Kind>> = {
  1: "bool",
  2: "int",
  3: "int8",
  4: "int16",
  5: "int32",
  6: "int64",
  7: "uint",
  8: "uint8",
  9: "uint16",
  10: "uint32",
  11: "uint64",
  13: "float32",
  14: "float64",
  20: "interface",
  21: "map",
  22: "pointer",
  23: "slice",
  24: "string",
  25: "struct",
};

const kindMask = 0x1f;
const tflagUncommon = 1;
const tflagExtraStar = 2;
const tflagNamed = 4;
const nameHasTag = 2;
const nameEmbedded = 8;
/** Sizes of abi.Type and its kinds. */
const sizeType = 48;
const sizeByKind: Partial<Record<Kind, number>> = {
  pointer: 56,
  slice: 56,
  struct: 80,
  interface: 80,
  map: 104,
};

interface Section {
  readonly name: string;
  readonly address: number;
  readonly offset: number;
  readonly size: number;
}

function sectionsOf(image: Buffer): Section[] {
  assert(image.readUInt32BE(0) === 0x7f454c46 && image[4] === 2 && image[5] === 1, "not a 64-bit ELF file");
  const table = Number(image.readBigUInt64LE(40));
  const count = image.readUInt16LE(60);
  const names = image.readUInt16LE(62);
  const at = (index: number): number => table + index * 64;
  const namesAt = Number(image.readBigUInt64LE(at(names) + 24));
  return Array.from({ length: count }, (_, index) => {
    const nameAt = namesAt + image.readUInt32LE(at(index));
    return {
      name: image.toString("latin1", nameAt, image.indexOf(0, nameAt)),
      address: Number(image.readBigUInt64LE(at(index) + 16)),
      offset: Number(image.readBigUInt64LE(at(index) + 24)),
      size: Number(image.readBigUInt64LE(at(index) + 32)),
    };
  });
}

/** A type under construction: filled in after it is entered in the table, so that types may hold themselves. */
interface Draft {
  kind: Kind;
  name: string;
  pkg: string;
  elem: GoType | undefined;
  key: GoType | undefined;
  fields: GoField[];
}

class TypeReader {
  readonly #image: Buffer;
  readonly #rodata: Section;
  readonly #types = new Map<number, Draft>();

  constructor(image: Buffer, rodata: Section) {
    this.#image = image;
    this.#rodata = rodata;
  }

  #offset(address: number): number {
    const offset = address - this.#rodata.address + this.#rodata.offset;
    assert(
      offset >= this.#rodata.offset && offset < this.#rodata.offset + this.#rodata.size,
      "outside of .rodata",
    );
    return offset;
  }

  #pointer(at: number): number {
    return Number(this.#image.readBigUInt64LE(at));
  }

  #name(at: number): { text: string; tag: string; flags: number } {
    const flags = this.#image[at] ?? 0;
    let next = at + 1;
    const read = (): string => {
      let length = 0;
      let shift = 0;
      for (let more = true; more; shift += 7) {
        const byte = this.#image[next++] ?? 0;
        length |= (byte & 0x7f) << shift;
        more = byte >= 0x80;
      }
      next += length;
      return this.#image.toString("utf8", next - length, next);
    };
    const text = read();
    return { text, tag: (flags & nameHasTag) === 0 ? "" : read(), flags };
  }

  /** Offsets in type data count from the start of .rodata. */
  #nameAt(offset: number): string {
    return this.#name(this.#rodata.offset + offset).text;
  }

  typeAt(address: number): GoType {
    const known = this.#types.get(address);
    if (known !== undefined) return known;
    const at = this.#offset(address);
    const tflag = this.#image[at + 20] ?? 0;
    const draft: Draft = {
      kind: kinds[(this.#image[at + 23] ?? 0) & kindMask] ?? "other",
      name: "",
      pkg: "",
      elem: undefined,
      key: undefined,
      fields: [],
    };
    this.#types.set(address, draft);
    if ((tflag & tflagNamed) !== 0) {
      const text = this.#nameAt(this.#image.readInt32LE(at + 40));
      draft.name = (tflag & tflagExtraStar) === 0 ? text : text.slice(1);
      draft.pkg = this.#packageOf(at, draft.kind, tflag);
    }
    this.#fill(draft, at);
    return draft;
  }

  #packageOf(at: number, kind: Kind, tflag: number): string {
    if ((tflag & tflagUncommon) === 0) return "";
    return this.#nameAt(this.#image.readInt32LE(at + (sizeByKind[kind] ?? sizeType)));
  }

  #fill(draft: Draft, at: number): void {
    if (draft.kind === "pointer" || draft.kind === "slice") {
      draft.elem = this.typeAt(this.#pointer(at + sizeType));
    } else if (draft.kind === "map") {
      draft.key = this.typeAt(this.#pointer(at + sizeType));
      draft.elem = this.typeAt(this.#pointer(at + sizeType + 8));
    } else if (draft.kind === "struct") {
      const count = this.#pointer(at + sizeType + 16);
      if (count === 0) return;
      const table = this.#offset(this.#pointer(at + sizeType + 8));
      for (let index = 0; index < count; index++) {
        const field = table + index * 24;
        const { text, tag, flags } = this.#name(this.#offset(this.#pointer(field)));
        const type = this.typeAt(this.#pointer(field + 8));
        draft.fields.push({ name: text, tag, embedded: (flags & nameEmbedded) !== 0, type });
      }
    }
  }
}

/** Every named struct of the program whose package is asked for, by "package.Name". */
export function goStructs(image: Buffer, wanted: (pkg: string) => boolean): Map<string, GoType> {
  const sections = sectionsOf(image);
  const section = (name: string): Section => {
    const found = sections.find((each) => each.name === name);
    assert(found !== undefined, `no section ${name}`);
    return found;
  };
  const rodata = section(".rodata");
  const links = section(".typelink");
  const reader = new TypeReader(image, rodata);
  const found = new Map<string, GoType>();
  for (let at = links.offset; at < links.offset + links.size; at += 4) {
    let type = reader.typeAt(rodata.address + image.readInt32LE(at));
    while (type.name === "" && type.elem !== undefined) type = type.elem;
    if (type.kind === "struct" && type.name !== "" && wanted(type.pkg)) {
      found.set(`${type.pkg}.${type.name.slice(type.name.indexOf(".") + 1)}`, type);
    }
  }
  return found;
}
