/** What the configuration of each plugin may say, and what is wrong with it. upstream: the plugins' own apis, pod-security-admission/admission/api/validation */
import { isAbsolute } from "node:path";
import { checkTolerations } from "#api/core/affinity-validation.ts";
import { formatGoDuration, goDurationMs } from "#api/meta/duration.ts";
import type { FaultList } from "#api/meta/fault-list.ts";
import { dnsLabelFaults, dnsSubdomainFaults } from "#api/meta/names.ts";
import { qualifiedResource } from "#api/meta/object.ts";
import type { Shape } from "#apiserver/config-file/shape.ts";
import type { ScopedResourceSelectorRequirement } from "#api/generated/types/core-v1.ts";
import { eventLimitTypes, type EventLimit } from "../plugins/event-rate-limit.ts";
import type { ImagePolicySettings } from "../plugins/image-policy-webhook.ts";
import type { NodeSelectors } from "../plugins/pod-node-selector.ts";
import type { TolerationSettings } from "../plugins/pod-toleration-restriction.ts";
import type { PodSecuritySettings } from "../plugins/pod-security/exemptions.ts";
import { badMinorText, levels, parseMinor, type LevelVersion } from "../plugins/pod-security/levels.ts";
import type { LimitedResource } from "../plugins/quota-check.ts";

export interface PluginSettings {
  readonly PodSecurity?: PodSecuritySettings;
  readonly EventRateLimit?: readonly EventLimit[];
  readonly ResourceQuota?: readonly LimitedResource[];
  readonly PodNodeSelector?: NodeSelectors;
  readonly PodTolerationRestriction?: TolerationSettings;
  readonly ImagePolicyWebhook?: ImagePolicySettings;
  readonly MutatingAdmissionWebhook?: WebhookSettings;
  readonly ValidatingAdmissionWebhook?: WebhookSettings;
}

export interface WebhookSettings {
  /** As whom webhooks are asked. */
  readonly kubeConfigFile: string;
}

/** How one plugin is told. */
export interface SettingsKind<Name extends keyof PluginSettings> {
  /** Empty: it bears none, as those from before there were versions. */
  readonly apiVersions: readonly string[];
  readonly kinds: readonly string[];
  readonly shape: Readonly<Record<string, Shape>>;
  /** `value` has the shape. */
  readonly read: (value: never, faults: FaultList) => NonNullable<PluginSettings[Name]>;
}

type Mode = "enforce" | "audit" | "warn";

interface PodSecurityConfiguration {
  readonly defaults?: Readonly<Partial<Record<Mode | `${Mode}-version`, string>>>;
  readonly exemptions?: Readonly<
    Partial<Record<"usernames" | "namespaces" | "runtimeClasses", readonly string[]>>
  >;
}

function readPodSecurity(
  { defaults = {}, exemptions = {} }: PodSecurityConfiguration,
  faults: FaultList,
): PodSecuritySettings {
  const mode = (name: Mode): LevelVersion => {
    const level = given(defaults[name]) ?? "privileged";
    const version = given(defaults[`${name}-version`]) ?? "latest";
    const known = levels.find((each) => each === level);
    if (known === undefined) {
      faults.invalid(`defaults.${name}`, level, `must be one of ${levels.join(", ")}`);
    }
    const minor = parseMinor(version);
    if (minor === undefined) faults.invalid(`defaults.${name}-version`, version, badMinorText);
    return { level: known ?? "restricted", minor: minor?.is };
  };
  const policy = { enforce: mode("enforce"), warn: mode("warn"), audit: mode("audit") };
  const names = (
    list: "usernames" | "namespaces" | "runtimeClasses",
    check: (path: string, name: string) => void,
  ): ReadonlySet<string> => {
    const seen = new Set<string>();
    for (const [index, name] of (exemptions[list] ?? []).entries()) {
      const path = `exemptions.${list}[${index}]`;
      check(path, name);
      if (seen.has(name)) faults.duplicate(path, name);
      seen.add(name);
    }
    return seen;
  };
  const checked =
    (faultsOf: (name: string) => readonly string[]) =>
    (path: string, name: string): void => {
      const found = faultsOf(name);
      if (found.length > 0) faults.invalid(path, name, found.join(", "));
    };
  return {
    defaults: policy,
    exemptions: {
      namespaces: names("namespaces", checked(dnsLabelFaults)),
      runtimeClasses: names("runtimeClasses", checked(dnsSubdomainFaults)),
      usernames: names("usernames", (path, name) => {
        if (name === "") faults.required(path);
      }),
    },
  };
}

