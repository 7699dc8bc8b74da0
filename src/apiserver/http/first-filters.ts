/**
 * What is done with a request before anybody asks whose it is, where the options want it: HSTS, a goodbye by chance, CORS.
 * upstream: apiserver/pkg/server/filters/{hsts,goaway,cors}.go
 */
import { auditIdOf } from "#apiserver/audit/auditor.ts";
import type { Expressions } from "#api/expressions.ts";
import type { Random } from "#base/random.ts";
import { headerOf, type Exchange } from "./exchange.ts";
import type { ServingOptions } from "./serving-options.ts";

const corsHeaders: readonly (readonly [name: string, value: string])[] = [
  ["access-control-allow-methods", "POST, GET, OPTIONS, PUT, DELETE, PATCH"],
  [
    "access-control-allow-headers",
    "Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token, Authorization, X-Requested-With, If-Modified-Since",
  ],
  ["access-control-expose-headers", "Date"],
  ["access-control-allow-credentials", "true"],
];

type Options = Pick<ServingOptions, "corsAllowedOrigins" | "hstsDirectives" | "goawayChance">;

/** Patterns in RE2's syntax. */
type Patterns = Pick<Expressions, "compilePattern" | "patternFault">;

export class FirstFilters {
  readonly #patterns: readonly string[];
  #origins: readonly ((origin: string) => boolean)[] = [];
  readonly #hsts: string;
  readonly #goawayChance: number;
  readonly #random: Random;

  constructor({ corsAllowedOrigins, hstsDirectives, goawayChance }: Options, random: Random) {
    this.#patterns = corsAllowedOrigins;
    this.#hsts = hstsDirectives.join("; ");
    this.#goawayChance = goawayChance;
    this.#random = random;
  }

  /** Before the first request: what reads patterns comes late. Throws for one that is none. */
  async load(loadPatterns: () => Promise<Patterns>): Promise<void> {
    if (this.#patterns.length === 0) return;
    const { compilePattern, patternFault } = await loadPatterns();
    for (const pattern of this.#patterns) {
      const fault = patternFault(pattern);
      if (fault === undefined) continue;
      throw new Error(`--cors-allowed-origins has an invalid regular expression: ${fault}`);
    }
    this.#origins = this.#patterns.map(compilePattern);
  }

  /** None of it is wanted: requests needn't come by. */
  get areIdle(): boolean {
    return this.#patterns.length === 0 && this.#hsts === "" && this.#goawayChance === 0;
  }

  /** Of every answer but one that sends the client away. */
  mark(exchange: Exchange): void {
    if (this.#hsts !== "") exchange.setHeader("strict-transport-security", this.#hsts);
    if (this.#goawayChance > 0 && this.#random.next() < this.#goawayChance) exchange.leaveConnection?.();
  }

  /** Whether it is answered: a browser only asked what it may ask. */
  answers(exchange: Exchange): boolean {
    const origin = headerOf(exchange, "origin");
    if (origin === "" || !this.#origins.some((allows) => allows(origin))) return false;
    exchange.setHeader("access-control-allow-origin", origin);
    for (const [name, value] of corsHeaders) exchange.setHeader(name, value);
    if (exchange.method !== "OPTIONS") return false;
    const auditId = auditIdOf(headerOf(exchange, "audit-id"), this.#random);
    exchange.send(204, ["audit-id", auditId, "cache-control", "no-cache, private"], undefined);
    return true;
  }
}
