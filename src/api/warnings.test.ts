import assert from "node:assert/strict";
import { test } from "node:test";
import { applyDefaults } from "./defaults.ts";
import { rangeWarnings } from "./meta/addresses.ts";
import { parseApiVersion, type AnyObject, type GroupVersionKind } from "./meta/object.ts";
import { deprecationOf, removedReleaseOf, warningsOnCreate, warningsOnUpdate } from "./warnings.ts";

function objectOf(key: string, fields: object): { gvk: GroupVersionKind; object: AnyObject } {
  const slash = key.lastIndexOf("/");
  const gvk = { ...parseApiVersion(key.slice(0, slash)), kind: key.slice(slash + 1) };
  const object = structuredClone({ metadata: { name: "x" }, ...fields }) as AnyObject;
  applyDefaults(gvk, object);
  return { gvk, object };
}

const spec = (fields: object): object => ({ spec: fields });
const container = { name: "c", image: "i" };
const one = (fields: object): object => spec({ containers: [{ ...container, ...fields }] });
const noted = (key: string): object => ({ metadata: { name: "x", annotations: { [key]: "y" } } });
const template = { metadata: { labels: { a: "b" } }, spec: { containers: [container] } };
const beta = { matchExpressions: [{ key: "beta.kubernetes.io/os", operator: "Exists" }] };
const must = "requiredDuringSchedulingIgnoredDuringExecution";
const wish = "preferredDuringSchedulingIgnoredDuringExecution";
const ports = (...list: readonly object[]): object => one({ ports: list });

type Case = readonly [key: string, fields: object, ...warnings: readonly string[]];

