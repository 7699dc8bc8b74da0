/** What was allowed once may stay: faults of a kind that the stored object has, too, don't refuse an update. */
import { testCreates, testUpdates, type UpdateCase, type Valid } from "./testing/validation-cases.ts";

const labels = { app: "x" };
const container = { name: "c", image: "i" };
const valid: Valid = {
  "v1/Pod": { spec: { containers: [container] } },
  "apps/v1/Deployment": {
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    },
  },
  "policy/v1/PodDisruptionBudget": { spec: { minAvailable: 1, selector: { matchLabels: labels } } },
  "networking.k8s.io/v1/NetworkPolicy": { spec: { podSelector: {} } },
  "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": {
    webhooks: [
      {
        name: "a.example.com",
        clientConfig: { url: "https://h/" },
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
      },
    ],
  },
};
const must = "requiredDuringSchedulingIgnoredDuringExecution";
const wish = "preferredDuringSchedulingIgnoredDuringExecution";
const spec = (fields: object): object => ({ spec: fields });
const template = (fields: object): object => ({ spec: { template: { spec: fields } } });
const selecting = (value: string): object => ({
  matchExpressions: [{ key: "a", operator: "In", values: [value] }],
});
const wrong = `a valid label must be an empty string or consist of alphanumeric characters…`;
const asking = (pages: string): object => ({
  containers: [
    {
      ...container,
      resources: {
        limits: { "hugepages-2Mi": pages, cpu: "1" },
        requests: { "hugepages-2Mi": pages, cpu: "1" },
      },
    },
  ],
});
const onNode = (value: string): object => ({
  affinity: { nodeAffinity: { [must]: { nodeSelectorTerms: [selecting(value)] } } },
});
const besidePods = (value: string): object => ({
  affinity: { podAffinity: { [must]: [{ topologyKey: "z", labelSelector: selecting(value) }] } },
});
const spread = (labelSelector: object, fields: object = {}): object => ({
  topologySpreadConstraints: [
    { maxSkew: 1, topologyKey: "z", whenUnsatisfiable: "ScheduleAnyway", labelSelector, ...fields },
  ],
});
const token = (path: string): object => ({
  serviceAccountName: "s",
  volumes: [{ name: "v", projected: { sources: [{ serviceAccountToken: { path } }] } }],
});
const sysctl = (name: string): object => ({
  hostNetwork: true,
  securityContext: { sysctls: [{ name, value: "1" }] },
});
const devices = (fields: object): object => ({
  hostUsers: false,
  volumes: [{ name: "v", persistentVolumeClaim: { claimName: "p" } }],
  containers: [{ ...container, volumeDevices: [{ name: "v", devicePath: "/d" }], ...fields }],
});
const doubled = { matchLabels: { a: "x" }, ...selecting("x") };

/** A field of a pod's spec that isn't fine, another one that isn't, and what is said of them where no such was before. */
const kinds: readonly (readonly [before: object, now: object, path: string, ...faults: readonly string[]])[] =
  [
    [
      asking("1Mi"),
      asking("3Mi"),
      "containers[0].resources",
      '.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
      '.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
    ],
    [
      onNode("-1"),
      onNode("-2"),
      `affinity.nodeAffinity.${must}.nodeSelectorTerms[0].matchExpressions[0].values[0]`,
      `: Invalid value: "-2": ${wrong}`,
    ],
    [
      besidePods("-1"),
      besidePods("-2"),
      `affinity.podAffinity.${must}[0].labelSelector.matchExpressions[0].values[0]`,
      `: Invalid value: "-2": ${wrong}`,
    ],
    [
      spread(selecting("-1")),
      spread(selecting("-2")),
      "topologySpreadConstraints[0].labelSelector.matchExpressions[0].values[0]",
      `: Invalid value: "-2": ${wrong}`,
    ],
    [
      spread(doubled, { matchLabelKeys: ["a"] }),
      spread({ ...doubled, matchLabels: { a: "y" } }, { matchLabelKeys: ["a"] }),
      "topologySpreadConstraints[0][0]",
      ': Invalid value: "a": exists in both matchLabelKeys and labelSelector',
    ],
    [
      token("../a"),
      token("../b"),
      "volumes[0].projected.path",
      `: Invalid value: "../b": must not contain '..'`,
    ],
    [
      sysctl("net.a"),
      sysctl("net.b"),
      "securityContext.sysctls[0].name",
      `: Invalid value: "net.b": may not be specified when 'hostNetwork' is true`,
    ],
    [
      devices({}),
      devices({ command: ["c"] }),
      "containers[0].volumeDevices",
      ": Forbidden: when `hostUsers` is false",
    ],
  ];
