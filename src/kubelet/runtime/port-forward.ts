/** A connection into a pod's network namespace, made by the shim: Node can't change namespaces. */
import { spawn } from "node:child_process";
import { connect } from "node:net";
import { Duplex } from "node:stream";
import { RuntimeError } from "./runtime.ts";

/** To a port on the loopback of the namespace at the path `netns`. */
export async function forwardPort(shim: string, netns: string, port: number): Promise<Duplex> {
  const child = spawn(shim, ["forward", netns, String(port)], { stdio: "pipe", detached: true, env: {} });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    if (said.startsWith("ok\n")) resolve();
  });
  child.once("error", reject);
  child.once("close", () => {
    reject(
      new RuntimeError("unknown", `failed to connect to localhost:${port} inside the pod: ${said.trim()}`),
    );
  });
  await promise;
  const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
  duplex.once("close", () => child.kill("SIGKILL"));
  return duplex;
}

/** The same for a pod on the host's network. */
export async function forwardHostPort(port: number): Promise<Duplex> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once("connect", resolve);
  socket.once("error", (cause) => {
    reject(
      new RuntimeError("unknown", `failed to connect to localhost:${port} on the host: ${cause.message}`, {
        cause,
      }),
    );
  });
  await promise;
  return socket;
}
