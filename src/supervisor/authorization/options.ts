/** --authorization-*: who is asked whether a request is allowed. upstream: pkg/kubeapiserver/options/authorization.go */
import { resolve } from "node:path";
import {
  defaultAuthorization,
  type AuthorizationOptions,
  type AuthorizerSpec,
  type WebhookSpec,
} from "#apiserver/authz/configuration/configuration.ts";
import type { OptionSpec } from "#base/options.ts";

const spec = (name: string, placeholder: string, text: string, defaultText?: string): OptionSpec => ({
  name: `authorization-${name}`,
  type: name === "mode" ? "list" : "string",
  placeholder,
  group: "cluster",
  text,
  ...(defaultText === undefined ? {} : { defaultText }),
});

const modes = ["Node", "RBAC", "ABAC", "Webhook", "AlwaysAllow", "AlwaysDeny"] as const;
type Mode = (typeof modes)[number];
const isMode = (text: string): text is Mode => (modes as readonly string[]).includes(text);

/** The names are upstream's. */
export const authorizationSpecs: readonly OptionSpec[] = [
  spec("config", "FILE", "AuthorizationConfiguration: who is asked, instead of the options below; followed"),
  spec("mode", "MODES", `Who is asked, in this order; of ${modes.join(", ")}`, "Node,RBAC"),
  spec("policy-file", "FILE", "Policies that mode ABAC allows by, a line of JSON each"),
  spec("webhook-config-file", "FILE", "Kubeconfig of the server that mode Webhook asks"),
  spec("webhook-version", "VERSION", "Of the reviews that it is sent: v1 or v1beta1", "v1beta1"),
  spec("webhook-cache-authorized-ttl", "DURATION", "How long it counts that it allowed something", "5m"),
  spec("webhook-cache-unauthorized-ttl", "DURATION", "How long it counts that it didn't", "30s"),
];

interface Values {
  duration(name: string, fallbackMs: number, leastMs: number): number;
  text(name: string): string | undefined;
  list(name: string): readonly string[];
  readonly faults: string[];
}

/** upstream: defaultRequestTimeout of webhooks */
const webhookTimeoutMs = 30_000;

export function readAuthorization(values: Values): AuthorizationOptions {
  const given = values.list("authorization-mode").flatMap((text) => text.split(","));
  const webhook = readWebhook(values);
  const files: ModeFiles = {
    configuration: values.text("authorization-config"),
    policies: values.text("authorization-policy-file"),
    webhook: values.text("authorization-webhook-config-file"),
  };
  checkModes(values, given, files);
  const policyFile = files.policies === undefined ? {} : { policyFile: files.policies };
  if (files.configuration !== undefined) {
    checkNothingElse(values);
    return { configFile: resolve(files.configuration), ...policyFile };
  }
  if (given.length === 0) return defaultAuthorization;
  return {
    authorizers: given.filter(isMode).map((type): AuthorizerSpec => {
      if (type !== "Webhook") return { type, name: type.toLowerCase() };
      return { type, name: "default", webhook: { ...webhook, kubeConfigFile: files.webhook ?? "" } };
    }),
    ...policyFile,
  };
}

interface ModeFiles {
  readonly configuration: string | undefined;
  readonly policies: string | undefined;
  readonly webhook: string | undefined;
}

function checkModes({ faults }: Values, given: readonly string[], files: ModeFiles): void {
  for (const mode of given.filter((each) => !isMode(each))) {
    faults.push(`--authorization-mode has ${JSON.stringify(mode)}, must be of ${modes.join(", ")}`);
  }
  if (new Set(given).size < given.length) {
    faults.push(`--authorization-mode is ${given.join(",")}, has a mode specified more than once`);
  }
  if (given.includes("ABAC") && files.policies === undefined) {
    faults.push("--authorization-mode has ABAC, which needs --authorization-policy-file");
  }
  // A configuration may name ABAC, too, and has no field for the file.
  if (!given.includes("ABAC") && files.configuration === undefined && files.policies !== undefined) {
    faults.push("--authorization-policy-file needs --authorization-mode with ABAC");
  }
  if (given.includes("Webhook") && files.webhook === undefined) {
    faults.push("--authorization-mode has Webhook, which needs --authorization-webhook-config-file");
  }
  if (!given.includes("Webhook") && files.webhook !== undefined) {
    faults.push("--authorization-webhook-config-file needs --authorization-mode with Webhook");
  }
}

function checkNothingElse(values: Values): void {
  const others = authorizationSpecs
    .map(({ name }) => name)
    .filter((name) => name !== "authorization-config" && name !== "authorization-policy-file");
  if (others.some((name) => values.text(name) !== undefined || values.list(name).length > 0)) {
    values.faults.push(
      "--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined",
    );
  }
}

function readWebhook(values: Values): Omit<WebhookSpec, "kubeConfigFile"> {
  const version = values.text("authorization-webhook-version") ?? "v1beta1";
  if (version !== "v1" && version !== "v1beta1") {
    values.faults.push(`--authorization-webhook-version is ${version}, must be v1 or v1beta1`);
  }
  return {
    version: version === "v1" ? "v1" : "v1beta1",
    timeoutMs: webhookTimeoutMs,
    authorizedMs: values.duration("authorization-webhook-cache-authorized-ttl", 300_000, 0),
    unauthorizedMs: values.duration("authorization-webhook-cache-unauthorized-ttl", 30_000, 0),
    failurePolicy: "NoOpinion",
    matchConditions: [],
  };
}

/** Who needs no rights at all must at least say who he is. upstream: BuiltInAuthenticationOptions.ApplyAuthorization */
export function allowsEverything(authorization: AuthorizationOptions): boolean {
  return (
    "authorizers" in authorization && authorization.authorizers.some(({ type }) => type === "AlwaysAllow")
  );
}
