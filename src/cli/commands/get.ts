import type { OptionSpec } from "#base/options.ts";
import type { CommandDefinition, CommandInput } from "../command.ts";
import { UsageError } from "../invocation.ts";
import { clusterSpecs, namespaceSpec, objectOf, withCluster, type Past } from "../past.ts";

const specs: readonly OptionSpec[] = [
  {
    name: "at",
    type: "string",
    placeholder: "REV|TIME",
    group: "history",
    defaultText: "now",
    text: "As it was at this revision, at this time (2026-01-31T12:00:00Z), or so long ago (10m)",
  },
  namespaceSpec,
  { name: "all-namespaces", short: "A", type: "boolean", group: "client", text: "Of every namespace" },
  {
    name: "selector",
    short: "l",
    type: "string",
    placeholder: "LABELS",
    group: "client",
    text: "Only what has these labels",
  },
  {
    name: "output",
    short: "o",
    type: "string",
    placeholder: "wide|yaml|json|name",
    group: "client",
    defaultText: "a table",
    text: "The form",
  },
  ...clusterSpecs,
];

const outputs: readonly string[] = ["table", "wide", "yaml", "json", "name"];

export const getCommand: CommandDefinition = {
  name: "get",
  summary: "Show objects as they were at a revision or time",
  description: "Like kubectl get, with --at. How far back that goes is told by --history of the server.",
  options: specs,
  args: [
    { name: "type", required: true, text: "TYPE or TYPE/NAME, as kubectl knows them" },
    { name: "name", required: false, text: "Of one object" },
  ],
  examples: ["get deployments --at 10m", "get configmap/settings -o yaml --at 4711"],
  run: (input) => {
    const output = input.values["output"] ?? "table";
    if (typeof output !== "string" || !outputs.includes(output)) {
      throw new UsageError([`--output is ${String(output)}, must be one of ${outputs.slice(1).join(", ")}`]);
    }
    return withCluster(input, "get", (past) => get(input, output, past));
  },
};

async function get({ args, values, invocation }: CommandInput, output: string, past: Past): Promise<number> {
  const { discoverResources, findResource, pathOf } = await import("#history/resources.ts");
  const { readSpan, revisionOf } = await import("#history/moment.ts");
  const { systemClock } = await import("#base/clock.ts");
  const { transport, signal } = past;
  const { type, name } = objectOf(args);
  const resource = findResource(await discoverResources(transport, signal), type);
  const at = values["at"];
  const revision =
    typeof at === "string" ? revisionOf(at, await readSpan(transport, signal), systemClock.now()) : undefined;
  const withNamespace = values["all-namespaces"] === true && resource.isNamespaced;
  const selector = values["selector"];
  const query = {
    ...(revision === undefined ? {} : { resourceVersion: String(revision), resourceVersionMatch: "Exact" }),
    ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
    ...(typeof selector === "string" ? { labelSelector: selector } : {}),
  };
  const isTable = output === "table" || output === "wide";
  const headers = { accept: isTable ? "application/json;as=Table;v=v1;g=meta.k8s.io" : "application/json" };
  const path = pathOf(resource, withNamespace ? "" : past.namespace);
  const { body } = await transport.request({ method: "GET", path, query, headers, signal });
  const { listText } = await import("../list-text.ts");
  const text = listText(body, { resource, output, withNamespace, isOne: name !== undefined });
  if (text !== undefined) {
    invocation.out(text);
    return 0;
  }
  const when = revision === undefined ? "" : ` at revision ${revision}`;
  const group = resource.group === "" ? "" : `.${resource.group}`;
  if (name !== undefined) {
    invocation.err(`mini-k8s get: ${resource.plural}${group} ${JSON.stringify(name)} not found${when}\n`);
    return 1;
  }
  const where = withNamespace || !resource.isNamespaced ? "" : ` in ${past.namespace} namespace`;
  invocation.err(`No resources found${where}${when}\n`);
  return 0;
}
