/**
 * Dynamic resource allocation between v1beta1 and v1: a request for one kind of device stands in `exactly` since, and
 * what a device is no longer in `basic`. upstream: pkg/apis/resource/v1beta1/conversion.go
 */
import type { DeviceRequest, ResourceSliceSpec } from "../generated/types/resource-v1.ts";
import type {
  DeviceRequest as DeviceRequestV1Beta1,
  ResourceSliceSpec as ResourceSliceSpecV1Beta1,
} from "../generated/types/resource-v1beta1.ts";
import type { AnyObject } from "../meta/object.ts";

function requestFrom({ name, firstAvailable, ...exactly }: DeviceRequestV1Beta1): DeviceRequest {
  return {
    name,
    ...(Object.keys(exactly).length === 0
      ? {}
      : { exactly: { ...exactly, deviceClassName: exactly.deviceClassName ?? "" } }),
    ...(firstAvailable === undefined ? {} : { firstAvailable }),
  };
}

function requestTo({ name, exactly, firstAvailable }: DeviceRequest): DeviceRequestV1Beta1 {
  return { name, ...exactly, ...(firstAvailable === undefined ? {} : { firstAvailable }) };
}

/** A claim's devices, with its requests changed. */
function claimWith<A>(
  spec: { readonly devices?: { readonly requests?: readonly A[] | undefined } | undefined } | undefined,
  change: (request: A) => object,
): object | undefined {
  if (spec?.devices?.requests === undefined) return spec;
  return { ...spec, devices: { ...spec.devices, requests: spec.devices.requests.map(change) } };
}

function sliceFrom(spec: ResourceSliceSpecV1Beta1): ResourceSliceSpec {
  const { devices, ...rest } = spec;
  if (devices === undefined) return rest;
  return { ...rest, devices: devices.map(({ name, basic }) => ({ name, ...basic })) };
}

function sliceTo({ devices, ...rest }: ResourceSliceSpec): ResourceSliceSpecV1Beta1 {
  if (devices === undefined) return rest;
  return { ...rest, devices: devices.map(({ name, ...basic }) => ({ name, basic })) };
}

interface Changes {
  readonly apiVersion: string;
  readonly claim: (spec: object | undefined) => object | undefined;
  readonly slice: (spec: object) => object;
}

function changed(object: AnyObject, { apiVersion, claim, slice }: Changes): AnyObject {
  const { kind } = object;
  const spec = object["spec"] as (object & { readonly spec?: object }) | undefined;
  if (spec === undefined || kind === "DeviceClass") return { ...object, apiVersion };
  if (kind === "ResourceClaimTemplate") {
    return {
      ...object,
      apiVersion,
      spec: spec.spec === undefined ? spec : { ...spec, spec: claim(spec.spec) },
    };
  }
  return { ...object, apiVersion, spec: kind === "ResourceSlice" ? slice(spec) : claim(spec) };
}

/** Of each of the group's kinds. */
export const devicesFromV1Beta1 = (object: AnyObject): AnyObject =>
  changed(object, {
    apiVersion: "resource.k8s.io/v1",
    claim: (spec) => claimWith(spec, requestFrom),
    slice: (spec) => sliceFrom(spec as ResourceSliceSpecV1Beta1),
  });

export const devicesToV1Beta1 = (object: AnyObject): AnyObject =>
  changed(object, {
    apiVersion: "resource.k8s.io/v1beta1",
    claim: (spec) => claimWith(spec, requestTo),
    slice: (spec) => sliceTo(spec as ResourceSliceSpec),
  });
