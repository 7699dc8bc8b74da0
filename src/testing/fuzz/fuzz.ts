/**
 * A whole apiserver under damaged requests: it must answer each with something the API knows, stay alive, and hold no
 * more memory afterwards. Each case has its own seed, so that one alone can be looked at again.
 */
import { parseExact } from "#base/exact-json.ts";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { createExpressions } from "#api/expressions.ts";
import { systemClock } from "#base/clock.ts";
import { errorText, silentLogger, type Logger } from "#base/log.ts";
import { SeededRandom } from "#base/random.ts";
import { openMemoryStore } from "#store/memory.ts";
import type { Store } from "#store/store.ts";
import { startTestServer, type TestServer } from "#testing/server.ts";
import { runChannelCase } from "./channel-cases.ts";
import { Choice } from "./choice.ts";
import { goodDefinition } from "./custom-cases.ts";
import { expressionCase, runExpressionCase } from "./expression-cases.ts";
import { runFrameCase } from "./frame-cases.ts";
import { FuzzClient, reproduction, type HttpAnswer, type HttpCase } from "./http-case.ts";
import { runHttp2Case } from "./http2-cases.ts";
import { ObjectMaker } from "./object-maker.ts";
import { requestFamilies, type CaseDeps } from "./request-cases.ts";
import { faultOf } from "./verdict.ts";

export const fuzzFamilies = [
  ...Object.keys(requestFamilies),
  "frames",
  "http2",
  "channels",
  "expressions",
] as const;

export interface FuzzOptions {
  readonly seed: number;
  readonly families: readonly string[];
  /** Only this case of an earlier run, which had the same families. */
  readonly caseSeed?: number | undefined;
  /** Ends at the first of the two. */
  readonly casesMax: number;
  readonly runMs: number;
  /** After that many cases the server is emptied and its memory looked at. */
  readonly windowCases: number;
  readonly onWindow?: ((window: FuzzWindow) => void) | undefined;
  readonly onFinding?: ((finding: FuzzFinding) => void) | undefined;
}

export interface FuzzWindow {
  readonly cases: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
  readonly findings: number;
}

export interface FuzzFinding {
  readonly family: string;
  readonly caseSeed: number;
  readonly fault: string;
  readonly reproduction: string;
}

export interface FuzzReport {
  readonly cases: number;
  readonly statuses: ReadonlyMap<string, number>;
  readonly findings: readonly FuzzFinding[];
  readonly windows: readonly FuzzWindow[];
}

const workers = 6;
const findingsMax = 40;
const shrinkTriesMax = 150;
/** Less than what our own ends wait for a peer: a case whose end nobody noticed is a finding. */
const caseMaxMs = 4000;
const caseStepMs = 100;
const growthMaxBytes = 64 << 20;

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const errors: string[] = [];
  const store = openMemoryStore({ clock: systemClock, log: silentLogger });
  await using server = await startTestServer({
    store,
    log: rememberingErrors(errors),
    loadExpressions: () => Promise.resolve(createExpressions()),
  });
  const client = new FuzzClient(server, systemClock);
  const run = new Run(options, { client, server, errors, store });
  const onStray = (error: unknown): void => {
    run.stray(error);
  };
  process.on("unhandledRejection", onStray);
  process.on("uncaughtException", onStray);
  try {
    await run.all();
  } finally {
    client.close();
    process.off("unhandledRejection", onStray);
    process.off("uncaughtException", onStray);
  }
  return run.report();
}

const goodRequest: HttpCase = { method: "GET", path: "/version", headers: {}, body: Buffer.alloc(0) };

interface RunDeps {
  readonly server: TestServer;
  readonly client: FuzzClient;
  readonly errors: string[];
  readonly store: Store;
}

class Run {
  readonly #options: FuzzOptions;
  readonly #deps: RunDeps;
  readonly #cases: CaseDeps;
  readonly #statuses = new Map<string, number>();
  readonly #findings = new Map<string, FuzzFinding>();
  readonly #windows: FuzzWindow[] = [];
  #next = 0;
  #latest: readonly string[] = [];

  constructor(options: FuzzOptions, deps: RunDeps) {
    this.#options = options;
    this.#deps = deps;
    const [table, scheme] = [createTypeTable(), createScheme()];
    this.#cases = { scheme, protobuf: new ProtobufCodec(table, scheme), objects: new ObjectMaker(table) };
  }

