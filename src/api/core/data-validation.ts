/** ConfigMaps and Secrets. upstream: pkg/apis/core/validation/validation.go (ValidateConfigMap, ValidateSecret) */
import { accountNameAnnotation } from "./legacy-token.ts";
import { DecodeError } from "../codec/decode-error.ts";
import { parseJson } from "../codec/json-text.ts";
import type { ConfigMap, Secret } from "../generated/types/core-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import { checkImmutable, isSame } from "../meta/field-rules.ts";
import type { Loose } from "../meta/loose.ts";
import { configMapKeyFaults } from "../meta/names.ts";

/** 1 MiB */
const sizeMax = 1024 * 1024;

type Data = Readonly<Record<string, string>> | undefined;

/** The bytes that base64 text stands for. */
const decodedSize = (text: string): number => Buffer.byteLength(text, "base64");

function checkKeys(data: Data, path: string, faults: FaultList): void {
  for (const key of Object.keys(data ?? {})) faults.messages(`${path}[${key}]`, key, configMapKeyFaults(key));
}

const sizeOf = (data: Data, one: (text: string) => number): number =>
  Object.values(data ?? {}).reduce((sum, text) => sum + one(text), 0);

export function checkConfigMap({ data, binaryData }: Loose<ConfigMap>, faults: FaultList): void {
  for (const key of Object.keys(data ?? {})) {
    faults.messages(`data[${key}]`, key, configMapKeyFaults(key));
    if (binaryData !== undefined && Object.hasOwn(binaryData, key)) {
      faults.invalid(`data[${key}]`, key, "duplicate of key present in binaryData");
    }
  }
  checkKeys(binaryData, "binaryData", faults);
  const size = sizeOf(data, (text) => Buffer.byteLength(text)) + sizeOf(binaryData, decodedSize);
  if (size > sizeMax) faults.tooLong("", sizeMax);
}

const frozen = "field is immutable when `immutable` is set";

type Freezable = Readonly<Record<string, unknown>> & { readonly immutable?: boolean | undefined };

function checkFrozen(now: Freezable, old: Freezable, fields: readonly string[], faults: FaultList): void {
  if (old.immutable !== true) return;
  if (now.immutable !== true) faults.forbidden("immutable", frozen);
  for (const field of fields) {
    if (!isSame(now[field], old[field])) faults.forbidden(field, frozen);
  }
}

export function checkConfigMapUpdate(map: Loose<ConfigMap>, old: Loose<ConfigMap>, faults: FaultList): void {
  checkFrozen({ ...map }, { ...old }, ["data", "binaryData"], faults);
}

/** The keys without which a secret of that type is of no use: of each row at least one. */
const neededKeys: ReadonlyMap<string, readonly (readonly string[])[]> = new Map([
  ["kubernetes.io/dockercfg", [[".dockercfg"]]],
  ["kubernetes.io/dockerconfigjson", [[".dockerconfigjson"]]],
  ["kubernetes.io/basic-auth", [["username", "password"]]],
  ["kubernetes.io/ssh-auth", [["ssh-privatekey"]]],
  ["kubernetes.io/tls", [["tls.crt"], ["tls.key"]]],
]);

/** Keys whose values must be JSON. */
const jsonKeys: ReadonlyMap<string, string> = new Map([
  ["kubernetes.io/dockercfg", ".dockercfg"],
  ["kubernetes.io/dockerconfigjson", ".dockerconfigjson"],
]);

function jsonFault(base64: string): string | undefined {
  try {
    const value = parseJson(Buffer.from(base64, "base64").toString("utf8"));
    if (value === null || (typeof value === "object" && !Array.isArray(value))) return undefined;
    const kind = Array.isArray(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
    return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
}

function checkSecretType({ type = "", data = {}, metadata }: Loose<Secret>, faults: FaultList): void {
  const account = metadata?.annotations?.[accountNameAnnotation] ?? "";
  if (type === "kubernetes.io/service-account-token" && account === "") {
    faults.required(`metadata.annotations[${accountNameAnnotation}]`);
  }
  for (const keys of neededKeys.get(type) ?? []) {
    const isThere = (key: string): boolean =>
      data[key] !== undefined && (type !== "kubernetes.io/ssh-auth" || data[key] !== "");
    if (keys.some(isThere)) continue;
    for (const key of keys) faults.required(`data[${key}]`);
  }
  const key = jsonKeys.get(type);
  if (key !== undefined && data[key] !== undefined) checkJson(data[key], `data[${key}]`, faults);
}

function checkJson(base64: string, path: string, faults: FaultList): void {
  const fault = jsonFault(base64);
  if (fault !== undefined) faults.invalid(path, "<secret contents redacted>", fault);
}

export function checkSecret(secret: Loose<Secret>, faults: FaultList): void {
  checkKeys(secret.data, "data", faults);
  if (sizeOf(secret.data, decodedSize) > sizeMax) faults.tooLong("data", sizeMax);
  checkSecretType(secret, faults);
}

export function checkSecretUpdate(secret: Loose<Secret>, old: Loose<Secret>, faults: FaultList): void {
  checkImmutable(secret.type, old.type, "type", faults);
  checkFrozen({ ...secret }, { ...old }, ["data"], faults);
}
