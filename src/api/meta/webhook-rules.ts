/** Where a webhook is. upstream: apiserver/pkg/util/webhook/validation.go; texts of bad URLs: Go's net/url */
import type { FaultList } from "./fault-list.ts";
import { dnsSubdomainFaults, portNumberFaults } from "./names.ts";

const form = "; desired format: https://host[/path]";

interface UrlParts {
  /** In lower case; "" without one. */
  readonly scheme: string;
  /** Of "//user@host"; undefined without the slashes. */
  readonly authority: string | undefined;
  readonly path: string;
  readonly query: string;
  readonly fragment: string;
}

function partsOf(text: string): UrlParts {
  const parts = /^(?:([a-z][a-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/i.exec(text);
  const [, scheme = "", authority, path = "", query = "", fragment = ""] = parts ?? [];
  return { scheme: scheme.toLowerCase(), authority, path, query, fragment };
}

const badEscape = (text: string): string | undefined => /%(?![0-9a-f]{2}).{0,2}/i.exec(text)?.[0];

function hostFault(host: string): string | undefined {
  if (host.startsWith("[") && !host.includes("]")) return "missing ']' in host";
  const [port] = /:[^:\]]*$/.exec(host) ?? [];
  return port === undefined || /^:\d*$/.test(port)
    ? undefined
    : `invalid port ${JSON.stringify(port)} after host`;
}

/** What keeps Go from reading it; undefined: nothing. */
function readFault(text: string, { scheme, authority, path, fragment }: UrlParts): string | undefined {
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(text)) return "net/url: invalid control character in URL";
  if (text.startsWith(":")) return "missing protocol scheme";
  if (scheme === "" && authority === undefined && /^[^/]*:/.test(path)) {
    return "first path segment in URL cannot contain colon";
  }
  const isOpaque = authority === undefined && scheme !== "" && !path.startsWith("/");
  const escape = badEscape(isOpaque ? fragment : `${path}#${fragment}`);
  const host = (authority ?? "").slice((authority ?? "").lastIndexOf("@") + 1);
  return (
    hostFault(host) ?? (escape === undefined ? undefined : `invalid URL escape ${JSON.stringify(escape)}`)
  );
}

export function checkWebhookUrl(text: string, path: string, faults: FaultList): void {
  const parts = partsOf(text);
  const fault = readFault(text, parts);
  if (fault !== undefined) {
    faults.required(path, `url must be a valid URL: parse ${JSON.stringify(text)}: ${fault}${form}`);
    return;
  }
  const { scheme, authority = "", query, fragment } = parts;
  if (scheme !== "https") faults.invalid(path, scheme, `'https' is the only allowed URL scheme${form}`);
  const at = authority.lastIndexOf("@");
  const host = authority.slice(at + 1);
  if (host === "") faults.invalid(path, host, `host must be specified${form}`);
  if (at >= 0) {
    faults.invalid(path, authority.slice(0, at), "user information is not permitted in the URL");
  }
  if (fragment !== "") faults.invalid(path, fragment, "fragments are not permitted in the URL");
  if (query !== "") faults.invalid(path, query, "query parameters are not permitted in the URL");
}

interface WebhookService {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly path?: string | undefined;
  readonly port?: number | undefined;
}

export function checkWebhookService(service: WebhookService, at: string, faults: FaultList): void {
  const { name = "", namespace = "", path, port = 443 } = service;
  if (name === "") faults.required(`${at}.name`, "service name is required");
  if (namespace === "") faults.required(`${at}.namespace`, "service namespace is required");
  const wrong = portNumberFaults(port);
  if (wrong.length > 0) faults.invalid(`${at}.port`, port, `port is not valid: ${wrong.join(", ")}`);
  if (path !== undefined) checkPath(path, `${at}.path`, faults);
}

function checkPath(path: string, at: string, faults: FaultList): void {
  if (path === "/" || path === "") return;
  if (path === "//") {
    faults.invalid(at, path, "segment[0] may not be empty");
    return;
  }
  if (!path.startsWith("/")) faults.invalid(at, path, "must start with a '/'");
  const steps = path.slice(1).replace(/\/$/, "").split("/");
  for (const [index, step] of steps.entries()) {
    if (step === "") faults.invalid(at, path, `segment[${index}] may not be empty`);
    else {
      for (const fault of dnsSubdomainFaults(step)) faults.invalid(at, path, `segment[${index}]: ${fault}`);
    }
  }
}
