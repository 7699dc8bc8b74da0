/**
 * spec.conversion of a definition.
 * upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go, apiserver/pkg/util/webhook/validation.go
 */
import type { CustomResourceConversion } from "../generated/types/apiextensions-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { repeatedAt } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { dns1035LabelFaults } from "../meta/names.ts";
import { checkWebhookService, checkWebhookUrl } from "../meta/webhook-rules.ts";
import { caBundleFault } from "./ca-bundle.ts";

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
  } else if (url !== undefined) checkWebhookUrl(url, `${path}.url`, faults);
  else if (service !== undefined) checkWebhookService(service, `${path}.service`, faults);
  const fault = caBundle === "" || allowsBadCa ? undefined : caBundleFault(caBundle);
  if (fault !== undefined) faults.invalid(`${path}.caBundle`, caBundle, fault);
}

function checkReviewVersions(versions: readonly string[], path: string, faults: FaultList): void {
  if (versions.length === 0) {
    faults.required(path);
    return;
  }
  const repeated = repeatedAt(versions);
  for (const [index, version] of versions.entries()) {
    if (repeated.has(index)) faults.invalid(`${path}[${index}]`, version, "duplicate version");
    else faults.messages(`${path}[${index}]`, version, dns1035LabelFaults(version));
  }
  if (!versions.some((version) => reviewVersions.includes(version))) {
    faults.invalid(path, versions, `must include at least one of ${reviewVersions.join(", ")}`);
  }
}
