/** Objects from one version of the API to another, where several share one storage. */
import { autoscalerToV1, autoscalerToV2 } from "./autoscaling/conversion.ts";
import { typesOf } from "./early-versions.ts";
import { eventToCore, eventToNewer } from "./events/conversion.ts";
import { apiVersionOf, type AnyObject, type GroupVersionKind } from "./meta/object.ts";
import { devicesFromV1Beta1, devicesToV1Beta1 } from "./resource/conversion.ts";

type Conversion = (object: AnyObject) => AnyObject;

/** "kind from to" */
const conversions: ReadonlyMap<string, Conversion> = new Map<string, Conversion>([
  ["HorizontalPodAutoscaler autoscaling/v1 autoscaling/v2", (object) => ({ ...autoscalerToV2(object) })],
  ["HorizontalPodAutoscaler autoscaling/v2 autoscaling/v1", (object) => ({ ...autoscalerToV1(object) })],
  ["Event v1 events.k8s.io/v1", eventToNewer],
  ["Event events.k8s.io/v1 v1", eventToCore],
  ...["DeviceClass", "ResourceClaim", "ResourceClaimTemplate", "ResourceSlice"].flatMap(
    (kind): [string, Conversion][] => [
      [`${kind} resource.k8s.io/v1beta1 resource.k8s.io/v1`, devicesFromV1Beta1],
      [`${kind} resource.k8s.io/v1 resource.k8s.io/v1beta1`, devicesToV1Beta1],
    ],
  ),
]);

/**
 * A new object that may share its parts with the given one; the given one itself where nothing changes.
 * Throws where no conversion is known: the scheme doesn't let that happen.
 */
export function convert(object: AnyObject, from: GroupVersionKind, to: GroupVersionKind): AnyObject {
  const source = apiVersionOf(from);
  const target = apiVersionOf(to);
  if (source === target && from.kind === to.kind) return object;
  if (from.kind === to.kind && typesOf(source) === typesOf(target)) return { ...object, apiVersion: target };
  const name = `${from.kind} ${typesOf(source)} ${typesOf(target)}`;
  const conversion = from.kind === to.kind ? conversions.get(name) : undefined;
  if (conversion === undefined) {
    throw new TypeError(`no conversion of ${from.kind} from ${source} to ${to.kind} of ${target}`);
  }
  return { ...conversion(object), apiVersion: target };
}
