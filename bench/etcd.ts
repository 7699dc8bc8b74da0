/** A real etcd as the peer to measure against: started on a free port, driven through its gRPC API. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import { Client, credentials } from "@grpc/grpc-js";
import { engineFlags } from "./harness.ts";

export interface EtcdEntry {
  readonly key: string;
  readonly value: Buffer;
}

export interface EtcdRange {
  readonly count: number;
  readonly entries: readonly EtcdEntry[];
}

const readyMs = 10_000;

export class EtcdPeer implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #client: Client;

  private constructor(process: ChildProcess, client: Client) {
    this.#process = process;
    this.#client = client;
  }

  /** Undefined when there is no etcd on this machine. */
  static async start(folder: string): Promise<EtcdPeer | undefined> {
    const [clientPort, peerPort] = [await freePort(), await freePort()];
    const [clientUrl, peerUrl] = [`http://127.0.0.1:${clientPort}`, `http://127.0.0.1:${peerPort}`];
    const child = spawn(
      "etcd",
      [
        ["--data-dir", join(folder, "etcd"), "--log-level", "error"],
        ["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
        ["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
        ["--initial-cluster", `default=${peerUrl}`, "--quota-backend-bytes", "8000000000"],
      ].flat(),
      { stdio: "ignore" },
    );
    const failed = once(child, "error").then(() => false);
    const started = once(child, "spawn").then(() => true);
    if (!(await Promise.race([failed, started]))) return undefined;
    return EtcdPeer.#connect(child, `127.0.0.1:${clientPort}`);
  }

  /** Our own store behind the same API, in a process of its own, driven the same way. */
  static async startOurs(folder: string): Promise<EtcdPeer> {
    const program = join(import.meta.dirname, "etcd-face.ts");
    const child = spawn(process.execPath, [...engineFlags, program, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [chunk] = (await once(child.stdout, "data")) as [Buffer];
    return EtcdPeer.#connect(child, chunk.toString().trim());
  }

  static async #connect(child: ChildProcess, address: string): Promise<EtcdPeer> {
    const client = new Client(address, credentials.createInsecure(), {
      "grpc.max_receive_message_length": -1,
    });
    const peer = new EtcdPeer(child, client);
    try {
      await peer.#ready();
    } catch (error) {
      await peer[Symbol.asyncDispose]();
      throw error;
    }
    return peer;
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  async put(key: string, value: Buffer): Promise<void> {
    await this.#call("Put", [bytesField(1, Buffer.from(key)), bytesField(2, value)]);
  }

  async get(key: string): Promise<EtcdRange> {
    return this.#range([bytesField(1, Buffer.from(key))]);
  }

  /** Of [from, end); 0 is no limit. */
  async range(from: string, end: string, limit: number): Promise<EtcdRange> {
    return this.#range([
      bytesField(1, Buffer.from(from)),
      bytesField(2, Buffer.from(end)),
      numberField(3, limit),
    ]);
  }

  async count(from: string, end: string): Promise<number> {
    const fields = [bytesField(1, Buffer.from(from)), bytesField(2, Buffer.from(end)), numberField(9, 1)];
    return (await this.#range(fields)).count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
    const exited = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await exited;
  }

  #ready(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.waitForReady(Date.now() + readyMs, (error) => {
        if (error === undefined) resolve();
        else reject(error);
      });
    });
  }

  async #range(fields: readonly Buffer[]): Promise<EtcdRange> {
    return parseRange(await this.#call("Range", fields));
  }

  #call(method: string, fields: readonly Buffer[]): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        `/etcdserverpb.KV/${method}`,
        (request: readonly Buffer[]) => Buffer.concat(request),
        (response: Buffer) => response,
        fields,
        (error, response) => {
          if (error !== null) reject(error);
          else resolve(response ?? Buffer.alloc(0));
        },
      );
    });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

/* The little of protocol buffers this takes: fields of bytes (wire type 2) and of whole numbers (wire type 0). */

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

function bytesField(field: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(content.length)]), content]);
}

function numberField(field: number, value: number): Buffer {
  return Buffer.from([field << 3, ...varint(value)]);
}

/** The fields of a message: content for bytes, the number for numbers. */
function* fieldsOf(message: Buffer): Generator<[field: number, value: Buffer | number], void, undefined> {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const tag = number();
    const value = number();
    if ((tag & 7) === 0) yield [tag >>> 3, value];
    else {
      yield [tag >>> 3, message.subarray(at, at + value)];
      at += value;
    }
  }
}

/** RangeResponse: kvs = 2, count = 4. KeyValue: key = 1, value = 5. */
function parseRange(message: Buffer): EtcdRange {
  const entries: EtcdEntry[] = [];
  let count = 0;
  for (const [field, value] of fieldsOf(message)) {
    if (field === 4 && typeof value === "number") count = value;
    if (field === 2 && typeof value !== "number") entries.push(parseEntry(value));
  }
  return { count, entries };
}

function parseEntry(message: Buffer): EtcdEntry {
  let key = "";
  let value = Buffer.alloc(0);
  for (const [field, content] of fieldsOf(message)) {
    if (typeof content === "number") continue;
    if (field === 1) key = content.toString();
    if (field === 5) value = Buffer.from(content);
  }
  return { key, value };
}
