/** From one ruleset to another as one nft transaction. Pure. */
import { tableName, type Ruleset } from "./ruleset.ts";

const table = `ip ${tableName}`;
/** Elements per statement: longer ones make nft's parser slow. */
const elementsMax = 1000;

export const deleteScript = `add table ${table}\ndelete table ${table}\n`;

/** Replaces whatever is there. */
export function fullScript(wanted: Ruleset): string {
  return deleteScript + changeScript(emptyRuleset, wanted);
}

export const emptyRuleset: Ruleset = {
  sets: new Map(),
  maps: new Map(),
  elements: new Map(),
  chains: new Map(),
};

/** Empty when nothing changes. */
export function changeScript(old: Ruleset, wanted: Ruleset): string {
  const lines = [
    ...declarations("set", old.sets, wanted.sets),
    ...declarations("map", old.maps, wanted.maps),
    ...newChains(old, wanted),
    ...chainBodies(old, wanted),
    ...elementChanges(old, wanted),
    ...removals(old, wanted),
  ];
  return lines.length === 0 ? "" : `add table ${table}\n${lines.join("\n")}\n`;
}

function declarations(
  kind: "set" | "map",
  old: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): string[] {
  return [...wanted]
    .filter(([name]) => !old.has(name))
    .map(([name, declaration]) => `add ${kind} ${table} ${name} { ${declaration} }`);
}

const isHook = (line: string | undefined): boolean => line?.startsWith("type ") === true;

/** All chains exist before any rule names one. */
function newChains(old: Ruleset, wanted: Ruleset): string[] {
  return [...wanted.chains]
    .filter(([name]) => !old.chains.has(name))
    .map(([name, [first]]) => `add chain ${table} ${name}${isHook(first) ? ` { ${first} }` : ""}`);
}

function chainBodies(old: Ruleset, wanted: Ruleset): string[] {
  return [...wanted.chains].flatMap(([name, lines]) => {
    const before = old.chains.get(name);
    if (before !== undefined && before.join("\n") === lines.join("\n")) return [];
    const rules = isHook(lines[0]) ? lines.slice(1) : lines;
    const flush = before === undefined ? [] : [`flush chain ${table} ${name}`];
    return [...flush, ...rules.map((rule) => `add rule ${table} ${name} ${rule}`)];
  });
}

function elementChanges(old: Ruleset, wanted: Ruleset): string[] {
  const removed: string[] = [];
  const added: string[] = [];
  for (const [name, elements] of wanted.elements) {
    const before = old.elements.get(name) ?? new Map<string, string>();
    const stale = [...before].filter(([key, value]) => elements.get(key) !== value).map(([key]) => key);
    const fresh = [...elements]
      .filter(([key, value]) => before.get(key) !== value)
      .map(([key, value]) => (value === "" ? key : `${key} : ${value}`));
    removed.push(...statements("delete", name, stale));
    added.push(...statements("add", name, fresh));
  }
  return [...removed, ...added];
}

function statements(verb: "add" | "delete", name: string, elements: readonly string[]): string[] {
  const lines: string[] = [];
  for (let at = 0; at < elements.length; at += elementsMax) {
    lines.push(`${verb} element ${table} ${name} { ${elements.slice(at, at + elementsMax).join(", ")} }`);
  }
  return lines;
}

/** Chains first: rules hold on to maps and sets. Flushed before deleted, as they may name each other. */
function removals(old: Ruleset, wanted: Ruleset): string[] {
  const chains = gone(old.chains, wanted.chains);
  return [
    ...chains.map((name) => `flush chain ${table} ${name}`),
    ...chains.map((name) => `delete chain ${table} ${name}`),
    ...gone(old.maps, wanted.maps).map((name) => `delete map ${table} ${name}`),
    ...gone(old.sets, wanted.sets).map((name) => `delete set ${table} ${name}`),
  ];
}

function gone(old: ReadonlyMap<string, unknown>, wanted: ReadonlyMap<string, unknown>): string[] {
  return [...old.keys()].filter((name) => !wanted.has(name));
}
