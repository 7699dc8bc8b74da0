/** An AuthorizationConfiguration, checked in upstream's words. upstream: apiserver/pkg/apis/apiserver/validation/validation.go */
import { stat } from "node:fs/promises";
import { isAbsolute } from "node:path";
import type { ConfigExpression } from "#api/cel/config/config-expression.ts";
import type { Expressions } from "#api/expressions.ts";
import { formatGoDuration } from "#api/meta/duration.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { dnsSubdomainFaults } from "#api/meta/names.ts";
import { errorText } from "#base/log.ts";
import type { Shape } from "#apiserver/config-file/shape.ts";
import type { AuthorizerSpec, BuiltinAuthorizer, WebhookSpec } from "./configuration.ts";

interface GivenWebhook {
  readonly authorizedTTL?: number;
  readonly cacheAuthorizedRequests?: boolean;
  readonly unauthorizedTTL?: number;
  readonly cacheUnauthorizedRequests?: boolean;
  readonly timeout?: number;
  readonly subjectAccessReviewVersion?: string;
  readonly matchConditionSubjectAccessReviewVersion?: string;
  readonly failurePolicy?: string;
  readonly connectionInfo?: { readonly type?: string; readonly kubeConfigFile?: string };
  readonly matchConditions?: readonly { readonly expression?: string }[];
}

interface GivenAuthorizer {
  readonly type?: string;
  readonly name?: string;
  readonly webhook?: GivenWebhook;
}

export interface GivenAuthorization {
  readonly authorizers?: readonly GivenAuthorizer[];
}

export const authorizationShape: Readonly<Record<string, Shape>> = {
  authorizers: [
    {
      type: "string",
      name: "string",
      webhook: {
        authorizedTTL: "duration",
        cacheAuthorizedRequests: "boolean",
        unauthorizedTTL: "duration",
        cacheUnauthorizedRequests: "boolean",
        timeout: "duration",
        subjectAccessReviewVersion: "string",
        matchConditionSubjectAccessReviewVersion: "string",
        failurePolicy: "string",
        connectionInfo: { type: "string", kubeConfigFile: "string" },
        matchConditions: [{ expression: "string" }],
      },
    },
  ],
};

const types = ["ABAC", "AlwaysAllow", "AlwaysDeny", "Node", "RBAC", "Webhook"];
const timeoutMaxMs = 30_000;
const conditionsMax = 64;
const authorizedDefaultMs = 300_000;
const unauthorizedDefaultMs = 30_000;

export interface ParsedAuthorization {
  readonly authorizers: readonly AuthorizerSpec[];
  readonly faults: readonly string[];
}

export async function parseAuthorization(
  { authorizers = [] }: GivenAuthorization,
  loadExpressions: () => Promise<Expressions>,
): Promise<ParsedAuthorization> {
  const faults = new FaultList();
  if (authorizers.length === 0) {
    faults.required("authorizers", "at least one authorization mode must be defined");
  }
  const seen = { types: new Set<string>(), names: new Set<string>() };
  const specs: AuthorizerSpec[] = [];
  for (const [index, given] of authorizers.entries()) {
    const at = `authorizers[${index}]`;
    if (!checkIdentity(given, at, seen, faults)) continue;
    const { type = "", name = "", webhook } = given;
    if (type !== "Webhook") {
      if (webhook !== undefined) {
        faults.invalid(`${at}.webhook`, "non-null", "may only be specified when type=Webhook");
      }
      specs.push({ type: type as BuiltinAuthorizer, name });
    } else if (webhook === undefined) faults.required(`${at}.webhook`, "required when type=Webhook");
    else specs.push(await webhookSpec(name, webhook, { at, faults, loadExpressions }));
  }
  return { authorizers: specs, faults: faults.all.map(fieldErrorText) };
}

/** Whether it is worth looking further. */
function checkIdentity(
  { type = "", name = "" }: GivenAuthorizer,
  at: string,
  seen: { readonly types: Set<string>; readonly names: Set<string> },
  faults: FaultList,
): boolean {
  const before = faults.count;
  if (type === "") faults.required(`${at}.type`);
  else if (!types.includes(type)) faults.notSupported(`${at}.type`, type, types);
  else if (seen.types.has(type) && type !== "Webhook") faults.duplicate(`${at}.type`, type);
  if (faults.count > before) return false;
  seen.types.add(type);
  const wrong = dnsSubdomainFaults(name);
  if (name === "") faults.required(`${at}.name`);
  else if (seen.names.has(name)) faults.duplicate(`${at}.name`, name);
  else if (wrong.length > 0) {
    faults.invalid(`${at}.name`, name, `authorizer name is invalid: ${wrong.join(", ")}`);
  }
  seen.names.add(name);
  return true;
}

interface Checking {
  readonly at: string;
  readonly faults: FaultList;
  readonly loadExpressions: () => Promise<Expressions>;
}

