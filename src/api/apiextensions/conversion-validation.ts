/**
 * spec.conversion of a definition.
 * upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go, apiserver/pkg/util/webhook/validation.go
 */
import { X509Certificate } from "node:crypto";
import type { CustomResourceConversion } from "../generated/types/apiextensions-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { dns1035LabelFaults, dnsSubdomainFaults, portNumberFaults } from "../meta/names.ts";

type Conversion = Loose<CustomResourceConversion>;
type ClientConfig = NonNullable<NonNullable<Conversion["webhook"]>["clientConfig"]>;

const reviewVersions = ["v1", "v1beta1"];
const unwanted = "should not be set when strategy is not set to Webhook";

export function checkConversion(
  conversion: Conversion | undefined,
  path: string,
  faults: FaultList,
  allowsBadCa: boolean,
): void {
  if (conversion === undefined) return;
  const { strategy, webhook } = conversion;
  faults.oneOf(`${path}.strategy`, strategy, ["None", "Webhook"]);
  const config = webhook?.clientConfig;
  const versions = webhook?.conversionReviewVersions ?? [];
  if (strategy !== "Webhook") {
    if (config !== undefined) faults.forbidden(`${path}.webhookClientConfig`, unwanted);
    if (versions.length > 0) faults.forbidden(`${path}.conversionReviewVersions`, unwanted);
    return;
  }
  if (config === undefined) {
    faults.required(`${path}.webhookClientConfig`, "required when strategy is set to Webhook");
  } else checkClientConfig(config, `${path}.webhookClientConfig`, faults, allowsBadCa);
  checkReviewVersions(versions, `${path}.conversionReviewVersions`, faults);
}

function checkClientConfig(
  config: ClientConfig,
  path: string,
  faults: FaultList,
  allowsBadCa: boolean,
): void {
  const { url, service, caBundle = "" } = config;
  if ((url === undefined) === (service === undefined)) {
    faults.required(path, "exactly one of url or service is required");
  } else if (url !== undefined) checkUrl(url, `${path}.url`, faults);
  else if (service !== undefined) checkService(service, `${path}.service`, faults);
  if (caBundle !== "" && !allowsBadCa && !isCaBundle(caBundle)) {
    faults.invalid(
      `${path}.caBundle`,
      caBundle,
      "unable to load root certificates: unable to parse bytes as PEM block",
    );
  }
}

/** Base64 of PEM, every block of it a certificate. */
export function isCaBundle(base64: string): boolean {
  const blocks = Buffer.from(base64, "base64")
    .toString("latin1")
    .match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (blocks === null) return false;
  try {
    for (const block of blocks) void new X509Certificate(block);
    return true;
  } catch {
    return false;
  }
}

function checkUrl(text: string, path: string, faults: FaultList): void {
  const form = "; desired format: https://host[/path]";
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) {
    faults.required(
      path,
      `url must be a valid URL: parse ${JSON.stringify(text)}: invalid URI for request${form}`,
    );
    return;
  }
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "https") faults.invalid(path, scheme, `'https' is the only allowed URL scheme${form}`);
  if (url.host === "") faults.invalid(path, url.host, `host must be specified${form}`);
  if (url.username !== "" || url.password !== "") {
    faults.invalid(path, url.username, "user information is not permitted in the URL");
  }
  if (url.hash !== "") faults.invalid(path, url.hash.slice(1), "fragments are not permitted in the URL");
  if (url.search !== "") {
    faults.invalid(path, url.search.slice(1), "query parameters are not permitted in the URL");
  }
}

function checkService(
  { name = "", namespace = "", path: urlPath, port = 443 }: NonNullable<ClientConfig["service"]>,
  path: string,
  faults: FaultList,
): void {
  if (name === "") faults.required(`${path}.name`, "service name is required");
  if (namespace === "") faults.required(`${path}.namespace`, "service namespace is required");
  if (portNumberFaults(port).length > 0) {
    faults.invalid(`${path}.port`, port, `port is not valid: ${portNumberFaults(port).join(",")}`);
  }
  if (urlPath !== undefined) checkUrlPath(urlPath, `${path}.path`, faults);
}

function checkUrlPath(text: string, path: string, faults: FaultList): void {
  if (text === "/" || text === "") return;
  if (text === "//") {
    faults.invalid(path, text, "segment[0] may not be empty");
    return;
  }
  if (!text.startsWith("/")) faults.invalid(path, text, "must start with a '/'");
  const inner = text.endsWith("/") ? text.slice(1, -1) : text.slice(1);
  for (const [index, segment] of inner.split("/").entries()) {
    if (segment === "") {
      faults.invalid(path, text, `segment[${index}] may not be empty`);
      continue;
    }
    for (const fault of dnsSubdomainFaults(segment)) {
      faults.invalid(path, text, `segment[${index}]: ${fault}`);
    }
  }
}

function checkReviewVersions(versions: readonly string[], path: string, faults: FaultList): void {
  if (versions.length === 0) {
    faults.required(path);
    return;
  }
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) faults.invalid(`${path}[${index}]`, version, "duplicate version");
    else faults.messages(`${path}[${index}]`, version, dns1035LabelFaults(version));
  }
  if (!versions.some((version) => reviewVersions.includes(version))) {
    faults.invalid(path, versions, `must include at least one of ${reviewVersions.join(", ")}`);
  }
}
