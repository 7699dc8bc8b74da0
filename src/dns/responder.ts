/** From a question's bytes to the answer's. */
import dnsPacket, { type Answer, type DecodedPacket, type OptAnswer, type Packet } from "dns-packet";
import type { ClusterRecords, DnsRecord, Found } from "./records.ts";

/** Of cluster records: short, they follow their objects. upstream: the CoreDNS kubernetes plugin's default */
const ttl = 5;
/** What a client without EDNS can take over UDP. */
const plainMax = 512;
/** Fits any path without fragments. */
const ednsMax = 1232;
const aliasesMax = 8;

export interface Outside {
  resolve(name: string, type: string): Promise<DecodedPacket | undefined>;
}

interface Answering {
  readonly rcode: "NOERROR" | "NXDOMAIN" | "SERVFAIL" | "NOTIMP" | "FORMERR";
  readonly isAuthoritative: boolean;
  readonly answers: Answer[];
  readonly additional: Answer[];
  readonly authority: Answer[];
}

const failed = (rcode: Answering["rcode"]): Answering => ({
  rcode,
  isAuthoritative: false,
  answers: [],
  additional: [],
  authority: [],
});

const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;

export class Responder {
  readonly #domain: string;
  readonly #records: ClusterRecords;
  readonly #outside: Outside;

  constructor(
    domain: string,
    { records, outside }: { readonly records: ClusterRecords; readonly outside: Outside },
  ) {
    this.#domain = domain;
    this.#records = records;
    this.#outside = outside;
  }

  /** Undefined: not a question, nothing is answered. `isDatagram`: the answer must fit into one. */
  async respond(bytes: Buffer, isDatagram: boolean): Promise<Buffer | undefined> {
    // An answer, or too short to have a header: answering could start a loop.
    if (bytes.length < 12 || ((bytes[2] ?? 0) & 0x80) !== 0) return undefined;
    const query = decode(bytes);
    if (query === undefined) return encode({ id: bytes.readUInt16BE() }, failed("FORMERR"), undefined);
    const answering = await this.#judge(query);
    const opt = (query.additionals ?? []).find((record): record is OptAnswer => record.type === "OPT");
    const full = encode(query, answering, opt);
    const max = Math.max(plainMax, Math.min(ednsMax, opt?.udpPayloadSize ?? plainMax));
    if (!isDatagram || full.length <= max) return full;
    return encode(query, { ...answering, additional: [] }, opt, max);
  }

  async #judge(query: DecodedPacket): Promise<Answering> {
    const isStandardQuery = (((query.flags ?? 0) >> 11) & 0xf) === 0;
    if (!isStandardQuery) return failed("NOTIMP");
    const [question, ...others] = query.questions ?? [];
    if (question === undefined || others.length > 0) return failed("FORMERR");
    return this.#answer(question.name.toLowerCase().replace(/\.$/, ""), question.type);
  }

  async #answer(name: string, type: string): Promise<Answering> {
    const inside = this.#records.resolve(name);
    if (inside === undefined) return this.#ask(name, type);
    const answers = pick(inside, type);
    const alias = inside.records.find((record) => record.type === "CNAME");
    if (alias !== undefined && type !== "CNAME" && typeof alias.data === "string") {
      answers.push(...(await this.#follow(alias.data, type, aliasesMax)));
    }
    return {
      rcode: inside.exists ? "NOERROR" : "NXDOMAIN",
      isAuthoritative: true,
      answers,
      additional: type === "SRV" ? inside.additional.map(withTtl) : [],
      authority: answers.length === 0 ? [this.#soa()] : [],
    };
  }

  /** What an alias leads to, inside or outside. */
  async #follow(target: string, type: string, left: number): Promise<Answer[]> {
    if (left === 0) return [];
    const name = target.toLowerCase().replace(/\.$/, "");
    const inside = this.#records.resolve(name);
    if (inside === undefined) return (await this.#outside.resolve(name, type))?.answers ?? [];
    const next = inside.records.find((record) => record.type === "CNAME");
    const own = pick(inside, type);
    return next !== undefined && typeof next.data === "string"
      ? [...own, ...(await this.#follow(next.data, type, left - 1))]
      : own;
  }

  async #ask(name: string, type: string): Promise<Answering> {
    const answer = await this.#outside.resolve(name, type);
    if (answer === undefined) return failed("SERVFAIL");
    return {
      rcode: ((answer.flags ?? 0) & 0xf) === rcodes.NXDOMAIN ? "NXDOMAIN" : "NOERROR",
      isAuthoritative: false,
      answers: answer.answers ?? [],
      additional: [],
      authority: answer.authorities ?? [],
    };
  }

  #soa(): Answer {
    const data = {
      mname: `ns.dns.${this.#domain}`,
      rname: `hostmaster.${this.#domain}`,
      serial: 1,
      refresh: 7200,
      retry: 1800,
      expire: 86400,
      minimum: ttl,
    };
    return { type: "SOA", name: this.#domain, ttl, data };
  }
}

function pick({ records }: Found, type: string): Answer[] {
  return records
    .filter((record) => record.type === type || record.type === "CNAME" || type === "ANY")
    .map(withTtl);
}

const withTtl = (record: DnsRecord): Answer => ({ ...record, ttl, class: "IN" });

function decode(bytes: Buffer): DecodedPacket | undefined {
  try {
    return dnsPacket.decode(bytes);
  } catch {
    return undefined;
  }
}

/** With `max`, as many answers as fit and the mark that there are more: the client asks again over TCP. */
function encode(query: Packet, answering: Answering, opt: OptAnswer | undefined, max?: number): Buffer {
  const { rcode, isAuthoritative, answers, additional, authority } = answering;
  const flags =
    ((query.flags ?? 0) & dnsPacket.RECURSION_DESIRED) |
    dnsPacket.RECURSION_AVAILABLE |
    (isAuthoritative ? dnsPacket.AUTHORITATIVE_ANSWER : 0) |
    (max === undefined ? 0 : dnsPacket.TRUNCATED_RESPONSE) |
    rcodes[rcode];
  const ownOpt = {
    type: "OPT",
    name: ".",
    udpPayloadSize: ednsMax,
    flags: 0,
    options: [],
  } as unknown as Answer;
  for (let count = answers.length; ; count = Math.floor(count / 2)) {
    const bytes = dnsPacket.encode({
      type: "response",
      id: query.id ?? 0,
      flags,
      questions: query.questions ?? [],
      answers: answers.slice(0, count),
      authorities: authority,
      additionals: opt === undefined ? additional : [...additional, ownOpt],
    });
    if (max === undefined || bytes.length <= max || count === 0) return bytes;
  }
}