  async all(): Promise<void> {
    const end = systemClock.monotonic() + this.#options.runMs;
    const { casesMax, windowCases } = this.#options;
    await this.#deps.client.send(goodDefinition, "h1");
    if (this.#options.caseSeed !== undefined) {
      this.#next = 1;
      await this.#one(this.#options.caseSeed);
      return;
    }
    while (this.#next < casesMax && systemClock.monotonic() < end && this.#findings.size < findingsMax) {
      const windowEnd = Math.min(casesMax, this.#next + windowCases);
      const work = async (): Promise<void> => {
        while (this.#next < windowEnd && systemClock.monotonic() < end) {
          await this.#one((this.#options.seed * 1_000_003 + this.#next++) >>> 0);
        }
      };
      await Promise.all(Array.from({ length: workers }, work));
      await this.#closeWindow();
    }
  }

  stray(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#found("stray", 0, { fault: `nobody caught ${text}`, reproduction: this.#latest.join("\n") });
  }

  report(): FuzzReport {
    return {
      cases: this.#next,
      statuses: this.#statuses,
      findings: [...this.#findings.values()],
      windows: this.#windows,
    };
  }

  async #one(caseSeed: number): Promise<void> {
    const choice = new Choice(new SeededRandom(caseSeed));
    const family = choice.pick(this.#options.families);
    if (family === "frames") {
      await this.#guarded(family, caseSeed, () => runFrameCase(choice, systemClock));
    } else if (family === "http2") {
      await this.#guarded(family, caseSeed, () => this.#http2(choice));
    } else if (family === "channels") {
      await this.#guarded(family, caseSeed, () => runChannelCase(choice, systemClock));
    } else if (family === "expressions") {
      const source = expressionCase(choice);
      await this.#guarded(family, caseSeed, () => runExpressionCase(source, choice), source);
    } else {
      await this.#request(family as keyof typeof requestFamilies, caseSeed, choice);
    }
  }

  /** A good connection beside it keeps being answered. */
  async #http2(choice: Choice): Promise<void> {
    await runHttp2Case(choice, this.#deps.server);
    const answer = await this.#deps.client.send(goodRequest, "h2");
    if (answer?.status !== 200) throw new Error(`another connection is answered with ${answer?.status}`);
  }

  async #guarded(family: string, caseSeed: number, run: () => unknown, shown = ""): Promise<void> {
    this.#remember(`${family} ${caseSeed} ${shown}`);
    const late = Promise.withResolvers<never>();
    // In steps: a machine that stood still for so long has given the case no time.
    const wait = (leftMs: number): (() => void) =>
      systemClock.after(caseStepMs, () => {
        if (leftMs > caseStepMs) cancel = wait(leftMs - caseStepMs);
        else late.reject(new Error(`not at its end after ${caseMaxMs} ms`));
      });
    let cancel = wait(caseMaxMs);
    try {
      await Promise.race([run(), late.promise]);
      this.#count(family);
    } catch (error) {
      const fault = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#found(family, caseSeed, { fault, reproduction: shown });
    } finally {
      cancel();
    }
  }

  async #request(family: keyof typeof requestFamilies, caseSeed: number, choice: Choice): Promise<void> {
    const one = requestFamilies[family](choice, this.#cases);
    const over = choice.chance(0.5) ? "h1" : "h2";
    this.#remember(reproduction(one));
    const fault = await this.#faultOf(one, over);
    if (fault === undefined) return;
    const logged = this.#deps.errors.splice(0).join("\n");
    if (this.#findings.has(keyOf(family, fault))) return;
    const small = await this.#shrunk(one, over, keyOf(family, fault));
    this.#found(family, caseSeed, {
      fault: `${fault}\n${logged}`,
      reproduction: `${over} ${reproduction(small)}`,
    });
  }

  async #faultOf(one: HttpCase, over: "h1" | "h2"): Promise<string | undefined> {
    let answer: HttpAnswer | undefined;
    try {
      answer = await this.#deps.client.send(one, over);
    } catch (error) {
      return errorText(error);
    }
    if (answer === undefined) return undefined;
    this.#count(String(answer.status));
    return faultOf(one, answer, this.#cases.protobuf);
  }