const pods: readonly Case[] = [
  ["v1/Pod", spec({ containers: [container] })],
  [
    "v1/Pod",
    { metadata: { name: "a.b" }, spec: { containers: [container] } },
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
  ],
  [
    "v1/Pod",
    spec({ nodeSelector: { "beta.kubernetes.io/arch": "arm" } }),
    'spec.nodeSelector[beta.kubernetes.io/arch]: deprecated since v1.14; use "kubernetes.io/arch" instead',
  ],
  [
    "v1/Pod",
    spec({ affinity: { nodeAffinity: { [must]: { nodeSelectorTerms: [beta] } } } }),
    `spec.affinity.nodeAffinity.${must}.nodeSelectorTerms[0].matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead`,
  ],
  [
    "v1/Pod",
    spec({
      affinity: {
        nodeAffinity: {
          [wish]: [{ preference: { matchExpressions: [{ key: "a", operator: "In", values: ["-1"] }] } }],
        },
      },
    }),
    `spec.affinity.nodeAffinity.${wish}[0].preference.matchExpressions[0].values[0]: -1 is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
  ],
  [
    "v1/Pod",
    spec({ topologySpreadConstraints: [{ topologyKey: "failure-domain.beta.kubernetes.io/zone" }] }),
    'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
  ],
  [
    "v1/Pod",
    spec({ affinity: { podAntiAffinity: { [must]: [{ topologyKey: "a" }], [wish]: [{ weight: 1 }] } } }),
    `spec.affinity.podAntiAffinity.${must}[0].labelSelector: a null labelSelector results in matching no pod`,
    `spec.affinity.podAntiAffinity.${wish}[0].podAffinityTerm.labelSelector: a null labelSelector results in matching no pod`,
  ],
  [
    "v1/Pod",
    noted("seccomp.security.alpha.kubernetes.io/pod"),
    'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
  ],
  [
    "v1/Pod",
    {
      metadata: {
        name: "x",
        annotations: {
          "seccomp.security.alpha.kubernetes.io/pod": "y",
          "security.alpha.kubernetes.io/sysctls": "z",
        },
      },
      spec: { overhead: { memory: "500m" } },
    },
    'metadata.annotations[security.alpha.kubernetes.io/sysctls]: non-functional in v1.11+; use the "sysctls" field instead',
    'spec.overhead[memory]: fractional byte value "500m" is invalid, must be an integer',
    'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
  ],
  [
    "v1/Pod",
    {
      ...noted("seccomp.security.alpha.kubernetes.io/pod"),
      spec: { securityContext: { seccompProfile: { type: "Unconfined" } } },
    },
  ],
  [
    "v1/Pod",
    { ...noted("container.seccomp.security.alpha.kubernetes.io/c"), spec: { containers: [container] } },
    'metadata.annotations[container.seccomp.security.alpha.kubernetes.io/c]: non-functional in v1.27+; use the "seccompProfile" field instead',
  ],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", gitRepo: { repository: "r" } }] }),
    "spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
  ],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", storageos: {} }] }),
    "spec.volumes[0].storageOS: deprecated in v1.22, non-functional in v1.25+",
  ],
  [
    "v1/Pod",
    spec({
      volumes: [
        {
          name: "v",
          configMap: {
            name: "m",
            items: [
              { key: "a", path: "p" },
              { key: "b", path: "p/q" },
            ],
          },
        },
      ],
    }),
    'volume "v" (ConfigMap "m"): overlapping paths: "p/q" with "p"',
  ],
  [
    "v1/Pod",
    spec({
      volumes: [
        {
          name: "v",
          projected: {
            sources: [
              { serviceAccountToken: { path: "t" } },
              { secret: { name: "s", items: [{ key: "k", path: "t/" }] } },
              {},
            ],
          },
        },
      ],
    }),
    'volume "v" (Projected): overlapping paths: "t" (Secret "s") with "t" (ServiceAccountToken)',
    'volume "v" (Projected) has no sources provided',
  ],
  [
    "v1/Pod",
    spec({ hostAliases: [{ ip: "1.2.3.4" }, { ip: "1.2.3.4" }] }),
    'spec.hostAliases[1].ip: duplicate ip "1.2.3.4"',
  ],
  [
    "v1/Pod",
    spec({ imagePullSecrets: [{ name: "a" }, { name: "a" }, { name: "" }] }),
    'spec.imagePullSecrets[1].name: duplicate name "a"',
    'spec.imagePullSecrets[2].name: invalid empty name ""',
  ],
  [
    "v1/Pod",
    one({ resources: { limits: { memory: "1m", "ephemeral-storage": "2m" }, requests: { memory: "1m" } } }),
    'spec.containers[0].resources.limits[memory]: fractional byte value "1m" is invalid, must be an integer',
    'spec.containers[0].resources.requests[memory]: fractional byte value "1m" is invalid, must be an integer',
    'spec.containers[0].resources.limits[ephemeral-storage]: fractional byte value "2m" is invalid, must be an integer',
    'spec.containers[0].resources.requests[ephemeral-storage]: fractional byte value "2m" is invalid, must be an integer',
  ],
  [
    "v1/Pod",
    one({ resources: { limits: { memory: "1500m", cpu: "1500m" } } }),
    'spec.containers[0].resources.limits[memory]: fractional byte value "1500m" is invalid, must be an integer',
    'spec.containers[0].resources.requests[memory]: fractional byte value "1500m" is invalid, must be an integer',
  ],
  [
    "v1/Pod",
    one({
      env: [
        { name: "a", value: "b" },
        { name: "a", value: "$(a)c" },
      ],
    }),
  ],
  [
    "v1/Pod",
    one({
      env: [
        { name: "a", value: "b" },
        { name: "a", value: "c" },
      ],
    }),
    'spec.containers[0].env[1]: hides previous definition of "a", which may be dropped when using apply',
  ],
  [
    "v1/Pod",
    ports({ containerPort: 80, hostIP: "10.0.0.1", protocol: "UDP" }),
    "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:UDP HostIP:10.0.0.1}",
  ],
  [
    "v1/Pod",
    ports({ containerPort: 80 }, { containerPort: 80 }, { containerPort: 80, protocol: "UDP" }),
    "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
  ],
  [
    "v1/Pod",
    ports({ containerPort: 80, hostPort: 80 }, { containerPort: 80 }),
    "spec.containers[0].ports[1]: overlapping port definition with spec.containers[0].ports[0]",
  ],
  [
    "v1/Pod",
    ports({ containerPort: 80, hostPort: 80 }, { containerPort: 80, hostPort: 80, hostIP: "10.0.0.1" }),
    "spec.containers[0].ports[1]: dangerously ambiguous port definition with spec.containers[0].ports[0]",
  ],
  [
    "v1/Pod",
    spec({
      initContainers: [{ ...container, name: "i", ports: [{ name: "h", containerPort: 3 }] }],
      containers: [
        { ...container, ports: [{ name: "h", containerPort: 1 }] },
        { ...container, name: "d", ports: [{ name: "h", containerPort: 2 }] },
      ],
    }),
    'spec.containers[1].ports[0]: duplicate port name "h" with spec.containers[0].ports[0], services and probes that select ports by name will use spec.containers[0].ports[0]',
  ],
  [
    "v1/Pod",
    // Pods, unlike templates, have been given another one already.
    spec({ terminationGracePeriodSeconds: -1 }),
  ],
  [
    "v1/Pod",
    spec({ dnsConfig: { nameservers: ["05.06.07.08"] }, hostAliases: [{ ip: "::ffff:1.2.3.4" }] }),
    'spec.dnsConfig.nameservers[0]: non-standard IP address "05.06.07.08" will be considered invalid in a future Kubernetes release: use "5.6.7.8"',
    'spec.hostAliases[0].ip: non-standard IP address "::ffff:1.2.3.4" will be considered invalid in a future Kubernetes release: use "1.2.3.4"',
  ],
];

const ofName =
  "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]";
const dotted = { metadata: { name: "a.b" } };
const negative = { ...template.spec, terminationGracePeriodSeconds: -1 };
const grace = (path: string): string =>
  `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`;

const storageClass = "volume.beta.kubernetes.io/storage-class";
const bad = { addresses: [{ ip: "010.1.1.1" }], notReadyAddresses: [{ ip: "fd00:0::1" }] };

const others: readonly Case[] = [
  [
    "v1/PersistentVolumeClaim",
    { metadata: { annotations: { [storageClass]: "s", "volume.beta.kubernetes.io/mount-options": "o" } } },
    `metadata.annotations[${storageClass}]: deprecated since v1.8; use "storageClassName" attribute instead`,
  ],
  [
    "v1/Endpoints",
    { subsets: [bad] },
    'subsets[0].addresses[0].ip: non-standard IP address "010.1.1.1" will be considered invalid in a future Kubernetes release: use "10.1.1.1"',
    'subsets[0].notReadyAddresses[0].ip: IPv6 address "fd00:0::1" should be in RFC 5952 canonical format ("fd00::1")',
  ],
  [
    "v1/Endpoints",
    { metadata: { labels: { "endpoints.kubernetes.io/managed-by": "endpoint-controller" } }, subsets: [bad] },
  ],
  ["apps/v1/Deployment", { ...dotted, spec: { template } }, ofName],
  ["apps/v1/ReplicaSet", { ...dotted, spec: { template } }, ofName],
  ["v1/ReplicationController", { ...dotted, spec: { template } }, ofName],
  ["batch/v1/Job", { ...dotted, spec: { template } }, ofName],
  [
    "batch/v1/CronJob",
    { ...dotted, spec: { schedule: "* * * * *", jobTemplate: { spec: { template } } } },
    ofName,
  ],
  ["apps/v1/DaemonSet", { ...dotted, spec: { template: { spec: negative } } }, grace("spec.template.spec")],
  ["v1/PodTemplate", { template: { spec: negative } }, grace("template.spec")],
  [
    "batch/v1/CronJob",
    spec({ jobTemplate: { spec: { template: { spec: negative } } } }),
    grace("spec.jobTemplate.spec.template.spec"),
  ],
  [
    "apps/v1/Deployment",
    spec({
      template: {
        metadata: { annotations: { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" } },
        spec: { containers: [container] },
      },
    }),
    'spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; use the "appArmorProfile" field instead',
  ],
  [
    "batch/v1/Job",
    spec({ template, completionMode: "Indexed", completions: 100_001, parallelism: 10_001 }),
    "spec: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail",
  ],
  [
    "apps/v1/StatefulSet",
    spec({
      template,
      revisionHistoryLimit: -1,
      volumeClaimTemplates: [{ spec: { resources: { requests: { storage: "1.5" } } } }],
    }),
    'spec.volumeClaimTemplates[0].resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer',
    "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
  ],
  ["v1/PersistentVolumeClaim", spec({ resources: { requests: { storage: "1Gi" } } })],
  [
    "v1/PersistentVolumeClaim",
    spec({ resources: { requests: { storage: "200m" } } }),
    'spec.resources.requests[storage]: fractional byte value "200m" is invalid, must be an integer',
  ],
  [
    "v1/PersistentVolume",
    {
      ...noted("volume.beta.kubernetes.io/storage-class"),
      spec: { persistentVolumeReclaimPolicy: "Recycle", cephfs: {} },
    },
    'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
    "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
    "spec.cephfs: deprecated in v1.28, non-functional in v1.31+",
  ],
  [
    "v1/Service",
    spec({ clusterIP: "None", clusterIPs: ["None"], type: "ClusterIP", sessionAffinity: "None" }),
  ],
  [
    "v1/Service",
    spec({
      clusterIP: "None",
      loadBalancerIP: "1.2.3.4",
      externalIPs: ["1.2.3.4"],
      sessionAffinity: "ClientIP",
    }),
    "spec.loadBalancerIP is ignored for headless services",
    "spec.externalIPs is ignored for headless services",
    "spec.SessionAffinity is ignored for headless services",
  ],
  [
    "v1/Service",
    spec({
      externalName: "x",
      trafficDistribution: "PreferClose",
      loadBalancerSourceRanges: ["192.12.2.8/24"],
    }),
    'spec.loadBalancerSourceRanges[0]: CIDR value "192.12.2.8/24" is ambiguous in this context (should be "192.12.2.0/24" or "192.12.2.8/32"?)',
    'spec.externalName is ignored when spec.type is not "ExternalName"',
    'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
  ],
  [
    "v1/Service",
    spec({ type: "ExternalName", externalName: "x", externalIPs: ["2001:db8:0:0::2"] }),
    'spec.externalIPs[0]: IPv6 address "2001:db8:0:0::2" should be in RFC 5952 canonical format ("2001:db8::2")',
    'spec.externalIPs is ignored when spec.type is "ExternalName"',
  ],
  ["v1/Secret", { type: "Opaque", data: { "tls.crt": "" } }],
  [
    "v1/Secret",
    { type: "kubernetes.io/tls", data: {} },
    "tls: failed to find any PEM data in certificate input",
  ],
  [
    "v1/Node",
    spec({ externalID: "i" }),
    "spec.externalID: this field is deprecated, and is unused by Kubernetes",
  ],
  [
    "v1/ServiceAccount",
    noted("kubernetes.io/enforce-mountable-secrets"),
    "metadata.annotations[kubernetes.io/enforce-mountable-secrets]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets",
  ],
  [
    "networking.k8s.io/v1/Ingress",
    noted("kubernetes.io/ingress.class"),
    `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
  ],
  [
    "networking.k8s.io/v1/Ingress",
    { ...noted("kubernetes.io/ingress.class"), ...spec({ ingressClassName: "y" }) },
  ],
  [
    "networking.k8s.io/v1/NetworkPolicy",
    spec({ egress: [{ to: [{ ipBlock: { cidr: "10.0.0.1/8" } }] }] }),
    'spec.egress[0].to[0].ipBlock.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)',
  ],
  [
    "node.k8s.io/v1/RuntimeClass",
    { handler: "h", scheduling: { nodeSelector: { "beta.kubernetes.io/os": "linux" } } },
    'scheduling.nodeSelector: deprecated since v1.14; use "kubernetes.io/os" instead',
  ],
  [
    "storage.k8s.io/v1/StorageClass",
    { allowedTopologies: [{ matchLabelExpressions: [{ key: "beta.kubernetes.io/os", values: ["linux"] }] }] },
    'allowedTopologies[0].matchLabelExpressions[0].key: deprecated since v1.14; use "kubernetes.io/os" instead',
  ],
  [
    "storage.k8s.io/v1/CSIStorageCapacity",
    { nodeTopology: beta },
    'nodeTopology.matchExpressions[0].key: beta.kubernetes.io/os is deprecated since v1.14; use "kubernetes.io/os" instead',
  ],
  [
    "discovery.k8s.io/v1/EndpointSlice",
    { addressType: "IPv6", endpoints: [{ addresses: ["2001:DB8::1"] }] },
    'endpoints[0].addresses[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
  ],
  [
    "discovery.k8s.io/v1/EndpointSlice",
    { addressType: "FQDN", endpoints: [{ addresses: ["example.com"] }] },
    "spec.addressType: FQDN endpoints are deprecated",
  ],
  [
    "discovery.k8s.io/v1/EndpointSlice",
    {
      metadata: { labels: { "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io" } },
      addressType: "IPv4",
      endpoints: [{ addresses: ["010.1.1.1"] }],
    },
  ],
];

