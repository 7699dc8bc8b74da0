/** What Kubernetes finds in strings: URLs, pieces that match a pattern, named formats. upstream: apiserver/pkg/cel/library/{urls,regex,format,jsonpatch}.go */
import {
  dns1035LabelFaults,
  dnsLabelFaults,
  dnsSubdomainFaults,
  labelValueFaults,
  maskTrailingDash,
  qualifiedNameFaults,
} from "../../meta/names.ts";
import {
  escapedPath,
  hostAndPort,
  parseRequestUri,
  parseUrl,
  queryOf,
  UrlFault,
  type GoUrl,
} from "../../meta/go-url.ts";
import type { Implementation, Library, LibraryFunction } from "../functions.ts";
import type { RegexCompiler } from "../regex.ts";
import { timestampFromText } from "../time.ts";
import {
  ArrayList,
  EntryMap,
  Fault,
  mapKey,
  noneOptional,
  noSuchOverload,
  Opaque,
  Optional,
  Timestamp,
  type Value,
} from "../values.ts";
import { quote } from "./quote.ts";

class UrlValue extends Opaque {
  readonly typeName = "kubernetes.URL";
  readonly text: string;
  readonly url: GoUrl;
  constructor(text: string, url: GoUrl) {
    super();
    this.text = text;
    this.url = url;
  }
  equals(other: Opaque): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }
}

/** An absolute URL or an absolute path. */
function readUrl(text: string): UrlValue | Fault {
  const request = parseRequestUri(text);
  const url = request instanceof UrlFault ? request : parseUrl(text);
  return url instanceof UrlFault
    ? new Fault(`URL parse error during conversion from string: parse ${quote(text)}: ${url.message}`)
    : new UrlValue(text, url);
}

function queryValue(url: GoUrl): Value {
  const entries = [...queryOf(url)].map(
    ([key, values]) => [mapKey(key) ?? "", [key, new ArrayList(values)] as const] as const,
  );
  return new EntryMap(new Map(entries));
}

const ofText =
  (run: (text: string, args: readonly Value[]) => Value): Implementation =>
  ([text, ...args]) =>
    typeof text === "string" ? run(text, args) : noSuchOverload;

const urlPart = (name: string, id: string, result: string, read: (url: GoUrl) => Value): LibraryFunction => ({
  name,
  overloads: [`url_${id}: kubernetes.URL.() -> ${result}`],
  run: ([url]) => (url instanceof UrlValue ? read(url.url) : noSuchOverload),
});

const urls: Library = [
  { name: "url", overloads: ["string_to_url: (string) -> kubernetes.URL"], run: ofText(readUrl) },
  {
    name: "isURL",
    overloads: ["is_url_string: (string) -> bool"],
    run: ofText((text) => !(readUrl(text) instanceof Fault)),
  },
  urlPart("getScheme", "get_scheme", "string", ({ scheme }) => scheme),
  urlPart("getHost", "get_host", "string", ({ host }) => host),
  urlPart("getHostname", "get_hostname", "string", (url) => hostAndPort(url)[0]),
  urlPart("getPort", "get_port", "string", (url) => hostAndPort(url)[1]),
  urlPart("getEscapedPath", "get_escaped_path", "string", escapedPath),
  urlPart("getQuery", "get_query", "map<string,list<string>>", queryValue),
];

const regexFunctions = (regex: RegexCompiler): Library => [
  {
    name: "find",
    overloads: ["string_find_string: string.(string) -> string"],
    run: ofText((text, [pattern]) => {
      if (typeof pattern !== "string") return noSuchOverload;
      const found = regex.findAll(text, pattern, 1);
      return found instanceof Fault ? new Fault(`Illegal regex: ${found.message}`) : (found[0] ?? "");
    }),
  },
  {
    name: "findAll",
    overloads: [
      "string_find_all_string: string.(string) -> list<string>",
      "string_find_all_string_int: string.(string, int) -> list<string>",
    ],
    run: ofText((text, [pattern, limit = -1n]) => {
      if (typeof pattern !== "string" || typeof limit !== "bigint") return noSuchOverload;
      const found = regex.findAll(text, pattern, Number(limit));
      return found instanceof Fault ? new Fault(`Illegal regex: ${found.message}`) : new ArrayList(found);
    }),
  },
];