const given = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

function readEventLimits(
  { limits = [] }: { readonly limits?: readonly Partial<Record<keyof EventLimit, unknown>>[] },
  faults: FaultList,
): readonly EventLimit[] {
  if (limits.length === 0) faults.invalid("limits", null, "must not be empty");
  return limits.map(({ type = "", qps = 0, burst = 0, cacheSize = 0 }, index) => {
    const path = `limits[${index}]`;
    const known = eventLimitTypes.find((each) => each === type);
    if (known === undefined) faults.notSupported(`${path}.type`, type, eventLimitTypes);
    const size = Number(cacheSize);
    if (Number(burst) <= 0) faults.invalid(`${path}.burst`, burst, "must be positive");
    if (Number(qps) <= 0) faults.invalid(`${path}.qps`, qps, "must be positive");
    if (known !== "Server" && size < 0) {
      faults.invalid(`${path}.cacheSize`, cacheSize, "must not be negative");
    }
    return { type: known ?? "Server", qps: Number(qps), burst: Number(burst), cacheSize: size };
  });
}

interface LimitedResourceConfiguration {
  readonly apiGroup?: string;
  readonly resource?: string;
  readonly matchContains?: readonly string[];
  readonly matchScopes?: readonly ScopedResourceSelectorRequirement[];
}

function readLimitedResources(
  { limitedResources = [] }: { readonly limitedResources?: readonly LimitedResourceConfiguration[] },
  faults: FaultList,
): readonly LimitedResource[] {
  return limitedResources.map(({ apiGroup = "", resource = "", matchContains, matchScopes }, index) => {
    if (resource === "") faults.required(`limitedResources[${index}].resource`);
    return { resource: qualifiedResource(apiGroup, resource), matchContains, matchScopes };
  });
}

function readNodeSelectors(
  { podNodeSelectorPluginConfig: selectors = {} }: { readonly podNodeSelectorPluginConfig?: unknown },
  faults: FaultList,
): NodeSelectors {
  const entries = typeof selectors === "object" && selectors !== null ? Object.entries(selectors) : [];
  return Object.fromEntries(
    entries.map(([name, selector]) => {
      if (typeof selector !== "string") {
        faults.invalid(`podNodeSelectorPluginConfig.${name}`, selector, "must be a string");
      }
      return [name, String(selector)];
    }),
  );
}

function readTolerations(settings: TolerationSettings, faults: FaultList): TolerationSettings {
  checkTolerations(settings.default, "default", faults);
  checkTolerations(settings.whitelist, "whitelist", faults);
  return settings;
}

interface ImagePolicyConfiguration {
  readonly imagePolicy?: {
    readonly kubeConfigFile?: string;
    readonly allowTTL?: number;
    readonly denyTTL?: number;
    readonly retryBackoff?: number;
    readonly defaultAllow?: boolean;
  };
}

