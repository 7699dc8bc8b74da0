/**
 * How the API is served, by kube-apiserver's flags, their defaults and their rules.
 * upstream: apiserver/pkg/server/options/{server_run_options,serving}.go, component-base/cli/flag/ciphersuites_flag.go
 */
import type { RequestLimits } from "#apiserver/flowcontrol/in-flight.ts";
import { defaultServing, type ServingOptions } from "#apiserver/http/serving-options.ts";
import { isCipherSuite, tlsVersion, tlsVersionNames } from "#apiserver/http/tls-names.ts";
import type { OptionSpec } from "#base/options.ts";
import { specsOf } from "../flag-specs.ts";

export interface RequestOptions {
  readonly requestTimeoutMs: number;
  readonly minRequestTimeoutMs: number;
  readonly shutdownDelayMs: number;
  readonly livezGraceMs: number;
  readonly eventTtlMs: number;
  readonly requestLimits: RequestLimits;
  readonly isFair: boolean;
  readonly externalHostname: string | undefined;
  readonly serving: ServingOptions;
}

const spec = specsOf("listener");

export const servingSpecs: readonly OptionSpec[] = [
  spec("request-timeout", "string", "DURATION", {
    defaultText: "1m0s",
    text: "How long a request may take that is neither a watch nor a connection",
  }),
  spec("min-request-timeout", "integer", "SECONDS", {
    defaultText: "1800",
    text: "How long a watch lasts at least; it ends by chance between this and twice as much",
  }),
  spec("max-requests-inflight", "integer", "COUNT", {
    defaultText: "400",
    text: "How many requests that only read are worked on at once. With priority and fairness it and the next one are one sum, shared out; without, 0 means no limit",
  }),
  spec("max-mutating-requests-inflight", "integer", "COUNT", {
    defaultText: "200",
    text: "How many other requests are worked on at once",
  }),
  spec("enable-priority-and-fairness", "boolean", "", {
    defaultText: "true",
    text: "Requests wait for their turn by FlowSchemas and PriorityLevelConfigurations; otherwise who comes too many is refused",
  }),
  spec("livez-grace-period", "string", "DURATION", {
    defaultText: "0s",
    text: "For how long after its start a server is alive for /livez whatever it still has to do",
  }),
  spec("event-ttl", "string", "DURATION", {
    defaultText: "1h0m0s",
    text: "How long events are kept; 0s keeps them",
  }),
  spec("shutdown-delay-duration", "string", "DURATION", {
    defaultText: "0s",
    text: "How long the API is served on, not ready, before the server stops",
  }),
  spec("shutdown-send-retry-after", "boolean", "", {
    text: "Go on listening while requests end, and send new ones away with 429 and Retry-After",
  }),
  spec("shutdown-watch-termination-grace-period", "string", "DURATION", {
    defaultText: "0s",
    text: "How long watches may take to end when the server stops",
  }),
  spec("goaway-chance", "string", "FRACTION", {
    defaultText: "0",
    text: "Of how many requests over HTTP/2 the client is told to open another connection; 0 to 0.02",
  }),
  spec("http2-max-streams-per-connection", "integer", "COUNT", {
    defaultText: "10000",
    text: "How many requests a client may have open on one connection",
  }),
  spec("cors-allowed-origins", "list", "REGEXP", {
    text: "Origins whose pages may use the API, such as //example\\.com(:|$)",
  }),
  spec("strict-transport-security-directives", "list", "DIRECTIVE", {
    text: "Of the header Strict-Transport-Security: max-age=SECONDS, includeSubDomains, preload",
  }),
  spec("tls-min-version", "string", "VERSION", {
    defaultText: "VersionTLS12",
    text: `Oldest TLS that is spoken: ${tlsVersionNames.join(", ")}`,
  }),
  spec("tls-cipher-suites", "list", "SUITE", {
    text: "Cipher suites of TLS 1.2 and before, by Go's names",
  }),
  spec("tls-sni-cert-key", "texts", "CERT,KEY[:NAMES]", {
    text: "Certificate for clients that ask for one of its names, or of these (a.example.com,*.b.example.com); followed",
  }),
  spec("external-hostname", "string", "HOST", {
    defaultText: "the advertised address",
    text: "Host of the URLs that tell clients of this API: in /api, and of the keys of tokens",
  }),
];

interface Values {
  text(name: string): string | undefined;
  flag(name: string): boolean;
  flagIfGiven(name: string): boolean | undefined;
  list(name: string): readonly string[];
  integer(name: string, fallback: number): number;
  duration(name: string, fallbackMs: number, leastMs: number): number;
  count(name: string, fallback: number): number;
  readonly faults: string[];
}

const goawayMax = 0.02;

