/** Where a webhook is. upstream: apiserver/pkg/util/webhook/validation.go */
import { goQuote } from "./go-quote.ts";
import type { FaultList } from "./fault-list.ts";
import { parseUrl, UrlFault } from "./go-url.ts";
import { dnsSubdomainFaults, portNumberFaults } from "./names.ts";

const form = "; desired format: https://host[/path]";

export function checkWebhookUrl(text: string, path: string, faults: FaultList): void {
  const url = parseUrl(text);
  if (url instanceof UrlFault) {
    faults.required(path, `url must be a valid URL: parse ${goQuote(text)}: ${url.message}${form}`);
    return;
  }
  const { scheme, host, user, fragment, rawQuery } = url;
  if (scheme !== "https") faults.invalid(path, scheme, `'https' is the only allowed URL scheme${form}`);
  if (host === "") faults.invalid(path, host, `host must be specified${form}`);
  if (user !== undefined) {
    faults.invalid(path, user, "user information is not permitted in the URL");
  }
  if (fragment !== "") faults.invalid(path, fragment, "fragments are not permitted in the URL");
  if (rawQuery !== "") faults.invalid(path, rawQuery, "query parameters are not permitted in the URL");
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
