/** A container's environment. upstream: pkg/kubelet/kubelet_pods.go makeEnvironmentVariables */
import { ownValue } from "#base/own-value.ts";
import type {
  ConfigMap,
  Container,
  EnvVar,
  EnvVarSource,
  Pod,
  Secret,
  Service,
} from "#api/generated/types/core-v1.ts";
import { findContainer, podNamespace } from "../pods/pod.ts";
import { StartError } from "../pods/start-error.ts";
import { expand } from "./expansion.ts";
import { fieldValue, type FieldContext } from "./field-ref.ts";
import { resourceValue, type NodeAllocatable } from "./resource-field.ts";
import { serviceEnvironment } from "./service-env.ts";

/** Reads what pods refer to. Undefined: there is no such object. */
export interface ObjectReader {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container;
  readonly context: FieldContext;
  readonly allocatable: NodeAllocatable;
  readonly services: readonly Service[];
  readonly objects: ObjectReader;
}

const configError = (message: string): StartError => new StartError("CreateContainerConfigError", message);

/** In the order in which they win: services, then envFrom, then env. */
export async function environment(input: EnvironmentInput): Promise<ReadonlyMap<string, string>> {
  const { pod, container } = input;
  const links = serviceEnvironment(input.services, podNamespace(pod), pod.spec?.enableServiceLinks ?? true);
  const result = new Map<string, string>();
  for (const [name, value] of await environmentFrom(input)) result.set(name, value);
  for (const variable of container.env ?? []) {
    const value = await valueOf(input, variable, (name) => result.get(name) ?? links.get(name));
    if (value !== undefined) result.set(variable.name, value);
  }
  for (const [name, value] of links) if (!result.has(name)) result.set(name, value);
  return result;
}

async function environmentFrom({ pod, container, objects }: EnvironmentInput): Promise<Map<string, string>> {
  const namespace = podNamespace(pod);
  const result = new Map<string, string>();
  for (const { prefix = "", configMapRef, secretRef } of container.envFrom ?? []) {
    const data = {
      ...(configMapRef === undefined
        ? {}
        : wanted("configmap", configMapRef, await objects.configMap(namespace, configMapRef.name ?? ""))),
      ...(secretRef === undefined
        ? {}
        : decoded(wanted("secret", secretRef, await objects.secret(namespace, secretRef.name ?? "")))),
    };
    for (const [key, value] of Object.entries(data)) {
      if (isVariableName(prefix + key)) result.set(prefix + key, value);
    }
  }
  return result;
}

/** The data of what is referred to; nothing when it is optional and isn't there. */
function wanted(
  kind: string,
  { name = "", optional }: { readonly name?: string | undefined; readonly optional?: boolean | undefined },
  object: ConfigMap | Secret | undefined,
): Readonly<Record<string, string>> {
  if (object === undefined && optional !== true) throw configError(`${kind} "${name}" not found`);
  return object?.data ?? {};
}

/** Anything printable but "=" (relaxed since 1.34). */
const isVariableName = (name: string): boolean => /^[ -<>-~]+$/.test(name);

function decoded(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, "base64").toString()]),
  );
}

/** Undefined: an optional reference leads nowhere, the variable isn't set. */
async function valueOf(
  input: EnvironmentInput,
  variable: EnvVar,
  lookup: (name: string) => string | undefined,
): Promise<string | undefined> {
  if (variable.valueFrom === undefined) return expand(variable.value ?? "", lookup);
  const { fieldRef, resourceFieldRef } = variable.valueFrom;
  if (fieldRef !== undefined) {
    const value = fieldValue(fieldRef.fieldPath, input.pod, input.context);
    if (value === undefined) throw configError(`unsupported fieldPath: ${fieldRef.fieldPath}`);
    return value;
  }
  if (resourceFieldRef !== undefined) {
    const from = resourceFieldRef.containerName ?? "";
    const container = from === "" ? input.container : findContainer(input.pod, from)?.container;
    if (container === undefined) throw configError(`container ${from} not found`);
    const value = resourceValue(resourceFieldRef, container, input.allocatable);
    if (value === undefined) {
      throw configError(`unsupported container resource : ${resourceFieldRef.resource}`);
    }
    return value;
  }
  return keyValue(input, variable.valueFrom);
}

async function keyValue(
  { pod, objects }: EnvironmentInput,
  { configMapKeyRef, secretKeyRef }: EnvVarSource,
): Promise<string | undefined> {
  const namespace = podNamespace(pod);
  if (configMapKeyRef !== undefined) {
    const { name = "", key, optional } = configMapKeyRef;
    const object = await objects.configMap(namespace, name);
    if (object === undefined) {
      if (optional === true) return undefined;
      throw configError(`configmap "${name}" not found`);
    }
    const value = ownValue(object.data, key);
    if (value !== undefined || optional === true) return value;
    throw configError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
  }
  if (secretKeyRef !== undefined) {
    const { name = "", key, optional } = secretKeyRef;
    const object = await objects.secret(namespace, name);
    if (object === undefined) {
      if (optional === true) return undefined;
      throw configError(`secret "${name}" not found`);
    }
    const value = ownValue(object.data, key);
    if (value !== undefined) return Buffer.from(value, "base64").toString();
    if (optional === true) return undefined;
    throw configError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
  }
  return "";
}
