import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { readAdmissionConfiguration } from "./admission-configuration.ts";
import type { PluginSettings } from "./plugin-settings.ts";

/** Reads `files[0]`; the others lie beside it. */
async function read(...files: readonly (readonly [name: string, text: string])[]): Promise<PluginSettings> {
  const directory = await mkdtemp(join(tmpdir(), "mini-k8s-admission-"));
  try {
    for (const [name, text] of files) await writeFile(join(directory, name), text);
    return await readAdmissionConfiguration(join(directory, files[0]?.[0] ?? ""));
  } finally {
    await rm(directory, { recursive: true });
  }
}

const head = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n";

const podSecurity = `
apiVersion: pod-security.admission.config.k8s.io/v1
kind: PodSecurityConfiguration
defaults: { enforce: baseline, enforce-version: v1.30, warn: restricted }
exemptions: { usernames: [root], namespaces: [kube-system], runtimeClasses: [gvisor] }
`;

const inline = (name: string, configuration: string): string =>
  `${head}- name: ${name}\n  configuration: ${JSON.stringify(configuration)}\n`;

suite("AdmissionConfiguration", () => {
  test("a plugin's own file lies beside it", async () => {
    const { PodSecurity } = await read(
      ["admission.yaml", `${head}- { name: PodSecurity, path: pod-security.yaml }`],
      ["pod-security.yaml", podSecurity],
    );
    assert.deepEqual(PodSecurity, {
      defaults: {
        enforce: { level: "baseline", minor: 30 },
        warn: { level: "restricted", minor: undefined },
        audit: { level: "privileged", minor: undefined },
      },
      exemptions: {
        usernames: new Set(["root"]),
        namespaces: new Set(["kube-system"]),
        runtimeClasses: new Set(["gvisor"]),
      },
    });
  });

  test("or what it is told stands in it", async () => {
    const settings = await read([
      "admission.yaml",
      `${head}
- name: EventRateLimit
  configuration:
    apiVersion: eventratelimit.admission.k8s.io/v1alpha1
    kind: Configuration
    limits: [{ type: Namespace, qps: 50, burst: 100, cacheSize: 2000 }]
- name: ResourceQuota
  configuration:
    apiVersion: apiserver.config.k8s.io/v1
    kind: ResourceQuotaConfiguration
    limitedResources:
    - resource: pods
      matchScopes: [{ scopeName: PriorityClass, operator: In, values: [high] }]
    - { apiGroup: apps, resource: deployments, matchContains: [count] }
`,
    ]);
    assert.deepEqual(settings.EventRateLimit, [{ type: "Namespace", qps: 50, burst: 100, cacheSize: 2000 }]);
    assert.deepEqual(settings.ResourceQuota, [
      {
        resource: "pods",
        matchContains: undefined,
        matchScopes: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }],
      },
      { resource: "deployments.apps", matchContains: ["count"], matchScopes: undefined },
    ]);
  });

  test("every plugin that can be told something is told it", async () => {
    const settings = await read([
      "admission.yaml",
      `${head}
- name: PodNodeSelector
  configuration: { podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: a=b, ns: "c=d" } }
- name: PodTolerationRestriction
  configuration:
    apiVersion: podtolerationrestriction.admission.k8s.io/v1alpha1
    kind: Configuration
    default: [{ key: a, operator: Exists }]
    whitelist: [{ operator: Exists }]
- name: ImagePolicyWebhook
  configuration: { imagePolicy: { kubeConfigFile: /k, allowTTL: 50, denyTTL: -1, defaultAllow: true } }
- name: MutatingAdmissionWebhook
  configuration: { apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: /m }
- name: ValidatingAdmissionWebhook
  configuration: { apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: /v }
`,
    ]);
    assert.deepEqual(settings, {
      PodNodeSelector: { clusterDefaultNodeSelector: "a=b", ns: "c=d" },
      PodTolerationRestriction: {
        apiVersion: "podtolerationrestriction.admission.k8s.io/v1alpha1",
        kind: "Configuration",
        default: [{ key: "a", operator: "Exists" }],
        whitelist: [{ operator: "Exists" }],
      },
      ImagePolicyWebhook: {
        kubeConfigFile: "/k",
        allowTtlMs: 50_000,
        denyTtlMs: 0,
        retryBackoffMs: 500,
        defaultAllow: true,
      },
      MutatingAdmissionWebhook: { kubeConfigFile: "/m" },
      ValidatingAdmissionWebhook: { kubeConfigFile: "/v" },
    });
  });

  const faults: [string, string, RegExp][] = [
    [
      "times that are too long, and nobody to ask",
      `${head}- name: ImagePolicyWebhook\n  configuration: { imagePolicy: { allowTTL: 3600 } }`,
      /imagePolicy\.kubeConfigFile: Required value.*imagePolicy\.allowTTL: Invalid value: 3600: valid value is between 1s and 30m0s, got 1h0m0s/,
    ],
    [
      "a kubeconfig of webhooks that could be anywhere",
      `${head}- name: MutatingAdmissionWebhook\n  configuration: { apiVersion: apiserver.config.k8s.io/v1, kind: WebhookAdmissionConfiguration, kubeConfigFile: k }`,
      /kubeConfigFile: Invalid value: "k": must be an absolute file path/,
    ],
    [
      "tolerations that are none",
      `${head}- name: PodTolerationRestriction\n  configuration: { apiVersion: podtolerationrestriction.admission.k8s.io/v1, kind: Configuration, default: [{ operator: Equal }] }`,
      /default\[0\]\.operator: Invalid value: "Equal": operator must be Exists when `key` is empty/,
    ],
    ["another kind", "apiVersion: v1\nkind: Pod", /is Pod of v1, must be AdmissionConfiguration of/],
    ["an unknown field", `${head}- { name: PodSecurity, foo: 1 }`, /unknown field "plugins\[0\]\.foo"/],
    [
      "a plugin that isn't told anything",
      `${head}- { name: LimitRanger }`,
      /plugin "LimitRanger" has no configuration here, must be of PodSecurity, EventRateLimit, ResourceQuota, PodNodeSelector/,
    ],
    ["a file that isn't there", `${head}- { name: PodSecurity, path: none.yaml }`, /none\.yaml.*ENOENT/],
    ["text where an object belongs", inline("PodSecurity", "x"), /plugin PodSecurity: is undefined of/],
    [
      "bad limits",
      `${head}
- name: EventRateLimit
  configuration:
    apiVersion: eventratelimit.admission.k8s.io/v1alpha1
    kind: Configuration
    limits: [{ type: Foo, qps: 1, cacheSize: -1 }]`,
      /limits\[0\]\.type: Unsupported value: "Foo".*limits\[0\]\.burst: Invalid value: 0: must be positive.*limits\[0\]\.cacheSize: Invalid value: -1: must not be negative/,
    ],
    [
      "bad levels and names",
      `${head}
- name: PodSecurity
  configuration:
    apiVersion: pod-security.admission.config.k8s.io/v1
    kind: PodSecurityConfiguration
    defaults: { enforce: foo, warn-version: "1" }
    exemptions: { usernames: [""], namespaces: [a, a] }`,
      /defaults\.enforce: Invalid value: "foo": must be one of privileged.*defaults\.warn-version.*exemptions\.namespaces\[1\]: Duplicate value: "a".*exemptions\.usernames\[0\]: Required value/,
    ],
  ];
  for (const [name, text, expected] of faults) {
    test(`refuses ${name}`, async () => {
      await assert.rejects(read(["admission.yaml", text]), {
        name: "AdmissionConfigurationError",
        message: expected,
      });
    });
  }
});
