/** TypeScript interfaces of the API's structs, a file per group and version. */
import type { AnnotatedField as Field, AnnotatedStruct as Struct } from "./annotate.ts";

const metaPackage = "io.k8s.apimachinery.pkg.apis.meta.v1";
const objectFile = "#api/meta/object.ts";
/** Written by hand, with the rest of what all objects share. */
const handWritten = new Set(["ObjectMeta", "OwnerReference", "ManagedFieldsEntry", "ListMeta"]);

const scalarTypes: Readonly<Record<string, string>> = {
  string: "string",
  bool: "boolean",
  int32: "number",
  int64: "number | bigint",
  double: "number",
  bytes: "string",
  quantity: "string",
  intOrString: "number | string",
  time: "string",
  microTime: "string",
  duration: "string",
  raw: "unknown",
  schemaOrArray: "JSONSchemaProps | JSONSchemaProps[]",
  schemaOrBool: "JSONSchemaProps | boolean",
  schemaOrStrings: "JSONSchemaProps | string[]",
};

const packageOf = (struct: string): string => struct.slice(0, struct.lastIndexOf("."));
const nameOf = (struct: string): string => struct.slice(struct.lastIndexOf(".") + 1);

/** "io.k8s.api.core.v1" is "core-v1". */
const fileOf = (pkg: string): string => pkg.split(".").slice(-2).join("-");

const isList = (struct: Struct): boolean =>
  struct.name.endsWith("List") &&
  struct.fields.some((field) => field.struct === `${metaPackage}.ListMeta`) &&
  struct.fields.some((field) => field.name === "items");

const isKind = (struct: Struct): boolean =>
  struct.fields.some((field) => field.name === "metadata" && field.struct === `${metaPackage}.ObjectMeta`) &&
  struct.fields.some((field) => field.name === "kind");

class File {
  readonly #pkg: string;
  readonly #local: ReadonlySet<string>;
  readonly #imports = new Map<string, Set<string>>();
  readonly #interfaces: string[] = [];

  constructor(pkg: string, local: ReadonlySet<string>) {
    this.#pkg = pkg;
    this.#local = local;
  }

  #import(path: string, name: string, alias: string): string {
    const names = this.#imports.get(path) ?? new Set();
    this.#imports.set(path, names.add(name === alias ? name : `${name} as ${alias}`));
    return alias;
  }

  #reference(struct: string): string {
    const name = nameOf(struct);
    const pkg = packageOf(struct);
    const written = pkg === metaPackage && handWritten.has(name);
    if (pkg === this.#pkg && !written) return name;
    const alias = this.#local.has(name) ? `${fileOf(pkg).split("-").map(capital).join("")}${name}` : name;
    return this.#import(written ? objectFile : `./${fileOf(pkg)}.ts`, name, alias);
  }

  #typeOf(field: Field): string {
    const one =
      field.struct === undefined
        ? (scalarTypes[field.scalar ?? "raw"] ?? "unknown")
        : this.#reference(field.struct);
    const list = /[ |]/.test(one) ? `(${one})[]` : `${one}[]`;
    if (field.shape === "list") return list;
    if (field.shape === "map") return `Record<string, ${field.wrapped ? list : one}>`;
    return one;
  }

  add(struct: Struct): void {
    const kind = isKind(struct);
    const parents = struct.fields
      .filter((field) => field.inline)
      .map((field) => this.#reference(field.struct ?? ""));
    if (kind) parents.unshift(this.#import(objectFile, "KubeObject", "KubeObject"));
    const inherited = new Set(kind ? ["kind", "apiVersion", "metadata"] : []);
    const lines = struct.fields
      .filter((field) => !field.inline && !inherited.has(field.name))
      .map((field) => {
        const name = /^\w+$/.test(field.name) ? field.name : JSON.stringify(field.name);
        const type = this.#typeOf(field);
        if (field.required) return `  ${name}: ${type};`;
        return type === "unknown" ? `  ${name}?: unknown;` : `  ${name}?: ${type} | undefined;`;
      });
    const head =
      parents.length === 0 ? nameOf(struct.name) : `${nameOf(struct.name)} extends ${parents.join(", ")}`;
    if (lines.length === 0 && parents.length > 0) {
      this.#interfaces.push(`export type ${nameOf(struct.name)} = ${parents.join(" & ")};`);
    } else if (lines.length === 0) {
      this.#interfaces.push(`export type ${nameOf(struct.name)} = Record<string, never>;`);
    } else this.#interfaces.push(`export interface ${head} {\n${lines.join("\n")}\n}`);
  }

  text(header: string): string {
    const imports = [...this.#imports]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, names]) => `import type { ${[...names].toSorted().join(", ")} } from "${path}";`);
    return `${[header, ...imports].join("\n")}\n\n${this.#interfaces.join("\n\n")}\n`;
  }
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** File name to text. */
export function typeFiles(structs: Iterable<Struct>, header: string): Map<string, string> {
  const byPackage = Map.groupBy(structs, (struct) => packageOf(struct.name));
  const files = new Map<string, string>();
  for (const [pkg, all] of byPackage) {
    const written = all.filter(
      (struct) => !isList(struct) && !(pkg === metaPackage && handWritten.has(nameOf(struct.name))),
    );
    if (written.length === 0) continue;
    const file = new File(pkg, new Set(written.map((struct) => nameOf(struct.name))));
    for (const struct of written.toSorted((a, b) => (a.name < b.name ? -1 : 1))) file.add(struct);
    files.set(`${fileOf(pkg)}.ts`, file.text(header));
  }
  return files;
}
