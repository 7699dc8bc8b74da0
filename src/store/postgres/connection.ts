/** How connections are made, what PostgreSQL's errors mean, and trying again while nothing was done. */
import { createConnection, type Socket } from "node:net";
import postgres from "postgres";
import type { Clock } from "#base/clock.ts";
import { errorCode } from "#base/files.ts";
import { errorText, type Logger } from "#base/log.ts";
import type { Random } from "#base/random.ts";
import { StoreFullError, StoreUnreachableError, StoreWriteError } from "../store.ts";
import { type PostgresTls, tlsFor } from "./tls.ts";

export interface PostgresOptions {
  /** postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=… */
  readonly url: string;
  /** Without the password. */
  readonly name: string;
  readonly tls: PostgresTls | undefined;
}

export interface PostgresDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export type Sql = postgres.Sql<{ bigint: bigint }>;

interface Extra {
  readonly database?: string;
  readonly onclose?: () => void;
  readonly onnotify?: () => void;
}

const connectMaxSeconds = 5;
/** A request is given up after this. */
const requestMaxMs = 15_000;
const pauseFirstMs = 50;
const pauseMaxMs = 2000;
/** A server that stands still in the middle of a write must not keep the others from writing. */
const idleInTransactionMaxMs = 5000;
export const statementMaxMs = 30_000;
const defaultPort = 5432;

/** One connection, opened by the first statement. Once one was rejected for it, or it is closed, it is of no use. */
export function connect(options: PostgresOptions, extra: Extra = {}): Sql {
  const url = new URL(options.url);
  return postgres(options.url, {
    ssl: tlsFor(url, options.tls),
    // With more, one that is opened for a transaction would never be used (3.4.9, with `fetch_types` off).
    max: 1,
    max_lifetime: null,
    connect_timeout: connectMaxSeconds,
    // When that question is cut off, nobody catches it.
    fetch_types: false,
    types: { bigint: postgres.BigInt },
    onnotice: () => undefined,
    connection: {
      application_name: "mini-k8s",
      idle_in_transaction_session_timeout: idleInTransactionMaxMs,
      statement_timeout: statementMaxMs,
    },
    ...opening(url),
    ...extra,
  });
}

interface Address {
  readonly host: readonly string[];
  readonly port: readonly number[];
}

/**
 * The library would connect again by itself: it mixes what it hadn't sent yet into what it sends then, and where
 * somebody takes connections and closes them it does so without end and without a pause.
 */
function opening({ hostname, port }: URL): object {
  let isOpened = false;
  const socket = ({ host: [host = ""], port: [at = 0] }: Address): Socket => {
    if (isOpened) throw Object.assign(new Error("the connection broke"), { code: "CONNECTION_CLOSED" });
    isOpened = true;
    // For TLS the library asks the socket where it leads.
    return Object.assign(createConnection({ host, port: at }), { host });
  };
  // The library cuts an IPv6 address at its first colon.
  const host = hostname.replace(/^\[|\]$/g, "");
  return host === "" ? { socket } : { socket, host: [host], port: [Number(port || defaultPort)] };
}

/** The connection is gone, or was never there; or the server is starting, stopping, or not the primary. */
export function isConnectionError(error: unknown): boolean {
  const code = errorCode(error) ?? "";
  return (
    /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN|ENOENT)/.test(
      code,
    ) || /^(08|57P0|25P03|25006|53300|40001|40P01|55P03)/.test(code)
  );
}

/** Certificates that don't fit, no TLS where it must be, or the wrong user: trying again won't help. */
const isRefusal = (error: unknown): boolean =>
  /^(28|EPROTO|ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO)/.test(errorCode(error) ?? "");

export const isMissingDatabase = (error: unknown): boolean => errorCode(error) === "3D000";

const never = new AbortController().signal;

/** Runs what may safely run again, until it succeeds or time is up. */
export async function retrying<T>(
  name: string,
  { clock, random }: Pick<PostgresDeps, "clock" | "random">,
  run: () => Promise<T>,
): Promise<T> {
  const deadline = clock.monotonic() + requestMaxMs;
  for (let pause = pauseFirstMs; ; pause = Math.min(2 * pause, pauseMaxMs)) {
    try {
      return await run();
    } catch (error) {
      if (isRefusal(error)) throw new StoreUnreachableError(name, errorText(error));
      if (!isConnectionError(error)) throw error;
      const pauseMs = pause * (0.5 + random.next());
      if (clock.monotonic() + pauseMs > deadline) {
        throw new StoreUnreachableError(name, errorText(error));
      }
      // Keeps the process alive: at a start nothing else may.
      await clock.sleep(pauseMs, never);
    }
  }
}

/** In the Store's words. The write wasn't made. */
export function refusalOf(name: string, error: unknown): unknown {
  const code = errorCode(error) ?? "";
  if (code === "53100") return new StoreFullError(name, { cause: error, said: errorText(error) });
  return /^[0-9A-Z]{5}$/.test(code) ? new StoreWriteError(name, errorText(error), { cause: error }) : error;
}
