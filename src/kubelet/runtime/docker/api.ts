/** The Docker daemon as this driver knows it. */
import type Dockerode from "dockerode";
import { errorCode } from "#base/files.ts";
import { RuntimeError, type RuntimeErrorCode } from "../runtime.ts";

/** A part of dockerode's own options. */
export type DockerAddress =
  | { readonly socketPath: string }
  | { readonly protocol: "http"; readonly host: string; readonly port: number };

/** Makes a client; whoever calls it decides when the library is loaded. */
export type ConnectDocker = (address: DockerAddress) => Promise<Dockerode>;

const plainPort = 2375;

/** "unix:///var/run/docker.sock", "tcp://127.0.0.1:2375" */
export function dockerAddress(host: string): DockerAddress {
  const url = new URL(host);
  if (url.protocol === "unix:") return { socketPath: url.pathname };
  if (url.protocol === "tcp:" || url.protocol === "http:") {
    return { protocol: "http", host: url.hostname, port: url.port === "" ? plainPort : Number(url.port) };
  }
  throw new RuntimeError("invalid", `the Docker host ${host} is neither unix:// nor tcp://`);
}

const codes: Readonly<Record<number, RuntimeErrorCode>> = {
  400: "invalid",
  404: "not-found",
  409: "already-exists",
};

/** What the daemon answered, or that it doesn't. */
export function dockerError(error: unknown): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const statusCode = statusCodeOf(error);
  const message = error instanceof Error ? error.message : String(error);
  if (statusCode !== undefined) {
    const { json } = error as { json?: { message?: string } | null };
    // Without the client's own error as a cause: it says the same once more.
    return new RuntimeError(codes[statusCode] ?? "unknown", json?.message ?? message);
  }
  const isAway = ["ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE"].includes(errorCode(error) ?? "");
  return isAway
    ? new RuntimeError("unavailable", `the Docker daemon does not answer: ${message}`, { cause: error })
    : new RuntimeError("unknown", message, { cause: error });
}

export function statusCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("statusCode" in error)) return undefined;
  return typeof error.statusCode === "number" ? error.statusCode : undefined;
}

/** Runs a call; its failure is a RuntimeError. */
export async function ask<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw dockerError(error);
  }
}

/** Runs a call that may find that what it removes is gone, or what it stops is stopped. */
export async function askLeniently(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    const statusCode = statusCodeOf(error);
    if (statusCode !== 304 && statusCode !== 404 && statusCode !== 409) throw dockerError(error);
  }
}