/** -1 switches it off, 0 stands for the default. upstream: plugin/pkg/admission/imagepolicy/config.go */
function readImagePolicy(
  { imagePolicy = {} }: ImagePolicyConfiguration,
  faults: FaultList,
): ImagePolicySettings {
  const { kubeConfigFile = "", defaultAllow = false } = imagePolicy;
  if (kubeConfigFile === "") faults.required("imagePolicy.kubeConfigFile");
  const ms = (
    name: "allowTTL" | "denyTTL" | "retryBackoff",
    { unitMs, defaultMs, least, most }: { unitMs: number; defaultMs: number; least: string; most: string },
  ): number => {
    const asked = imagePolicy[name] ?? 0;
    if (asked === -1) return 0;
    if (asked === 0) return defaultMs;
    const value = asked * unitMs;
    if (value > goDurationMs(least) && value <= goDurationMs(most)) return value;
    const shown = formatGoDuration(BigInt(Math.round(value * 1e6)));
    faults.invalid(`imagePolicy.${name}`, asked, `valid value is between ${least} and ${most}, got ${shown}`);
    return defaultMs;
  };
  const cached = { unitMs: 1000, least: "1s", most: "30m0s" };
  return {
    kubeConfigFile,
    allowTtlMs: ms("allowTTL", { ...cached, defaultMs: 300_000 }),
    denyTtlMs: ms("denyTTL", { ...cached, defaultMs: 30_000 }),
    retryBackoffMs: ms("retryBackoff", { unitMs: 1, defaultMs: 500, least: "1ns", most: "5m0s" }),
    defaultAllow,
  };
}

function readWebhookSettings(
  { kubeConfigFile = "" }: Partial<WebhookSettings>,
  faults: FaultList,
): WebhookSettings {
  if (!isAbsolute(kubeConfigFile)) {
    faults.invalid("kubeConfigFile", kubeConfigFile, "must be an absolute file path");
  }
  return { kubeConfigFile };
}

const webhookSettings = {
  apiVersions: ["apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1alpha1"],
  kinds: ["WebhookAdmissionConfiguration", "WebhookAdmission"],
  shape: { kubeConfigFile: "string" },
  read: readWebhookSettings,
} satisfies SettingsKind<"MutatingAdmissionWebhook">;

const tolerations: Shape = [
  { key: "string", operator: "string", value: "string", effect: "string", tolerationSeconds: "number" },
];

export const settingsKinds: { readonly [Name in keyof PluginSettings]-?: SettingsKind<Name> } = {
  PodSecurity: {
    apiVersions: ["v1", "v1beta1", "v1alpha1"].map((v) => `pod-security.admission.config.k8s.io/${v}`),
    kinds: ["PodSecurityConfiguration"],
    shape: {
      defaults: Object.fromEntries(
        ["enforce", "audit", "warn"].flatMap((mode) => [
          [mode, "string"],
          [`${mode}-version`, "string"],
        ]),
      ) as Record<string, "string">,
      exemptions: { usernames: ["string"], namespaces: ["string"], runtimeClasses: ["string"] },
    },
    read: readPodSecurity,
  },
  EventRateLimit: {
    apiVersions: ["eventratelimit.admission.k8s.io/v1alpha1"],
    kinds: ["Configuration"],
    shape: { limits: [{ type: "string", qps: "number", burst: "number", cacheSize: "number" }] },
    read: readEventLimits,
  },
  ResourceQuota: {
    apiVersions: [
      "apiserver.config.k8s.io/v1",
      "resourcequota.admission.k8s.io/v1beta1",
      "resourcequota.admission.k8s.io/v1alpha1",
    ],
    kinds: ["ResourceQuotaConfiguration", "Configuration"],
    shape: {
      limitedResources: [
        {
          apiGroup: "string",
          resource: "string",
          matchContains: ["string"],
          matchScopes: [{ scopeName: "string", operator: "string", values: ["string"] }],
        },
      ],
    },
    read: readLimitedResources,
  },
  PodNodeSelector: {
    apiVersions: [],
    kinds: [],
    shape: { podNodeSelectorPluginConfig: "any" },
    read: readNodeSelectors,
  },
  PodTolerationRestriction: {
    apiVersions: ["v1", "v1alpha1"].map((version) => `podtolerationrestriction.admission.k8s.io/${version}`),
    kinds: ["Configuration"],
    shape: { default: tolerations, whitelist: tolerations },
    read: readTolerations,
  },
  ImagePolicyWebhook: {
    apiVersions: [],
    kinds: [],
    shape: {
      imagePolicy: {
        kubeConfigFile: "string",
        allowTTL: "number",
        denyTTL: "number",
        retryBackoff: "number",
        defaultAllow: "boolean",
      },
    },
    read: readImagePolicy,
  },
  MutatingAdmissionWebhook: webhookSettings,
  ValidatingAdmissionWebhook: webhookSettings,
};