export function readRequests(values: Values): RequestOptions {
  return {
    requestTimeoutMs: values.duration("request-timeout", 60_000, 1000),
    minRequestTimeoutMs: readCount(values, "min-request-timeout", 1800) * 1000,
    shutdownDelayMs: readDuration(values, "shutdown-delay-duration", 0),
    livezGraceMs: readDuration(values, "livez-grace-period", 0, "a negative value"),
    eventTtlMs: readDuration(values, "event-ttl", 3_600_000),
    ...readLimits(values),
    externalHostname: values.text("external-hostname"),
    serving: {
      corsAllowedOrigins: readOrigins(values),
      hstsDirectives: readDirectives(values),
      goawayChance: readChance(values),
      sendsRetryAfter: values.flag("shutdown-send-retry-after"),
      watchGraceMs: values.duration("shutdown-watch-termination-grace-period", 0, 0),
      tlsMinVersion: readTlsVersion(values),
      cipherSuites: readSuites(values),
      sniCertificates: readSniCertificates(values),
      http2StreamsMax: values.count("http2-max-streams-per-connection", 0),
    },
  };
}

function readDuration(values: Values, name: string, fallbackMs: number, negative = "negative value"): number {
  const ms = values.duration(name, fallbackMs, -Infinity);
  if (ms < 0) values.faults.push(`--${name} can not be ${negative}`);
  return ms;
}

function readCount(values: Values, name: string, fallback: number): number {
  const count = values.integer(name, fallback);
  if (count < 0) values.faults.push(`--${name} can not be negative value`);
  return count;
}

function readLimits(values: Values): Pick<RequestOptions, "requestLimits" | "isFair"> {
  const isFair = values.flagIfGiven("enable-priority-and-fairness") ?? true;
  const reading = readCount(values, "max-requests-inflight", 400);
  const mutating = readCount(values, "max-mutating-requests-inflight", 200);
  if (isFair && reading + mutating === 0) {
    values.faults.push(
      "invalid configuration: MaxRequestsInFlight=0 and MaxMutatingRequestsInFlight=0; they must add up to something positive",
    );
  }
  return { requestLimits: { reading, mutating }, isFair };
}

function readChance(values: Values): number {
  const chance = Number(values.text("goaway-chance") ?? "0");
  if (chance >= 0 && chance <= goawayMax) return chance;
  values.faults.push("--goaway-chance can not be less than 0 or greater than 0.02");
  return 0;
}

function readOrigins(values: Values): readonly string[] {
  const origins = values.list("cors-allowed-origins");
  if (!origins.every(isPinned)) {
    values.faults.push(
      "--cors-allowed-origins has an invalid regular expression: regular expression does not pin to start/end of host in the origin header",
    );
  }
  return origins;
}

/** What matches in the middle of another host's name would let its pages in. Whether it is a pattern shows when it is loaded. */
const isPinned = (pattern: string): boolean => /\^|\/\//.test(pattern) && /[$:]/.test(pattern);

function readDirectives(values: Values): readonly string[] {
  const directives = values.list("strict-transport-security-directives");
  for (const directive of directives) {
    if (/^(?:includeSubDomains|preload|max-age=[^=]*)$/.test(directive)) continue;
    values.faults.push(
      "--strict-transport-security-directives invalid, allowed values: max-age=expireTime, includeSubDomains, preload. see https://tools.ietf.org/html/rfc6797#section-6.1 for more information",
    );
  }
  return directives;
}

function readTlsVersion(values: Values): ServingOptions["tlsMinVersion"] {
  const name = values.text("tls-min-version");
  if (name === undefined) return defaultServing.tlsMinVersion;
  const version = tlsVersion(name);
  if (version === undefined) values.faults.push(`unknown tls version ${JSON.stringify(name)}`);
  return version ?? defaultServing.tlsMinVersion;
}

/** upstream: component-base/cli/flag/namedcertkey_flag.go */
function readSniCertificates(values: Values): ServingOptions["sniCertificates"] {
  return values.list("tls-sni-cert-key").map((text) => {
    const at = text.indexOf(":");
    const files = (at < 0 ? text : text.slice(0, at)).split(",").map((part) => part.trim());
    const names = at < 0 ? "" : text.slice(at + 1).trim();
    const [certFile = "", keyFile = ""] = files;
    if (files.length !== 2) {
      values.faults.push(
        `--tls-sni-cert-key is ${text}: expected comma separated certificate and key file paths`,
      );
    }
    if (at >= 0 && names === "") {
      values.faults.push(`--tls-sni-cert-key is ${text}: empty names list is not allowed`);
    }
    const listed = names === "" ? [] : names.split(",").map((name) => name.trim());
    return { certFile, keyFile, names: listed };
  });
}

function readSuites(values: Values): readonly string[] {
  const names = values.list("tls-cipher-suites");
  for (const name of names) {
    if (!isCipherSuite(name)) values.faults.push(`cipher suite ${name} not supported or doesn't exist`);
  }
  return names;
}
