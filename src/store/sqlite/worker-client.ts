/** The main thread's end of the SQLite worker: requests out, replies in the same order, but for a sweep's. */
import type { Transferable, Worker } from "node:worker_threads";
import { assert } from "#base/assert.ts";
import { errorText, type Logger } from "#base/log.ts";
import { StoreOpenError } from "./open-errors.ts";
import type { Hello, Reply, Request } from "./protocol.ts";
import type { Packed } from "./records.ts";

/** SQLite refused. `code` is its name for the reason. */
export class SqliteFailure extends Error {
  override readonly name = "SqliteFailure";
  readonly code: string | undefined;
  constructor(message: string, code: string | undefined) {
    super(message);
    this.code = code;
  }
}

type Answer = Exclude<Reply, { kind: "rows" | "failed" }>;

interface Call {
  readonly resolve: (reply: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly onRows: ((rows: Packed) => void) | undefined;
}

export class WorkerClient {
  readonly #worker: Worker;
  readonly #path: string;
  readonly #log: Logger;
  #isClosing = false;
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  #calls: Call[] = [];
  #sweep: Call | undefined;
  #ended: Error | undefined;
  readonly #exited = Promise.withResolvers<void>();

  constructor(worker: Worker, path: string, log: Logger) {
    this.#worker = worker;
    this.#path = path;
    this.#log = log;
    worker.on("message", (reply: Reply) => {
      this.#onReply(reply);
    });
    worker.on("error", (error) => {
      this.#end(error instanceof Error ? error : new Error(String(error)));
    });
    worker.on("exit", (status) => {
      this.#end(new Error(`the SQLite worker ended with status ${status}`));
      this.#exited.resolve();
    });
    worker.postMessage({ bell: this.#bell } satisfies Hello, []);
  }

  /** Rejects with SqliteFailure or StoreOpenError, or with what ended the worker. */
  call(
    request: Request,
    transfer: readonly Transferable[] = [],
    onRows?: (rows: Packed) => void,
  ): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const call = { resolve, reject, onRows };
      if (request.kind === "sweep") {
        assert(this.#sweep === undefined, "one sweep at a time");
        this.#sweep = call;
      } else this.#calls.push(call);
      this.#worker.postMessage(request, transfer);
      Atomics.add(this.#bell, 0, 1);
      Atomics.notify(this.#bell, 0);
    });
  }

  /** Lets the worker close the database and waits until it is gone. */
  async close(): Promise<void> {
    this.#isClosing = true;
    try {
      await this.call({ kind: "close" });
    } finally {
      if (this.#ended === undefined) await this.#exited.promise;
    }
  }

  async terminate(): Promise<void> {
    this.#isClosing = true;
    await this.#worker.terminate();
  }

  #onReply(reply: Reply): void {
    const isSweep = reply.kind === "swept" || (reply.kind === "failed" && reply.asked === "sweep");
    const call = isSweep ? this.#sweep : this.#calls[0];
    assert(call !== undefined, `the SQLite worker answers ${reply.kind} to nothing`);
    if (reply.kind === "rows") {
      call.onRows?.(reply.rows);
      return;
    }
    if (isSweep) this.#sweep = undefined;
    else this.#calls.shift();
    if (reply.kind !== "failed") call.resolve(reply);
    else if (reply.fault === undefined) call.reject(new SqliteFailure(reply.message, reply.code));
    else call.reject(new StoreOpenError(reply.fault, this.#path, reply.message));
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    if (!this.#isClosing) {
      this.#log.error("the database can't be written any more", {
        path: this.#path,
        error: errorText(error),
      });
    }
    const calls = this.#sweep === undefined ? this.#calls : [...this.#calls, this.#sweep];
    this.#calls = [];
    this.#sweep = undefined;
    for (const { reject } of calls) reject(error);
  }
}
