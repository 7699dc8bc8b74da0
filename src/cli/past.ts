/** What the commands that read the past have in common: which cluster, which object, which moment. */
import type { OptionSpec } from "#base/options.ts";
import type { Transport } from "#client/client.ts";
import type { CommandInput } from "./command.ts";
import { findKubeconfig } from "./kubeconfig-path.ts";
import { UsageError } from "./invocation.ts";

export const clusterSpecs: readonly OptionSpec[] = [
  {
    name: "kubeconfig",
    type: "string",
    placeholder: "FILE",
    group: "client",
    defaultText: "KUBECONFIG, or this machine's cluster",
    text: "The cluster",
  },
  {
    name: "context",
    type: "string",
    placeholder: "NAME",
    group: "client",
    text: "Another context than the current one",
  },
];

export const namespaceSpec: OptionSpec = {
  name: "namespace",
  short: "n",
  type: "string",
  placeholder: "NAME",
  group: "client",
  defaultText: "the context's",
  text: "The namespace",
};

export interface Past {
  readonly transport: Transport;
  readonly signal: AbortSignal;
  /** The context's, or the one asked for. */
  readonly namespace: string;
}

/** Runs `act` with a connection to the cluster; what fails is told in a sentence, exit code 1. */
export async function withCluster(
  { values, invocation }: CommandInput,
  command: string,
  act: (past: Past) => Promise<number>,
): Promise<number> {
  const { loadKubeconfig } = await import("#client/kubeconfig.ts");
  const { createTlsTransport } = await import("#client/transport.ts");
  const { errorText, silentLogger } = await import("#base/log.ts");
  const { systemClock: clock } = await import("#base/clock.ts");
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const path = text("kubeconfig") ?? (await findKubeconfig(invocation)) ?? invocation.env["KUBECONFIG"];
  if (path === undefined) throw new UsageError(["there is no kubeconfig: name one with --kubeconfig"]);
  try {
    const access = await loadKubeconfig(path, clock, text("context"));
    await using stack = new AsyncDisposableStack();
    const transport = createTlsTransport(access.options, {
      clock,
      log: silentLogger,
      identity: access.identity,
    });
    stack.defer(() => transport.close());
    const namespace = text("namespace") ?? access.namespace;
    return await act({ transport, signal: invocation.signal, namespace });
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof Error)) throw error;
    invocation.err(`mini-k8s ${command}: ${errorText(error)}\n`);
    return 1;
  }
}

/** "deployment/web", or "deployment" "web". */
export function objectOf(args: readonly string[]): {
  readonly type: string;
  readonly name: string | undefined;
} {
  const [first = "", second] = args;
  const slash = first.indexOf("/");
  if (slash < 0) return { type: first, name: second };
  if (second !== undefined) throw new UsageError([`unexpected argument ${second}`]);
  return { type: first.slice(0, slash), name: first.slice(slash + 1) };
}
