/** Environment variables and what they are taken from. upstream: pkg/apis/core/validation/validation.go (ValidateEnv) */
import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkDnsLabel } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import {
  configMapKeyFaults,
  dnsSubdomainFaults,
  envVarNameFaults,
  maskTrailingDash,
  qualifiedNameFaults,
} from "../meta/names.ts";
import { formatQuantity } from "../meta/quantity.ts";
import { checkNoBacksteps } from "./path-rules.ts";
import { readQuantity } from "./resource-validation.ts";

const envFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const volumeFields = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];
/** All that the API can show of a pod, whether or not it may be used here. */
const knownFields = new Set([
  ...envFields,
  ...volumeFields,
  "spec.restartPolicy",
  "spec.schedulerName",
  "status.phase",
]);
const maps = new Set(["metadata.annotations", "metadata.labels"]);
const resourceFields = [
  "limits.cpu",
  "limits.ephemeral-storage",
  "limits.memory",
  "requests.cpu",
  "requests.ephemeral-storage",
  "requests.memory",
];
const hugePageFields = ["limits.hugepages-", "requests.hugepages-"];

export type FieldUse = "env" | "volume";

function checkSubscript(map: string, key: string, path: string, faults: FaultList): void {
  const name = map === "metadata.annotations" ? key.toLowerCase() : key;
  faults.messages(path, name, qualifiedNameFaults(name));
}