for (const [key, fields, ...want] of [...pods, ...others]) {
  test(`${key} with ${JSON.stringify(fields).slice(0, 100)} is warned of: ${want[0]?.slice(0, 80) ?? "nothing"}`, () => {
    const { gvk, object } = objectOf(key, fields);
    assert.deepEqual(warningsOnCreate(gvk, object), want);
  });
}

const deploymentOf = (generation: number) =>
  objectOf("apps/v1/Deployment", {
    metadata: { name: "x", generation },
    spec: { template: { spec: negative } },
  });

test("an update of a workload is looked at when its spec has changed", () => {
  const { gvk, object } = deploymentOf(1);
  assert.deepEqual(warningsOnUpdate(gvk, deploymentOf(1).object, object), []);
  assert.deepEqual(warningsOnUpdate(gvk, deploymentOf(2).object, object), [grace("spec.template.spec")]);
});

test("updates of pods are not warned of", () => {
  const { gvk, object } = objectOf("v1/Pod", { spec: negative });
  assert.deepEqual(warningsOnUpdate(gvk, object, object), []);
});

test("a range that is one address or a network is fine", () => {
  for (const range of ["10.0.0.0/8", "10.1.2.3/32", "::/0", "2001:db8::/32", "2001:db8::1/128"]) {
    assert.deepEqual(rangeWarnings(range, "a"), [], range);
  }
  assert.deepEqual(rangeWarnings("2001:db8::1/64", "a"), [
    'a: CIDR value "2001:db8::1/64" is ambiguous in this context (should be "2001:db8::/64" or "2001:db8::1/128"?)',
  ]);
  assert.deepEqual(rangeWarnings("2001:0db8::/64", "a"), [
    'a: IPv6 CIDR value "2001:0db8::/64" should be in RFC 5952 canonical format ("2001:db8::/64")',
  ]);
});

test("Endpoints have a successor", () => {
  const { gvk } = objectOf("v1/Endpoints", {});
  assert.equal(removedReleaseOf(gvk), "");
  assert.equal(
    removedReleaseOf({ group: "resource.k8s.io", version: "v1beta1", kind: "DeviceClass" }),
    "1.38",
  );
  assert.equal(removedReleaseOf({ group: "", version: "v1", kind: "Pod" }), undefined);
  assert.equal(
    deprecationOf(gvk),
    "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
  );
  assert.equal(deprecationOf(objectOf("v1/Pod", {}).gvk), undefined);
});

test("of a pod whose spec needs no word, only the name may be warned of", () => {
  const { gvk, object } = objectOf("v1/Pod", {
    metadata: { name: "a.b" },
    spec: { containers: [container], nodeSelector: { "beta.kubernetes.io/arch": "arm" } },
  });
  assert.equal(warningsOnCreate(gvk, object).length, 2);
  assert.match(warningsOnCreate(gvk, object, true).join("\n"), /^metadata\.name: [^\n]*$/);
});
