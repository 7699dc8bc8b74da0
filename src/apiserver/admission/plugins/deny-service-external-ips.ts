/** Services get no new external addresses: who may write one could draw others' traffic to it. upstream: plugin/pkg/admission/network/denyserviceexternalips/admission.go */
import type { Service } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { AdmissionAttributes, AdmissionPlugin, Operation } from "../admission.ts";
import { refuse } from "../refuse.ts";

export class DenyServiceExternalIPs implements AdmissionPlugin {
  readonly name = "DenyServiceExternalIPs";
  readonly resources = ["services"];

  handles(operation: Operation): boolean {
    return operation === "CREATE" || operation === "UPDATE";
  }

  validate(attributes: AdmissionAttributes): Promise<void> | undefined {
    if (attributes.subresource !== "") return undefined;
    const known = new Set(addressesOf(attributes.oldObject));
    if (addressesOf(attributes.object).every((address) => known.has(address))) return undefined;
    return Promise.reject(refuse(attributes, "Use of external IPs is denied by admission control"));
  }
}

const addressesOf = (service: AnyObject | undefined): readonly string[] =>
  (service as Service | undefined)?.spec?.externalIPs ?? [];