/** upstream: validateObjectFieldSelector */
export function checkFieldRef(
  { apiVersion = "", fieldPath = "" }: Loose<ObjectFieldSelector>,
  use: FieldUse,
  path: string,
  faults: FaultList,
): void {
  const at = `${path}.fieldPath`;
  if (apiVersion === "") faults.required(`${path}.apiVersion`);
  else if (fieldPath === "") faults.required(at);
  else if (apiVersion !== "v1") {
    faults.invalid(at, fieldPath, `error converting fieldPath: unsupported pod version: ${apiVersion}`);
  } else {
    const [, map, key] = /^(.+?)\['(.*)'\]$/s.exec(fieldPath) ?? [];
    const field = fieldPath === "spec.host" ? "spec.nodeName" : fieldPath;
    const allowed = use === "env" ? envFields : volumeFields;
    if (map !== undefined && key !== undefined) {
      if (maps.has(map)) checkSubscript(map, key, path, faults);
      else {
        const why = `field label does not support subscript: ${fieldPath}`;
        faults.invalid(at, fieldPath, `error converting fieldPath: ${why}`);
      }
    } else if (!knownFields.has(field)) {
      faults.invalid(at, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`);
    } else if (!allowed.includes(field)) faults.notSupported(at, field, allowed);
  }
}

/** upstream: validateContainerResourceFieldSelector */
export function checkResourceFieldRef(
  { containerName = "", resource = "", divisor }: Loose<ResourceFieldSelector>,
  use: FieldUse,
  path: string,
  faults: FaultList,
): void {
  if (use === "volume" && containerName === "") faults.required(`${path}.containerName`);
  else if (resource === "") faults.required(`${path}.resource`);
  else if (
    !resourceFields.includes(resource) &&
    !hugePageFields.some((prefix) => resource.startsWith(prefix))
  ) {
    faults.notSupported(`${path}.resource`, resource, resourceFields);
  }
  checkDivisor(resource, divisor, `${path}.divisor`, faults);
}

const sizes = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];
const ofSizes = (what: string): readonly [readonly string[], string] => [
  sizes,
  `only divisor's values ${sizes.join(", ")} are supported with the ${what} resource`,
];
/** What amounts of it may be told in, and what is said of other units. */
const divisors: ReadonlyMap<string, readonly [readonly string[], string]> = new Map([
  ["cpu", [["1m", "1"], "only divisor's values 1m and 1 are supported with the cpu resource"]],
  ["memory", ofSizes("memory")],
  ["ephemeral-storage", ofSizes("local ephemeral storage")],
  ["hugepages", ofSizes("hugepages")],
]);

/** upstream: validateContainerResourceDivisor, which shows the resource. */
function checkDivisor(resource: string, divisor: unknown, path: string, faults: FaultList): void {
  const [, kind = ""] = /^(?:limits|requests)\.(hugepages(?=-)|[^.]+$)/.exec(resource) ?? [];
  const rule = divisors.get(kind);
  if (divisor === undefined || rule === undefined) return;
  const quantity = readQuantity(divisor, path, faults);
  if (quantity === undefined || quantity.nano === 0n) return;
  const [allowed, detail] = rule;
  if (!allowed.includes(formatQuantity(quantity))) faults.invalid(path, resource, detail);
}

interface KeyRef {
  readonly name?: string | undefined;
  readonly key?: string | undefined;
}

function checkKeyRef({ name = "", key = "" }: KeyRef, path: string, faults: FaultList): void {
  faults.messages(`${path}.name`, name, dnsSubdomainFaults(name));
  if (key === "") faults.required(`${path}.key`);
  else faults.messages(`${path}.key`, key, configMapKeyFaults(key));
}

/** upstream: validateFileKeySelector */
function checkFileKeyRef(ref: Loose<FileKeySelector>, path: string, faults: FaultList): void {
  const { key = "", volumeName = "", path: file = "" } = ref;
  if (key === "") faults.required(`${path}.key`);
  else faults.messages(`${path}.key`, key, envVarNameFaults(key));
  if (volumeName === "") faults.required(`${path}.volumeName`);
  else checkDnsLabel(volumeName, `${path}.volumeName`, faults);
  if (file === "") faults.required(`${path}.path`);
  else checkNoBacksteps(file, `${path}.path`, faults);
}

function checkSource(source: Loose<EnvVarSource>, value: string, path: string, faults: FaultList): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef !== undefined) checkFieldRef(fieldRef, "env", `${path}.fieldRef`, faults);
  if (resourceFieldRef !== undefined) {
    checkResourceFieldRef(resourceFieldRef, "env", `${path}.resourceFieldRef`, faults);
  }
  if (configMapKeyRef !== undefined) checkKeyRef(configMapKeyRef, `${path}.configMapKeyRef`, faults);
  if (secretKeyRef !== undefined) checkKeyRef(secretKeyRef, `${path}.secretKeyRef`, faults);
  if (fileKeyRef !== undefined) checkFileKeyRef(fileKeyRef, `${path}.fileKeyRef`, faults);
  const count = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(
    (one) => one !== undefined,
  ).length;
  if (count === 0) {
    faults.invalid(
      path,
      "",
      "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`",
    );
  } else if (value !== "") faults.invalid(path, "", "may not be specified when `value` is not empty");
  else if (count > 1) faults.invalid(path, "", "may not have more than one field specified at a time");
}

export function checkEnv(variables: readonly Loose<EnvVar>[] = [], path: string, faults: FaultList): void {
  // There may be many, and nearly all are fine: where they are is told only when it is asked.
  let index = 0;
  for (const { name = "", value = "", valueFrom } of variables) {
    const messages = name === "" ? undefined : envVarNameFaults(name);
    if (messages === undefined) faults.required(`${path}[${index}].name`);
    else if (messages.length > 0) faults.messages(`${path}[${index}].name`, name, messages);
    if (valueFrom !== undefined) checkSource(valueFrom, value, `${path}[${index}].valueFrom`, faults);
    index++;
  }
}

/** One that a dash ends could be the beginning of a name; upstream takes it for one. */
function checkRefName(name: string, path: string, faults: FaultList): void {
  if (name === "") faults.required(path);
  else faults.messages(path, name, dnsSubdomainFaults(maskTrailingDash(name)));
}

export function checkEnvFrom(
  sources: readonly Loose<EnvFromSource>[] = [],
  path: string,
  faults: FaultList,
): void {
  for (const [index, { prefix = "", configMapRef, secretRef }] of sources.entries()) {
    const at = `${path}[${index}]`;
    if (prefix !== "") faults.messages(`${at}.prefix`, prefix, envVarNameFaults(prefix));
    for (const [field, ref] of Object.entries({ configMapRef, secretRef })) {
      if (ref !== undefined) checkRefName(ref.name ?? "", `${at}.${field}.name`, faults);
    }
    if (configMapRef === undefined && secretRef === undefined) {
      faults.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`");
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      faults.invalid(path, "", "may not have more than one field specified at a time");
    }
  }
}