export class FormatValue extends Opaque {
  readonly typeName = "kubernetes.NamedFormat";
  readonly name: string;
  readonly faultsOf: (text: string) => readonly string[];
  /** How long its pattern may be: what a validation costs. */
  readonly regexSize: number;
  constructor(name: string, faultsOf: (text: string) => readonly string[], regexSize: number) {
    super();
    this.name = name;
    this.faultsOf = faultsOf;
    this.regexSize = regexSize;
  }
  equals(other: Opaque): boolean {
    return other instanceof FormatValue && other.name === this.name;
  }
}

const shortest = 30;
export const nameFormatRegexSize = 128;

const uuid = /^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$/;
const dateTime = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.\d+)?(?:[Zz]|[+-]\d{2}:?\d{2})$/;

const isDate = (text: string): boolean =>
  /^\d{4}-\d{2}-\d{2}$/.test(text) && timestampFromText(`${text}T00:00:00Z`) instanceof Timestamp;

const judged =
  (isGood: (text: string) => boolean, complaint: string) =>
  (text: string): readonly string[] =>
    isGood(text) ? [] : [complaint];

const named: readonly FormatValue[] = [
  new FormatValue("dns1123Label", dnsLabelFaults, shortest),
  new FormatValue("dns1123Subdomain", dnsSubdomainFaults, 60),
  new FormatValue("dns1035Label", dns1035LabelFaults, shortest),
  new FormatValue("qualifiedName", qualifiedNameFaults, 60),
  new FormatValue("dns1123LabelPrefix", (text) => dnsLabelFaults(maskTrailingDash(text)), shortest),
  new FormatValue("dns1123SubdomainPrefix", (text) => dnsSubdomainFaults(maskTrailingDash(text)), 60),
  new FormatValue("dns1035LabelPrefix", (text) => dns1035LabelFaults(maskTrailingDash(text)), shortest),
  new FormatValue("labelValue", labelValueFaults, 40),
  new FormatValue(
    "uri",
    (text) => {
      const url = parseRequestUri(text);
      return url instanceof UrlFault ? [`parse ${quote(text)}: ${url.message}`] : [];
    },
    1000,
  ),
  new FormatValue(
    "uuid",
    judged((text) => uuid.test(text), "does not match the UUID format"),
    uuid.source.length,
  ),
  new FormatValue(
    "byte",
    judged(
      (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text),
      "invalid base64",
    ),
    shortest,
  ),
  new FormatValue("date", judged(isDate, "invalid date"), shortest),
  new FormatValue(
    "datetime",
    judged((text) => dateTime.test(text) && isDate(text.slice(0, 10)), "invalid datetime"),
    dateTime.source.length,
  ),
];

const formats: Library = [
  {
    name: "format.named",
    overloads: ["format-named: (string) -> optional<kubernetes.NamedFormat>"],
    run: ofText((name) => {
      const found = named.find((each) => each.name === name);
      return found === undefined ? noneOptional : new Optional(found);
    }),
  },
  {
    name: "validate",
    overloads: ["format-validate: kubernetes.NamedFormat.(string) -> optional<list<string>>"],
    run: ([format, text]) => {
      if (!(format instanceof FormatValue) || typeof text !== "string") return noSuchOverload;
      const faults = format.faultsOf(text);
      return faults.length === 0 ? noneOptional : new Optional(new ArrayList(faults));
    },
  },
  ...named.map((format) => ({
    name: `format.${format.name}`,
    overloads: [`format-${format.name}: () -> kubernetes.NamedFormat`],
    run: () => format,
  })),
];

export const textsLibrary = (regex: RegexCompiler): Library => [
  ...urls,
  ...regexFunctions(regex),
  ...formats,
];

/** Only where expressions make JSON patches. */
export const jsonPatchLibrary: Library = [
  {
    name: "jsonpatch.escapeKey",
    overloads: ["string_jsonpatch_escapeKey_string: (string) -> string"],
    run: ofText((text) => text.replaceAll("~", "~0").replaceAll("/", "~1")),
  },
];
