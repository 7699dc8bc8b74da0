import { join } from "node:path";
import { serverSpecs } from "#supervisor/option-tables.ts";
import type { OptionSpec } from "#base/options.ts";
import type { ActionDeps, ActionOptions } from "#supervisor/snapshots/actions.ts";
import type { CommandDefinition, CommandInput } from "../command.ts";
import { UsageError } from "../invocation.ts";

const shared = new Set(["data-dir", "token", "token-file", "etcd-snapshot-dir"]);

const ownSpecs: readonly OptionSpec[] = [
  {
    name: "kubeconfig",
    type: "string",
    placeholder: "FILE",
    group: "client",
    defaultText: "the server of the data directory",
    text: "Ask this server (save, check, diff)",
  },
  {
    name: "bump-revision",
    type: "integer",
    placeholder: "COUNT",
    group: "restore",
    defaultText: "1000000000",
    text: "How far above every known revision a restored cluster goes on",
  },
  {
    name: "force",
    type: "boolean",
    group: "restore",
    text: "Replace the database of another cluster",
  },
  { name: "all", type: "boolean", group: "diff", text: "Also Leases and Events" },
];

const bumpDefault = 1_000_000_000;

export const snapshotCommand: CommandDefinition = {
  name: "snapshot",
  summary: "Save, list, check, compare, restore and fork the cluster's state",
  description:
    "save [NAME] · list · check [NAME] (the present database without a name) · diff A B (B may be now) · " +
    "restore NAME · fork NAME [-- SERVER OPTIONS] · delete NAME...\n\n" +
    "A snapshot holds the whole database at one revision, every Secret included, and the cluster's authorities and " +
    "keys, sealed with its token. save, check and diff work while the server runs and while it doesn't; restore wants " +
    "it stopped, keeps the database before beside the new one, and into a new data directory wants --token. Clients " +
    "of a restored cluster are told to read everything anew. fork runs a second cluster from a snapshot, with " +
    "authorities, a data directory, a port and a kubeconfig context of its own, without a node unless " +
    "--no-disable-agent is among its server options.",
  options: [...serverSpecs.filter(({ name }) => shared.has(name)), ...ownSpecs],
  args: [
    { name: "action", required: true, text: "save, list, check, diff, restore, fork or delete" },
    { name: "names...", required: false, text: "Of snapshots" },
  ],
  examples: [
    "snapshot save before-upgrade",
    "snapshot diff before-upgrade now",
    "snapshot restore before-upgrade",
    "snapshot fork before-upgrade -- --https-listen-port 7443",
  ],
  run,
};

/** How many names each takes. */
const nameCounts: Readonly<Record<string, readonly [least: number, most: number]>> = {
  save: [0, 1],
  list: [0, 0],
  check: [0, 1],
  diff: [2, 2],
  restore: [1, 1],
  fork: [1, Number.POSITIVE_INFINITY],
  delete: [1, Number.POSITIVE_INFINITY],
};

interface SnapshotInput extends CommandInput {
  readonly options: ActionOptions;
  readonly deps: ActionDeps;
}

async function run(input: CommandInput): Promise<number> {
  const [action = "", ...names] = input.args;
  const counts = nameCounts[action];
  if (counts === undefined) {
    throw new UsageError([`action is ${action}, must be one of ${Object.keys(nameCounts).join(", ")}`]);
  }
  const [least, most] = counts;
  if (names.length < least || names.length > most) {
    const wanted =
      least === most ? `${least}` : most > least + 1 ? `at least ${least}` : `${least} or ${most}`;
    throw new UsageError([`${action} takes ${wanted} names, not ${names.length}`]);
  }
  const prepared = await prepare(input);
  try {
    return await act(action, names, prepared);
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    const { errorText } = await import("#base/log.ts");
    input.invocation.err(`mini-k8s snapshot ${action}: ${errorText(error)}\n`);
    return 1;
  }
}

