import { testCreates, type Valid } from "../testing/validation-cases.ts";

const container = { name: "c", image: "i" };
const spec = (fields: object): object => ({ spec: fields });
const one = (fields: object): object => spec({ containers: [{ ...container, ...fields }] });
const valid: Valid = {
  "v1/Pod": { spec: { containers: [container] } },
};

const tokens = { projected: { sources: [{ serviceAccountToken: { path: "t" } }] } };

testCreates(valid, [
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", ...tokens }] }),
    "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
  ],
  ["v1/Pod", spec({ volumes: [{ name: "v", ...tokens }], serviceAccountName: "s" })],
  ["v1/Pod", spec({ containers: [] }), "spec.containers: Required value"],
  ["v1/Pod", one({ name: "" }), "spec.containers[0].name: Required value"],
  ["v1/Pod", one({ image: "" }), "spec.containers[0].image: Required value"],
  [
    "v1/Pod",
    one({ image: " i" }),
    'spec.containers[0].image: Invalid value: " i": must not have leading or trailing whitespace',
  ],
  ["v1/Pod", spec({ containers: [container, container] }), 'spec.containers[1].name: Duplicate value: "c"'],
  ["v1/Pod", spec({ initContainers: [container] }), 'spec.initContainers[0].name: Duplicate value: "c"'],
  [
    "v1/Pod",
    spec({ restartPolicy: "Sometimes" }),
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ],
  [
    "v1/Pod",
    spec({ dnsPolicy: "None" }),
    "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
  ],
  [
    "v1/Pod",
    spec({ dnsPolicy: "None", dnsConfig: { searches: ["No!"] } }),
    "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
  ],
  [
    "v1/Pod",
    spec({ dnsConfig: { searches: [".", "a_b.", "No!."] } }),
    'spec.dnsConfig.searches[2]: Invalid value: "No!": a lowercase RFC 1123 subdomain…',
  ],
  [
    "v1/Pod",
    {
      metadata: { annotations: { "kubernetes.io/config.mirror": "m" } },
      ...spec({ nodeName: "n", resourceClaims: [{ name: "r" }] }),
    },
    ": Forbidden: static pods do not support resource claims",
  ],
  [
    "v1/Pod",
    one({ imagePullPolicy: "Now" }),
    'spec.containers[0].imagePullPolicy: Unsupported value: "Now": supported values: "Always", "IfNotPresent", "Never"',
  ],
  [
    "v1/Pod",
    one({ ports: [{ containerPort: 0 }] }),
    "spec.containers[0].ports[0].containerPort: Required value",
  ],
  [
    "v1/Pod",
    one({ ports: [{ containerPort: 70_000 }] }),
    "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
  ],
  [
    "v1/Pod",
    one({ ports: [{ containerPort: 1, protocol: "tcp" }] }),
    'spec.containers[0].ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    "v1/Pod",
    one({
      ports: [
        { containerPort: 1, hostPort: 5 },
        { containerPort: 2, hostPort: 5 },
      ],
    }),
    'spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//5"',
  ],
  [
    "v1/Pod",
    spec({ hostNetwork: true, containers: [{ ...container, ports: [{ containerPort: 1, hostPort: 2 }] }] }),
    "spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true",
  ],
  ["v1/Pod", one({ env: [{ name: "" }] }), "spec.containers[0].env[0].name: Required value"],
  [
    "v1/Pod",
    one({ env: [{ name: "a", valueFrom: {} }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
  ],
  [
    "v1/Pod",
    one({ env: [{ name: "a", value: "b", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] }),
    'spec.containers[0].env[0].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
  ],
  [
    "v1/Pod",
    one({ env: [{ name: "a", valueFrom: { fieldRef: { fieldPath: "spec.foo" } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid value: "spec.foo": error converting fieldPath: field label not supported: spec.foo',
  ],
  [
    "v1/Pod",
    one({ env: [{ name: "a", valueFrom: { fieldRef: { fieldPath: "status.phase" } } }] }),
    'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name"…',
  ],
  [
    "v1/Pod",
    one({ volumeMounts: [{ name: "v", mountPath: "/x" }] }),
    'spec.containers[0].volumeMounts[0].name: Not found: "v"',
  ],
  [
    "v1/Pod",
    spec({
      volumes: [{ name: "v" }],
      containers: [
        {
          ...container,
          volumeMounts: [
            { name: "v", mountPath: "/x" },
            { name: "v", mountPath: "/x" },
          ],
        },
      ],
    }),
    'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique',
  ],
  ["v1/Pod", spec({ volumes: [{ name: "v" }, { name: "v" }] }), 'spec.volumes[1].name: Duplicate value: "v"'],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/" } }] }),
    "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
  ],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", secret: {} }] }),
    "spec.volumes[0].secret.secretName: Required value",
  ],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", configMap: { name: "m", items: [{ key: "k", path: "../x" }] } }] }),
    `spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain '..'`,
  ],
  [
    "v1/Pod",
    spec({ volumes: [{ name: "v", secret: { secretName: "s", defaultMode: 1000 } }] }),
    "spec.volumes[0].secret.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive",
  ],
  [
    "v1/Pod",
    one({ livenessProbe: {} }),
    "spec.containers[0].livenessProbe: Required value: must specify a handler type",
  ],
  [
    "v1/Pod",
    one({ livenessProbe: { exec: { command: ["a"] }, tcpSocket: { port: 1 } } }),
    "spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
  ],
  [
    "v1/Pod",
    one({ livenessProbe: { tcpSocket: { port: 1 }, successThreshold: 2 } }),
    "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1",
  ],
  [
    "v1/Pod",
    one({ readinessProbe: { httpGet: { port: "x_y" } } }),
    'spec.containers[0].readinessProbe.httpGet.port: Invalid value: "x_y": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
  ],
  [
    "v1/Pod",
    one({ readinessProbe: { tcpSocket: { port: 1 }, periodSeconds: -1 } }),
    "spec.containers[0].readinessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
  ],
  [
    "v1/Pod",
    spec({ initContainers: [{ ...container, name: "i", livenessProbe: { tcpSocket: { port: 1 } } }] }),
    "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }),
    'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { cpu: "-1" } } }),
    'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { foo: "1" } } }),
    'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
    'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers',
  ],
  [
    "v1/Pod",
    one({ resources: { limits: { "example.com/gpu": "1500m" } } }),
    'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "1500m": must be an integer',
    'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "1500m": must be an integer',
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { "example.com/gpu": "1" } } }),
    "spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources",
  ],
  [
    "v1/Pod",
    one({ resources: { requests: { cpu: "abc" } } }),
    'spec.containers[0].resources.requests[cpu]: Invalid value: "abc": quantities must match the regular expression…',
  ],
  [
    "v1/Pod",
    spec({ activeDeadlineSeconds: 0 }),
    "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
  ],
  [
    "v1/Pod",
    spec({ tolerations: [{ operator: "Equal" }] }),
    'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
  ],
  [
    "v1/Pod",
    spec({ tolerations: [{ key: "a", tolerationSeconds: 1 }] }),
    `spec.tolerations[0].effect: Invalid value: "": effect must be 'NoExecute' when \`tolerationSeconds\` is set`,
  ],
  [
    "v1/Pod",
    spec({
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
      },
    }),
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
  ],
  [
    "v1/Pod",
    spec({
      affinity: {
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 0, podAffinityTerm: { topologyKey: "a" } },
          ],
        },
      },
    }),
    "spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
  ],
  [
    "v1/Pod",
    spec({
      topologySpreadConstraints: [{ maxSkew: 0, topologyKey: "a", whenUnsatisfiable: "DoNotSchedule" }],
    }),
    "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
  ],
  [
    "v1/Pod",
    spec({ securityContext: { runAsUser: -1, fsGroup: 2 ** 31 - 1, supplementalGroups: [2 ** 31] } }),
    "spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive",
    "spec.securityContext.supplementalGroups[0]: Invalid value: 2147483648: must be between 0 and 2147483647, inclusive",
  ],
  [
    "v1/Pod",
    one({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
  ],
  [
    "v1/Pod",
    spec({ ephemeralContainers: [{ ...container, name: "e" }] }),
    "spec.ephemeralContainers: Forbidden: cannot be set on create",
  ],
  [
    "v1/Pod",
    spec({ preemptionPolicy: "Perhaps" }),
    'spec.preemptionPolicy: Unsupported value: "Perhaps": supported values: "PreemptLowerPriority", "Never"',
  ],
]);