  /** The same finding with less: parts of a JSON body and of the query are left out while it stays. */
  async #shrunk(one: HttpCase, over: "h1" | "h2", key: string): Promise<HttpCase> {
    const [family = ""] = key.split(":", 1);
    let small = one;
    let tries = 0;
    let isSmaller = true;
    while (isSmaller && tries < shrinkTriesMax) {
      isSmaller = false;
      for (const candidate of smallerCases(small)) {
        if (tries++ >= shrinkTriesMax) break;
        const fault = await this.#faultOf(candidate, over);
        if (fault === undefined || keyOf(family, fault) !== key) continue;
        small = candidate;
        isSmaller = true;
        break;
      }
    }
    this.#deps.errors.length = 0;
    return small;
  }

  #found(family: string, caseSeed: number, what: Pick<FuzzFinding, "fault" | "reproduction">): void {
    const key = keyOf(family, what.fault);
    if (this.#findings.has(key)) return;
    const finding = { family, caseSeed, ...what };
    this.#findings.set(key, finding);
    this.#options.onFinding?.(finding);
  }

  #count(what: string): void {
    this.#statuses.set(what, (this.#statuses.get(what) ?? 0) + 1);
  }

  #remember(text: string): void {
    this.#latest = [...this.#latest.slice(1 - workers), text.slice(0, 2000)];
  }

  /** What was made goes, and what memory is left shows. */
  async #closeWindow(): Promise<void> {
    const { store } = this.#deps;
    const { entries, revision } = await store.list("/registry/");
    for (const { key, modRevision } of entries) {
      if (key.includes("fuzz-")) await store.delete(key, modRevision).catch(() => undefined);
    }
    await store.compact(revision).catch(() => undefined);
    collectGarbage();
    const { heapUsed, rss } = process.memoryUsage();
    const window = {
      cases: this.#next,
      heapBytes: heapUsed,
      residentBytes: rss,
      findings: this.#findings.size,
    };
    this.#windows.push(window);
    this.#options.onWindow?.(window);
  }
}

/** Two findings are one if they differ in values only. */
const keyOf = (family: string, fault: string): string =>
  `${family}:${(fault.split("\n", 1)[0] ?? "").replaceAll(/\\?"[^"]*"|\d+/g, "#").slice(0, 120)}`;

function* smallerCases(one: HttpCase): Generator<HttpCase> {
  const mark = one.path.indexOf("?");
  if (mark >= 0) {
    const pairs = one.path.slice(mark + 1).split("&");
    for (const at of pairs.keys()) {
      yield { ...one, path: `${one.path.slice(0, mark)}?${pairs.toSpliced(at, 1).join("&")}` };
    }
  }
  let value: unknown;
  try {
    value = parseExact(one.body.toString("utf8"));
  } catch {
    return;
  }
  for (const smaller of smallerValues(value)) {
    yield { ...one, body: Buffer.from(JSON.stringify(smaller), "utf8") };
  }
}

function* smallerValues(value: unknown): Generator {
  if (typeof value !== "object" || value === null) return;
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value;
    for (const at of list.keys()) yield list.toSpliced(at, 1);
    for (const [at, item] of list.entries()) {
      for (const each of smallerValues(item)) yield list.with(at, each);
    }
    return;
  }
  const entries = Object.entries(value);
  for (const at of entries.keys()) yield Object.fromEntries(entries.toSpliced(at, 1));
  for (const [at, [name, item]] of entries.entries()) {
    for (const each of smallerValues(item)) yield Object.fromEntries(entries.with(at, [name, each]));
  }
}

function rememberingErrors(errors: string[]): Logger {
  const log: Logger = {
    ...silentLogger,
    error: (event, fields) => {
      const error = fields?.["error"];
      const cause = error instanceof Error ? (error.cause ?? error) : error;
      errors.push(`${event} ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
      if (errors.length > 8) errors.shift();
    },
    child: () => log,
  };
  return log;
}

/** An ordinary collection keeps the empty pages for later, so that what is resident would show the highest tide so far. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (how: object) => void;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
}

/**
 * The same mix of cases in each window: after a third of them all caches are warm, and what the last third holds more
 * than the one before is kept for nothing. Undefined when that isn't much.
 */
export function growthOf(windows: readonly FuzzWindow[]): string | undefined {
  if (windows.length < 6) return undefined;
  const third = Math.floor(windows.length / 3);
  const least = (some: readonly FuzzWindow[], what: "heapBytes" | "residentBytes"): number =>
    Math.min(...some.map((window) => window[what]));
  for (const what of ["heapBytes", "residentBytes"] as const) {
    const before = least(windows.slice(third, -third), what);
    const after = least(windows.slice(-third), what);
    if (after - before > growthMaxBytes) return `${what} went from ${before} to ${after}`;
  }
  return undefined;
}
