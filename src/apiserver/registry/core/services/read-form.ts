/**
 * How Services are read that were stored before they could have two addresses, or before their traffic within the
 * cluster had a policy. upstream: pkg/registry/core/service/storage/storage.go (defaultOnRead)
 */
import { defaultService } from "#api/core/service-defaults.ts";
import type { Service, ServiceSpec } from "#api/generated/types/core-v1.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { ReadForm } from "../../read-form.ts";
import { familyOf, type AddressFamily } from "./address-range.ts";
import { otherFamily, type OfferedFamilies } from "./families.ts";
import { normalizeAddresses } from "./kept-fields.ts";
import { hasAddresses } from "./service-fields.ts";

const externalName = Buffer.from('"type":"ExternalName"');
const trafficPolicy = Buffer.from('"internalTrafficPolicy":"');
/** What all others have. */
const always = ['"clusterIPs":["', '"ipFamilies":["IPv', '"internalTrafficPolicy":"'].map((text) =>
  Buffer.from(text),
);

export class ServiceReadForm implements ReadForm {
  readonly #offered: () => OfferedFamilies;

  /** `offered`: asked for at the first Service that was stored otherwise. */
  constructor(offered: () => OfferedFamilies) {
    this.#offered = offered;
  }

  isCurrent(value: Buffer): boolean {
    if (value.includes(externalName)) return !value.includes(trafficPolicy);
    return always.every((text) => value.includes(text));
  }

  renew(object: AnyObject): void {
    defaultService(object);
    const spec = ((object as Service).spec ??= {});
    normalizeAddresses(spec, undefined);
    if (hasAddresses(spec)) addFamilies(spec, this.#offered()[0] ?? "IPv4");
    else delete spec.internalTrafficPolicy;
  }
}

/** Who has families has a policy, too. */
function addFamilies(spec: ServiceSpec, primary: AddressFamily): void {
  const { clusterIP, clusterIPs = [], ipFamilies = [], selector = {} } = spec;
  if (ipFamilies.length > 0) return;
  if (clusterIP !== "None") spec.ipFamilies = clusterIPs.map(familyOf);
  else if (Object.keys(selector).length > 0) spec.ipFamilies = [primary];
  // Of which families its addresses are is anybody's guess.
  else spec.ipFamilies = [primary, otherFamily(primary)];
  const count = spec.ipFamilies.length;
  if (count > 0) spec.ipFamilyPolicy = count === 1 ? "SingleStack" : "RequireDualStack";
}
