/** Everything that isn't the cluster's: asked of the servers in resolv.conf, remembered for a moment. */
import { createSocket, type RemoteInfo } from "node:dgram";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import dnsPacket, { type DecodedPacket, type Packet } from "dns-packet";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";

const tryMs = 2000;
const cacheMax = 1000;
const cacheMaxMs = 30_000;
const negativeMs = 5000;

export interface ForwarderOptions {
  readonly resolvConf: string;
  /** Our own addresses: never asked, or a question would go round for ever. */
  readonly own: ReadonlySet<string>;
}

interface Remembered {
  readonly answer: DecodedPacket;
  readonly until: number;
}

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #cache = new Map<string, Remembered>();

  constructor(
    options: ForwarderOptions,
    { clock, random }: { readonly clock: Clock; readonly random: Random },
  ) {
    this.#options = options;
    this.#clock = clock;
    this.#random = random;
  }

  /** Undefined when nobody answers. */
  async resolve(name: string, type: string): Promise<DecodedPacket | undefined> {
    const key = `${type} ${name}`;
    const known = this.#cache.get(key);
    if (known !== undefined && known.until > this.#clock.now()) return known.answer;
    this.#cache.delete(key);
    for (const server of await this.#servers()) {
      const answer = await this.#ask(server, name, type);
      if (answer === undefined || isRefusal(answer)) continue;
      this.#remember(key, answer);
      return answer;
    }
    return undefined;
  }

  async #servers(): Promise<string[]> {
    const text = await readFile(this.#options.resolvConf, "utf8").catch(() => "");
    return [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
      .map(([, server = ""]) => server)
      .filter((server) => !this.#options.own.has(server));
  }

  #remember(key: string, answer: DecodedPacket): void {
    const ttls = (answer.answers ?? []).flatMap((record) =>
      "ttl" in record && record.ttl !== undefined ? [record.ttl * 1000] : [],
    );
    const ms = ttls.length === 0 ? negativeMs : Math.min(cacheMaxMs, ...ttls);
    if (ms <= 0) return;
    if (this.#cache.size >= cacheMax) {
      const [oldest] = this.#cache.keys();
      if (oldest !== undefined) this.#cache.delete(oldest);
    }
    this.#cache.set(key, { answer, until: this.#clock.now() + ms });
  }

  async #ask(server: string, name: string, type: string): Promise<DecodedPacket | undefined> {
    const query: Packet = {
      type: "query",
      id: this.#random.bytes(2).readUInt16BE(),
      flags: dnsPacket.RECURSION_DESIRED,
      questions: [{ name, type: type as "A", class: "IN" }],
    };
    const bytes = dnsPacket.encode(query);
    const first = await askUdp(server, bytes, this.#clock);
    return first?.flag_tc === true ? askTcp(server, bytes, this.#clock) : first;
  }
}

function askUdp(server: string, query: Buffer, clock: Clock): Promise<DecodedPacket | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
    const finish = (answer: DecodedPacket | undefined): void => {
      cancel();
      socket.close();
      resolve(answer);
    };
    const cancel = clock.after(tryMs, () => {
      finish(undefined);
    });
    socket.on("message", (bytes: Buffer, from: RemoteInfo) => {
      // Somebody else's answer, or to somebody else's question, is ignored.
      if (from.address !== server || bytes.length < 12 || bytes.readUInt16BE() !== query.readUInt16BE()) {
        return;
      }
      finish(decode(bytes));
    });
    socket.once("error", () => {
      finish(undefined);
    });
    socket.connect(53, server, () => {
      socket.send(query);
    });
  });
}

function askTcp(server: string, query: Buffer, clock: Clock): Promise<DecodedPacket | undefined> {
  return new Promise((resolve) => {
    const socket = connect(53, server);
    let received = Buffer.alloc(0);
    const finish = (answer: DecodedPacket | undefined): void => {
      cancel();
      socket.destroy();
      resolve(answer);
    };
    const cancel = clock.after(tryMs, () => {
      finish(undefined);
    });
    socket.once("connect", () => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
        finish(decode(received.subarray(2)));
      }
    });
    socket.once("error", () => {
      finish(undefined);
    });
    socket.once("close", () => {
      finish(undefined);
    });
  });
}

function decode(bytes: Buffer): DecodedPacket | undefined {
  try {
    return dnsPacket.decode(bytes);
  } catch {
    return undefined;
  }
}

/** SERVFAIL and REFUSED: another server may know. */
function isRefusal({ flags = 0 }: DecodedPacket): boolean {
  const code = flags & 0xf;
  return code === 2 || code === 5;
}
