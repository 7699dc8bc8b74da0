/** The house's first rule: who may import whom. A room is a folder directly under src/. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, normalize, sep } from "node:path";
import { test } from "node:test";

const foundations = ["base", "wire", "pki", "api", "client"];

/** The whole law. A new arrow is a change to one line here, and needs a reason. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  wire: ["base"],
  pki: ["base"],
  api: ["base", "wire"],
  store: ["base", "wire"],
  client: ["base", "wire", "api"],
  apiserver: [...foundations, "store"],
  controllers: foundations,
  scheduler: foundations,
  kubelet: foundations,
  network: foundations,
  proxy: foundations,
  dns: foundations,
  // A client of the API that reads its past: the commands history, get --at and rewind.
  history: ["base", "api", "client"],
  supervisor: [
    ...foundations,
    "store",
    "apiserver",
    "controllers",
    "scheduler",
    "kubelet",
    "network",
    "proxy",
    "dns",
  ],
  cli: ["supervisor", "history", "client", "api", "base"],
};
/** Imported by tests and e2e only. */
const testing = "testing";

/** Rooms with one door: others import component.ts and options.ts only. */
const components = new Set(["controllers", "scheduler", "kubelet", "network", "proxy", "dns"]);
/** Of the store, the apiserver knows the interface and the errors. */
const storeDoorForApiserver = "store.ts";

const files = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({
    path: join("src", file),
    room: file.split(sep)[0] ?? "",
    text: readFileSync(join("src", file), "utf8"),
  }));

const isTest = (path: string): boolean => /\.(test|suite)\.ts$|[/]testing[/]/.test(path);

function faultOf(file: (typeof files)[number], specifier: string): string | undefined {
  const { path, room } = file;
  if (specifier.startsWith(".")) {
    const target = normalize(join(path, "..", specifier)).split(sep)[1];
    return target === room ? undefined : `${path} leaves its room: ${specifier}`;
  }
  const [, targetRoom, door] = /^#([^/]+)\/(.+)$/.exec(specifier) ?? [];
  if (targetRoom === undefined || door === undefined) return undefined;
  if (targetRoom === room || room === testing || isTest(path)) return undefined;
  return faultOfArrow(path, room, targetRoom, door);
}

function faultOfArrow(path: string, room: string, targetRoom: string, door: string): string | undefined {
  if (mayImport[room]?.includes(targetRoom) !== true) return `${path} imports #${targetRoom}/${door}`;
  if (components.has(targetRoom) && !/^(component|options)\.ts$/.test(door)) {
    return `${path} goes past the door of ${targetRoom}: ${door}`;
  }
  if (room === "apiserver" && targetRoom === "store" && door !== storeDoorForApiserver) {
    return `${path} knows more of the store than its interface: ${door}`;
  }
  return undefined;
}

test("every room is in the table", () => {
  const unknown = new Set(
    files.map((file) => file.room).filter((room) => room !== testing && !(room in mayImport)),
  );
  assert.deepEqual([...unknown], []);
});

test("rooms import only what the table allows", () => {
  const faults = files.flatMap((file) =>
    [...file.text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].flatMap(([, specifier = ""]) => {
      const fault = faultOf(file, specifier);
      return fault === undefined ? [] : [fault];
    }),
  );
  assert.deepEqual(faults, []);
});

test("only src/cli and src/supervisor's workers load code late", () => {
  const faults = files
    .filter(({ path, room }) => room !== "cli" && !isTest(path))
    .filter(({ text }) => /\bawait import\(\s*"#/.test(text))
    .map(({ path }) => path);
  assert.deepEqual(faults, []);
});