async function webhookSpec(name: string, given: GivenWebhook, checking: Checking): Promise<AuthorizerSpec> {
  const { at, faults } = checking;
  const times = readTimes(given, at, faults);
  checkChoice(
    `${at}.subjectAccessReviewVersion`,
    given.subjectAccessReviewVersion,
    ["v1", "v1beta1"],
    faults,
  );
  checkConditionVersion(given, at, faults);
  checkChoice(`${at}.failurePolicy`, given.failurePolicy, ["NoOpinion", "Deny"], faults);
  await checkConnection(given, at, faults);
  return {
    type: "Webhook",
    name,
    webhook: {
      ...times,
      kubeConfigFile: given.connectionInfo?.kubeConfigFile ?? "",
      version: given.subjectAccessReviewVersion === "v1beta1" ? "v1beta1" : "v1",
      failurePolicy: given.failurePolicy === "Deny" ? "Deny" : "NoOpinion",
      matchConditions: await compileConditions(given.matchConditions ?? [], checking),
    },
  };
}

const durationText = (ms: number): string => formatGoDuration(BigInt(Math.round(ms * 1_000_000)));

type Times = Pick<WebhookSpec, "timeoutMs" | "authorizedMs" | "unauthorizedMs">;

function readTimes(given: GivenWebhook, at: string, faults: FaultList): Times {
  const { timeout = 0, authorizedTTL, unauthorizedTTL } = given;
  const authorizedMs = authorizedTTL ?? authorizedDefaultMs;
  const unauthorizedMs = unauthorizedTTL ?? unauthorizedDefaultMs;
  if (timeout === 0) faults.required(`${at}.timeout`);
  else if (timeout < 0 || timeout > timeoutMaxMs) {
    faults.invalid(`${at}.timeout`, durationText(timeout), "must be > 0s and <= 30s");
  }
  if (authorizedMs < 0) faults.invalid(`${at}.authorizedTTL`, durationText(authorizedMs), "must be > 0s");
  if (unauthorizedMs < 0) {
    faults.invalid(`${at}.unauthorizedTTL`, durationText(unauthorizedMs), "must be > 0s");
  }
  return {
    timeoutMs: timeout,
    authorizedMs: given.cacheAuthorizedRequests === false ? 0 : authorizedMs,
    unauthorizedMs: given.cacheUnauthorizedRequests === false ? 0 : unauthorizedMs,
  };
}

function checkChoice(field: string, value = "", choices: readonly string[], faults: FaultList): void {
  if (value === "") faults.required(field);
  else if (!choices.includes(value)) faults.notSupported(field, value, choices);
}

function checkConditionVersion(given: GivenWebhook, at: string, faults: FaultList): void {
  const field = `${at}.matchConditionSubjectAccessReviewVersion`;
  const { matchConditionSubjectAccessReviewVersion: version = "", matchConditions = [] } = given;
  if (version === "") {
    if (matchConditions.length > 0) faults.required(field, "required if match conditions are specified");
  } else if (version !== "v1") faults.notSupported(field, version, ["v1"]);
}

async function checkConnection(
  { connectionInfo = {} }: GivenWebhook,
  at: string,
  faults: FaultList,
): Promise<void> {
  const { type = "", kubeConfigFile: path = "" } = connectionInfo;
  const field = `${at}.connectionInfo.kubeConfigFile`;
  if (type !== "KubeConfigFile") {
    // The other one that upstream knows is for servers that ask this one.
    checkChoice(`${at}.connectionInfo.type`, type, ["KubeConfigFile"], faults);
    if (path !== "") faults.invalid(field, path, "can only be set when type=KubeConfigFile");
    return;
  }
  if (path === "") faults.required(field);
  else if (!isAbsolute(path)) faults.invalid(field, path, "must be an absolute path");
  else {
    try {
      if (!(await stat(path)).isFile()) faults.invalid(field, path, "must be a regular file");
    } catch (error) {
      faults.invalid(field, path, `error loading file: ${errorText(error)}`);
    }
  }
}

async function compileConditions(
  conditions: readonly { readonly expression?: string }[],
  { at, faults, loadExpressions }: Checking,
): Promise<ConfigExpression[]> {
  if (conditions.length === 0) return [];
  if (conditions.length > conditionsMax) {
    faults.tooMany(`${at}.matchConditions`, conditions.length, conditionsMax);
    return [];
  }
  const { cel, compileConfigExpression } = await loadExpressions();
  const compiled = new Map<string, ConfigExpression | string>();
  for (const [index, { expression = "" }] of conditions.entries()) {
    const field = `${at}.matchConditions[${index}].expression`;
    if (expression.trim() === "") faults.required(field);
    else if (compiled.has(expression)) faults.duplicate(field, expression);
    else {
      const result = compileConfigExpression(cel, expression, { variable: "request", result: "bool" });
      if (typeof result === "string") faults.invalid(field, expression, result);
      compiled.set(expression, result);
    }
  }
  return [...compiled.values()].filter((each) => typeof each !== "string");
}
