/** Environment variables and what they are taken from. upstream: pkg/apis/core/validation/validation.go (ValidateEnv) */
import type {
  EnvFromSource,
  EnvVar,
  EnvVarSource,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { configMapKeyFaults, envVarNameFaults, qualifiedNameFaults } from "../meta/names.ts";

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
  if (map === "metadata.annotations") faults.messages(path, key, qualifiedNameFaults(key.toLowerCase()));
  else if (map === "metadata.labels") faults.messages(path, key, qualifiedNameFaults(key));
  else faults.invalid(path, map, "does not support subscript");
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
    const [, map, key] = /^([^[]+)\['(.*)'\]$/.exec(fieldPath) ?? [];
    const field = fieldPath === "spec.host" ? "spec.nodeName" : fieldPath;
    const allowed = use === "env" ? envFields : volumeFields;
    if (map !== undefined && key !== undefined) checkSubscript(map, key, path, faults);
    else if (!knownFields.has(field)) {
      faults.invalid(at, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`);
    } else if (!allowed.includes(field)) faults.notSupported(at, field, allowed);
  }
}

/** upstream: validateContainerResourceFieldSelector */
export function checkResourceFieldRef(
  { containerName = "", resource = "" }: Loose<ResourceFieldSelector>,
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
}

interface KeyRef {
  readonly name?: string | undefined;
  readonly key?: string | undefined;
}

function checkKeyRef({ name = "", key = "" }: KeyRef, path: string, faults: FaultList): void {
  if (name === "") faults.required(`${path}.name`);
  if (key === "") faults.required(`${path}.key`);
  else faults.messages(`${path}.key`, key, configMapKeyFaults(key));
}

function checkSource(source: Loose<EnvVarSource>, value: string, path: string, faults: FaultList): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef !== undefined) checkFieldRef(fieldRef, "env", `${path}.fieldRef`, faults);
  if (resourceFieldRef !== undefined) {
    checkResourceFieldRef(resourceFieldRef, "env", `${path}.resourceFieldRef`, faults);
  }
  if (configMapKeyRef !== undefined) checkKeyRef(configMapKeyRef, `${path}.configMapKeyRef`, faults);
  if (secretKeyRef !== undefined) checkKeyRef(secretKeyRef, `${path}.secretKeyRef`, faults);
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

export function checkEnvFrom(
  sources: readonly Loose<EnvFromSource>[] = [],
  path: string,
  faults: FaultList,
): void {
  for (const [index, { prefix = "", configMapRef, secretRef }] of sources.entries()) {
    const at = `${path}[${index}]`;
    if (prefix !== "") faults.messages(`${at}.prefix`, prefix, envVarNameFaults(prefix));
    if (configMapRef !== undefined && !configMapRef.name) faults.required(`${at}.configMapRef.name`);
    if (secretRef !== undefined && !secretRef.name) faults.required(`${at}.secretRef.name`);
    if (configMapRef === undefined && secretRef === undefined) {
      faults.invalid(path, "", "must specify one of: `configMapRef` or `secretRef`");
    } else if (configMapRef !== undefined && secretRef !== undefined) {
      faults.invalid(path, "", "may not have more than one field specified at a time");
    }
  }
}
