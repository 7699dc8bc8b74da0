/** One object and those who write it: what the tables of server-side apply are played in. */
import type { AnyObject } from "../../../meta/object.ts";
import { StatusError } from "../../../meta/status.ts";
import { FieldManager } from "../field-manager.ts";
import type { FieldTree } from "../field-tree.ts";
import { leaf } from "../field-tree.ts";
import { ManagersReader } from "../managers-reader.ts";
import type { IgnoredFields, KindVersions } from "../object-state.ts";
import { fieldOf, listOf, mapOf, scalarType, structOf, type ApplyType } from "../schema.ts";

export interface WorldOptions {
  readonly type: ApplyType;
  readonly ignored?: IgnoredFields;
  readonly versions?: KindVersions;
}

export type Content = Readonly<Record<string, unknown>>;

export class ApplyWorld {
  live: AnyObject | undefined;
  readonly #options: WorldOptions;
  readonly #reader = new ManagersReader();

  constructor(options: WorldOptions) {
    this.#options = options;
  }

  /** Replaces the object's content. `who` is "name" or "name@version". */
  update(who: string, content: Content): void {
    const [manager = "", version = "v1"] = who.split("@");
    const object = this.#object(version, content, this.live?.metadata);
    this.#managerOf(version).update(this.#inVersion(version), object, { manager, now: this.#now() });
    object.metadata = { ...object.metadata, uid: "u" };
    this.live = object;
  }

  /** Throws StatusError. */
  apply(who: string, content: Content, force = false): void {
    const [manager = "", version = "v1"] = who.split("@");
    const stamp = { manager, now: this.#now(), force };
    const config = this.#object(version, content, undefined);
    const object = this.#managerOf(version).apply(this.#inVersion(version), config, stamp);
    object.metadata = { ...object.metadata, uid: "u" };
    this.live = object;
  }

  /** The message of the refusal. */
  refused(who: string, content: Content): string {
    try {
      this.apply(who, content);
    } catch (error) {
      if (error instanceof StatusError) return error.message;
      throw error;
    }
    throw new Error(`${who} was not refused`);
  }

  get content(): Content {
    const { kind: _kind, apiVersion: _apiVersion, metadata: _metadata, ...content } = this.live ?? {};
    return content;
  }

  /** "name Apply" to its fields; with the version where it isn't v1. */
  get managers(): Record<string, FieldTree> {
    const entries = this.live?.metadata?.managedFields ?? [];
    return Object.fromEntries(
      entries.map(({ manager = "", operation = "", apiVersion = "", fieldsV1 }) => [
        `${manager}${apiVersion === "v1" ? "" : `@${apiVersion}`} ${operation}`,
        fieldsV1 as FieldTree,
      ]),
    );
  }

  #ticks = 0;
  #now(): string {
    this.#ticks++;
    return `2026-01-01T00:00:${String(this.#ticks).padStart(2, "0")}Z`;
  }

  #object(apiVersion: string, content: Content, metadata: AnyObject["metadata"]): AnyObject {
    return { kind: "Thing", apiVersion, metadata: { name: "t", ...metadata }, ...content };
  }

  get #versions(): KindVersions {
    const { type, versions } = this.#options;
    return (
      versions ?? {
        typeOf: (apiVersion) => (apiVersion === "v1" ? type : undefined),
        convert: (object) => object,
      }
    );
  }

  #inVersion(version: string): AnyObject | undefined {
    const { live } = this;
    if (live?.apiVersion === undefined || live.apiVersion === version) return live;
    return this.#versions.convert(live, live.apiVersion, version);
  }

  #managerOf(version: string): FieldManager {
    return new FieldManager(
      {
        gvk: { group: "", version, kind: "Thing" },
        subresource: "",
        ignored: this.#options.ignored ?? { reset: leaf },
        versions: this.#versions,
      },
      this.#reader,
    );
  }
}

const text = scalarType("string");
const metadata = structOf(
  [
    fieldOf("name", () => text),
    fieldOf("uid", () => text),
    fieldOf("labels", () => mapOf(() => text, "granular")),
  ],
  "granular",
);

/** A kind with these fields besides metadata. */
export function kindOf(fields: Readonly<Record<string, ApplyType>>): ApplyType {
  const own = Object.entries(fields).map(([name, type]) => fieldOf(name, () => type));
  return structOf(
    [
      fieldOf("kind", () => text),
      fieldOf("apiVersion", () => text),
      fieldOf("metadata", () => metadata),
      ...own,
    ],
    "granular",
  );
}

/** A list of structs with a name and a value. */
export const namedItems = listOf(
  () =>
    structOf(
      [
        fieldOf("name", () => text),
        fieldOf("value", () => scalarType("numeric")),
        fieldOf("note", () => text),
      ],
      "granular",
    ),
  ["name"],
);

export const textSet = listOf(() => text, "set");