const deployment = "apps/v1/Deployment";
testUpdates(
  valid,
  kinds.flatMap(([before, now, path, ...faults]): UpdateCase[] => [
    [deployment, template(before), template(now)],
    [deployment, {}, template(now), ...faults.map((fault) => `spec.template.spec.${path}${fault}`)],
  ]),
);

const budget = "policy/v1/PodDisruptionBudget";
const policy = "networking.k8s.io/v1/NetworkPolicy";
const hooks = "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration";
const hook = (value: string): object => ({
  webhooks: [
    {
      name: "a.example.com",
      clientConfig: { url: "https://h/" },
      admissionReviewVersions: ["v1"],
      sideEffects: "None",
      objectSelector: selecting(value),
    },
  ],
});
const at = "matchExpressions[0].values[0]: Invalid value";
testUpdates(valid, [
  [budget, spec({ selector: selecting("-1") }), spec({ selector: selecting("-2") })],
  [budget, {}, spec({ selector: selecting("-2") }), `spec.selector.${at}: "-2": ${wrong}`],
  [policy, spec({ podSelector: selecting("-1") }), spec({ podSelector: selecting("-2") })],
  [policy, {}, spec({ podSelector: selecting("-2") }), `spec.podSelector.${at}: "-2": ${wrong}`],
  [hooks, hook("-1"), hook("-2")],
  [hooks, hook("1"), hook("-2"), `webhooks[0].objectSelector.${at}: "-2": ${wrong}`],
  // Only faults of the same kind are put up with.
  [
    deployment,
    template(sysctl("net.a")),
    template({ ...sysctl("net.b"), ...onNode("-1") }),
    `spec.template.spec.affinity.nodeAffinity.${must}.nodeSelectorTerms[0].matchExpressions[0].values[0]: Invalid value: "-1": ${wrong}`,
  ],
  // A pod may keep what it has while something else of it changes.
  ["v1/Pod", spec(onNode("-1")), spec({ containers: [{ ...container, image: "j" }] })],
]);
testCreates(valid, [
  // A preference that no node can meet does no harm.
  ["v1/Pod", spec({ affinity: { nodeAffinity: { [wish]: [{ weight: 1, preference: selecting("-1") }] } } })],
  [
    "v1/Pod",
    spec({
      affinity: {
        nodeAffinity: {
          [must]: {
            nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: ["A_"] }] }],
          },
        },
      },
    }),
    `spec.affinity.nodeAffinity.${must}.nodeSelectorTerms[0].matchFields[0].values[0]: Invalid value: "A_": a lowercase RFC 1123 subdomain…`,
  ],
  [
    "v1/Pod",
    spec({
      affinity: {
        podAffinity: { [must]: [{ topologyKey: "z", matchLabelKeys: ["a"], mismatchLabelKeys: ["b c"] }] },
      },
    }),
    `spec.affinity.podAffinity.${must}[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
    `spec.affinity.podAffinity.${must}[0].mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set`,
  ],
  [
    "v1/Pod",
    spec({
      affinity: {
        podAffinity: {
          [must]: [{ topologyKey: "z", labelSelector: {}, matchLabelKeys: ["a"], mismatchLabelKeys: ["a"] }],
        },
      },
    }),
    `spec.affinity.podAffinity.${must}[0].matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and mismatchLabelKeys`,
  ],
]);