async function prepare(input: CommandInput): Promise<SnapshotInput> {
  const { values, invocation } = input;
  const { readServerOptions, thisMachine } = await import("#supervisor/options.ts");
  const { options: server, faults } = readServerOptions(values, thisMachine(invocation.env["HOME"] ?? "/"));
  if (faults.length > 0) throw new UsageError(faults);
  const { loadAssets } = await import("../assets.ts");
  const { systemClock } = await import("#base/clock.ts");
  const { version } = await import("../version.ts");
  const { dataDir } = server;
  const kubeconfig = values["kubeconfig"];
  return {
    ...input,
    options: {
      dataDir,
      directory: server.snapshots.directory,
      kubeconfig: typeof kubeconfig === "string" ? kubeconfig : undefined,
    },
    deps: {
      clock: systemClock,
      assets: loadAssets({ dataDir, startsStore: false }),
      version,
      signal: invocation.signal,
      say: invocation.out,
    },
  };
}

async function act(action: string, names: readonly string[], input: SnapshotInput): Promise<number> {
  const { options, deps, values } = input;
  const actions = await import("#supervisor/snapshots/actions.ts");
  const [first, second = ""] = names;
  switch (action) {
    case "save":
      await actions.saveAction(first, options, deps);
      return 0;
    case "list":
      await actions.listAction(options, deps);
      return 0;
    case "check":
      await actions.checkAction(first, options, deps);
      return 0;
    case "diff":
      await actions.diffAction([first ?? "", second], { ...options, showsAll: values["all"] === true }, deps);
      return 0;
    case "restore":
      await restore(first ?? "", input);
      return 0;
    case "fork":
      return fork(first ?? "", names.slice(1), input);
    default:
      await actions.deleteAction(names, options, deps);
      return 0;
  }
}

async function restore(name: string, { options, deps, values }: SnapshotInput): Promise<void> {
  const { restoreDataDir } = await import("#supervisor/snapshots/restore.ts");
  const { snapshotPath } = await import("#supervisor/snapshots/directory.ts");
  const { givenToken } = await import("#supervisor/tokens.ts");
  const text = (key: string): string | undefined => {
    const value = values[key];
    return typeof value === "string" ? value : undefined;
  };
  const bump = values["bump-revision"] ?? bumpDefault;
  if (typeof bump !== "number" || bump < 1) {
    throw new UsageError([`--bump-revision is ${String(bump)}, must be 1 or more`]);
  }
  const info = await restoreDataDir(
    {
      dataDir: options.dataDir,
      snapshot: snapshotPath(options.directory, name),
      token: await givenToken({ token: text("token"), tokenFile: text("token-file") }),
      bump: BigInt(bump),
      isForced: values["force"] === true,
    },
    deps,
  );
  deps.say(
    `snapshot ${name} restored to ${options.dataDir}: ${info.objects} objects of revision ${info.revision}\n`,
  );
}

/** Makes the data directory and runs a server on it, until that is stopped. */
async function fork(name: string, rest: readonly string[], input: SnapshotInput): Promise<number> {
  const { invocation, options, deps } = input;
  const { parseCommandLine } = await import("../flags.ts");
  const { readServerOptions, thisMachine } = await import("#supervisor/options.ts");
  const { values, args } = await parseCommandLine(serverSpecs, {
    ...invocation,
    argv: rest,
    env: withoutOurs(invocation.env),
  });
  if (args.length > 0) throw new UsageError(args.map((arg) => `unexpected argument ${arg}`));
  const port = values["https-listen-port"];
  const read = readServerOptions(
    { "disable-agent": true, "data-dir": join(options.dataDir, "forks", name), ...values },
    thisMachine(invocation.env["HOME"] ?? "/"),
  );
  if (read.faults.length > 0) throw new UsageError(read.faults);
  const server = { ...read.options, contextName: name, httpsListenPort: typeof port === "number" ? port : 0 };
  const { forkDataDir } = await import("#supervisor/snapshots/restore.ts");
  const { snapshotPath } = await import("#supervisor/snapshots/directory.ts");
  const snapshot = snapshotPath(options.directory, name);
  const info = await forkDataDir({ dataDir: server.dataDir, snapshot, originDataDir: options.dataDir }, deps);
  deps.say(`snapshot ${name} forked to ${server.dataDir}: ${info.objects} objects\n`);
  const { runUntilStopped } = await import("../run.ts");
  const { runServer } = await import("#supervisor/server.ts");
  return runUntilStopped(server, invocation, (host) => runServer(server, host), { startsStore: true });
}

/** The environment's options are those of the cluster that is forked. */
const withoutOurs = (env: CommandInput["invocation"]["env"]): CommandInput["invocation"]["env"] =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("MINI_K8S_")));
