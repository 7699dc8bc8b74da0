import type { OptionSpec } from "#base/options.ts";
import type { Step } from "#history/rewind-plan.ts";
import type { CommandDefinition, CommandInput } from "../command.ts";
import { UsageError } from "../invocation.ts";
import { clusterSpecs, namespaceSpec, objectOf, withCluster, type Past } from "../past.ts";

const specs: readonly OptionSpec[] = [
  {
    name: "to",
    type: "string",
    placeholder: "REV|TIME",
    group: "history",
    text: "The revision, the time (2026-01-31T12:00:00Z), or how long ago (10m)",
  },
  {
    name: "yes",
    type: "boolean",
    group: "history",
    text: "Do it; without this it is only told what would be done",
  },
  { name: "all", type: "boolean", group: "history", text: "The whole cluster" },
  namespaceSpec,
  ...clusterSpecs,
];

export const rewindCommand: CommandDefinition = {
  name: "rewind",
  summary: "Bring objects, a namespace or the cluster back to a revision or time",
  description:
    "Tells what would be created, changed and deleted; with --yes it does it, by ordinary writes with new revisions. " +
    "Without TYPE it is all of the namespace, with --all the whole cluster. Nodes, leases, events, endpoints, status, " +
    "what controllers make of other objects, and what is in volumes stay as they are.",
  options: specs,
  args: [
    { name: "type", required: false, text: "TYPE or TYPE/NAME, as kubectl knows them" },
    { name: "name", required: false, text: "Of one object" },
  ],
  examples: [
    "rewind deployment/web --to 10m",
    "rewind -n shop --to 4711 --yes",
    "rewind --all --to 2026-01-31T12:00:00Z",
  ],
  run: (input) => {
    const { to, all } = input.values;
    if (typeof to !== "string") {
      throw new UsageError(["--to is missing: a revision, a time, or how long ago"]);
    }
    if (all === true && (input.args.length > 0 || input.values["namespace"] !== undefined)) {
      throw new UsageError(["--all is the whole cluster: it goes with neither a type nor a namespace"]);
    }
    return withCluster(input, "rewind", (past) => rewind(input, to, past));
  },
};

async function rewind({ args, values, invocation }: CommandInput, to: string, past: Past): Promise<number> {
  const { discoverResources, findResource } = await import("#history/resources.ts");
  const { readSpan, revisionOf } = await import("#history/moment.ts");
  const { carryOut, readPlan } = await import("#history/rewind.ts");
  const { notRewoundText } = await import("#history/rewind-plan.ts");
  const { systemClock } = await import("#base/clock.ts");
  const { transport, signal } = past;
  const revision = revisionOf(to, await readSpan(transport, signal), systemClock.now());
  const known = await discoverResources(transport, signal);
  const { type, name } = objectOf(args);
  const resources = type === "" ? known : [findResource(known, type)];
  const isWhole = values["all"] === true || (type !== "" && resources[0]?.isNamespaced === false);
  const namespace = isWhole ? "" : past.namespace;
  const steps = await readPlan({ resources, namespace, name, revision }, past);
  invocation.out(
    `to revision ${revision}: ${steps.length === 0 ? "nothing to do" : `${steps.length} changes`}\n`,
  );
  const isDone = values["yes"] === true;
  let failures = 0;
  if (isDone) {
    for await (const { step, fault } of carryOut(steps, past)) {
      invocation.out(await stepText(step));
      if (fault === undefined) continue;
      failures++;
      invocation.err(`  refused: ${fault}\n`);
    }
  } else {
    for (const step of steps) invocation.out(await stepText(step));
  }
  invocation.out(`(${notRewoundText})\n`);
  if (!isDone && steps.length > 0) invocation.out("nothing is done yet: --yes does it\n");
  if (failures > 0) invocation.err(`mini-k8s rewind: ${failures} of ${steps.length} changes were refused\n`);
  return failures > 0 ? 1 : 0;
}

const signs = { create: "+", update: "~", delete: "-" } as const;

async function stepText({ kind, object, fields }: Step): Promise<string> {
  const { changeText } = await import("#api/meta/changed-fields.ts");
  const { namespace, name = "" } = object.metadata ?? {};
  const title = `${signs[kind]} ${object.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  return [title, ...fields.map((field) => `    ${changeText(field)}`)].map((line) => `${line}\n`).join("");
}
