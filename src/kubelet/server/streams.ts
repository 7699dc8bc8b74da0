/** exec, attach and port-forward. upstream: pkg/kubelet/server/server.go, staging/src/k8s.io/kubelet/pkg/cri/streaming */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { finished } from "node:stream/promises";
import { aborted, ChildAbort } from "#base/abort.ts";
import type { Clock } from "#base/clock.ts";
import { errorText, type Logger } from "#base/log.ts";
import { servePortForward } from "#wire/port-forward.ts";
import { serveRemoteCommand, type RemoteCommandStreams } from "#wire/remote-command.ts";
import type { Runtime, Session, StreamOptions } from "../runtime/runtime.ts";
import { RequestError, runningContainer, sandboxOf, type PodPath } from "./find-container.ts";
import type { KubeletView } from "./kubelet-view.ts";

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

export interface StreamsDeps {
  readonly view: KubeletView;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Logger;
}

interface CutDeps extends StreamsDeps {
  /** Aborts when the client can't be served any longer. It says why. */
  readonly cut: AbortSignal;
}

const isSet = (params: URLSearchParams, ...names: readonly string[]): boolean =>
  names.some((name) => ["1", "true"].includes(params.get(name) ?? ""));

/** The kubelet's own names of the streams, and the API's. */
export function streamOptions(params: URLSearchParams): StreamOptions {
  const tty = isSet(params, "tty");
  const options = {
    stdin: isSet(params, "input", "stdin"),
    stdout: isSet(params, "output", "stdout"),
    stderr: isSet(params, "error", "stderr") && !tty,
    tty,
  };
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw new RequestError(400, "you must specify at least 1 of stdin, stdout, stderr");
  }
  return options;
}

export async function serveExec(
  upgrade: Upgrade,
  target: { readonly path: PodPath; readonly container: string; readonly params: URLSearchParams },
  deps: CutDeps,
): Promise<void> {
  const options = streamOptions(target.params);
  const command = target.params.getAll("command");
  if (command.length === 0) throw new RequestError(400, "you must specify a command");
  const { id } = await runningContainer(deps.view, target.path, target.container);
  await connectStreams(upgrade, options, deps, {
    failure: "error executing command in container",
    open: () => deps.runtime.exec(id, command, options),
  });
}

export async function serveAttach(
  upgrade: Upgrade,
  target: { readonly path: PodPath; readonly container: string; readonly params: URLSearchParams },
  deps: CutDeps,
): Promise<void> {
  const options = streamOptions(target.params);
  const { id } = await runningContainer(deps.view, target.path, target.container);
  await connectStreams(upgrade, options, deps, {
    failure: "error attaching to container",
    open: () => deps.runtime.attach(id, options),
  });
}

async function connectStreams(
  upgrade: Upgrade,
  options: StreamOptions,
  { clock, cut }: CutDeps,
  { failure, open }: { readonly failure: string; readonly open: () => Promise<Session> },
): Promise<void> {
  const streams = await serveRemoteCommand(upgrade, options, clock);
  if (streams === undefined) return;
  let session: Session;
  try {
    session = await open();
  } catch (error) {
    await endOutputs(streams);
    await streams.finish(failureStatus(`${failure}: ${errorText(error)}`));
    return;
  }
  using ending = new ChildAbort(cut);
  const pumped = pump(streams, session);
  const left = streams.closed.then(() => undefined);
  const result = await Promise.race([pumped, left, aborted(ending.signal)]);
  if (result !== undefined) {
    await streams.finish(exitStatus(result));
    return;
  }
  session.close();
  if (!cut.aborted) return; // nobody listens any more
  await Promise.race([pumped, left]);
  // Clients of SPDY take a connection that just ends for the command's success.
  await streams.finish(failureStatus(`${failure}: ${errorText(cut.reason)}`));
}

/** Resolves with the exit code once everything the process wrote is on its way. */
async function pump(streams: RemoteCommandStreams, session: Session): Promise<number> {
  streams.onResize((size) => {
    session.resize(size);
  });
  if (streams.stdin !== undefined && session.stdin !== undefined) {
    streams.stdin.pipe(session.stdin);
    session.stdin.on("error", () => undefined); // the process may end before it has read everything
  }
  const outputs = [copied(session.stdout, streams.stdout), copied(session.stderr, streams.stderr)];
  const exitCode = await session.exit;
  await Promise.all(outputs);
  return exitCode;
}

async function copied(
  from: NodeJS.ReadableStream | undefined,
  to: NodeJS.WritableStream | undefined,
): Promise<void> {
  if (to === undefined) return;
  if (from === undefined) to.end();
  else from.pipe(to);
  await finished(to, { readable: false }).catch(() => undefined); // the client went away: `closed` says so
}

async function endOutputs(streams: RemoteCommandStreams): Promise<void> {
  await Promise.all([copied(undefined, streams.stdout), copied(undefined, streams.stderr)]);
}

/** What kubectl takes the exit code from. */
export function exitStatus(exitCode: number): object {
  if (exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}

/** upstream: apimachinery/pkg/api/errors NewInternalError, whose text clients print */
const failureStatus = (message: string): object => ({
  metadata: {},
  status: "Failure",
  message: `Internal error occurred: ${message}`,
  reason: "InternalError",
  details: { causes: [{ message }] },
  code: 500,
});

export async function serveForward(upgrade: Upgrade, path: PodPath, deps: CutDeps): Promise<void> {
  const sandboxId = await sandboxOf(deps.view, path);
  const forward = await servePortForward(
    upgrade,
    (forwarded) => {
      const { port, data } = forwarded;
      deps.runtime.portForward(sandboxId, port).then(
        (connection) => {
          join(data, connection);
        },
        (error: unknown) => {
          forwarded.fail(`error forwarding port ${port} to pod ${sandboxId}, uid : ${errorText(error)}`);
        },
      );
    },
    deps.clock,
  );
  if (forward === undefined) return;
  using ending = new ChildAbort(deps.cut);
  await Promise.race([forward.closed, aborted(ending.signal)]);
  if (deps.cut.aborted) upgrade.socket.destroy();
}

/** Each end's half-close reaches the other; an end that breaks takes the other with it. */
function join(a: Duplex, b: Duplex): void {
  a.pipe(b);
  b.pipe(a);
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on("error", () => {
      other.destroy();
    });
    one.once("close", () => {
      if (!one.readableEnded) other.destroy();
    });
  }
}
