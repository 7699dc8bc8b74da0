import { testCreates, type Valid } from "../testing/validation-cases.ts";

const pod = "v1/Pod";
const container = { name: "c", image: "i" };
const valid: Valid = { [pod]: { spec: { containers: [container] } } };
const spec = (fields: object): object => ({ spec: fields });
const one = (fields: object): object => spec({ containers: [{ ...container, ...fields }] });
const init = (fields: object): object => spec({ initContainers: [{ name: "i", image: "i", ...fields }] });
const rule = { action: "Restart", exitCodes: { operator: "In", values: [42] } };
const ruled = (restartPolicyRules: readonly object[], restartPolicy?: string): object => ({
  restartPolicyRules,
  restartPolicy,
});
const at = "spec.containers[0]";
const resizing = (...resizePolicy: readonly object[]): object => ({ resizePolicy });
const cpu = { resourceName: "cpu", restartPolicy: "NotRequired" };
const owning = (resources: object, own: object, more: object = {}): object =>
  spec({ resources, containers: [{ ...container, resources: own }], ...more });
const fromFile = (volumes: readonly object[]): object =>
  spec({
    volumes,
    containers: [
      {
        ...container,
        env: [{ name: "A", valueFrom: { fileKeyRef: { volumeName: "v", path: "p", key: "k" } } }],
      },
    ],
  });

testCreates(valid, [
  [pod, one(ruled([rule], "Never"))],
  [
    pod,
    one({ restartPolicy: "Sometimes" }),
    `${at}.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"`,
  ],
  [
    pod,
    one(ruled([rule])),
    `${at}.restartPolicy: Required value: must specify restartPolicy when restart rules are used`,
  ],
  [
    pod,
    one(ruled([{ ...rule, action: "Stop" }], "Never")),
    `${at}.restartPolicyRules[0].action: Unsupported value: "Stop": supported values: "Restart"`,
  ],
  [
    pod,
    one(ruled([{ action: "Restart" }], "Never")),
    `${at}.restartPolicyRules[0].exitCodes: Required value: must be specified`,
  ],
  [
    pod,
    one(ruled([{ action: "Restart", exitCodes: { operator: "Near" } }], "Never")),
    `${at}.restartPolicyRules[0].exitCodes.operator: Unsupported value: "Near": supported values: "In", "NotIn"`,
  ],
  [
    pod,
    one(
      ruled(
        Array.from({ length: 21 }, () => rule),
        "Never",
      ),
    ),
    `${at}.restartPolicyRules: Too many: 21: must have at most 20 items`,
  ],
  [
    pod,
    one(
      ruled(
        [{ ...rule, exitCodes: { operator: "In", values: Array.from({ length: 256 }, () => 1) } }],
        "Never",
      ),
    ),
    `${at}.restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items`,
  ],
  [pod, init(ruled([rule], "OnFailure"))],
  [
    pod,
    init(ruled([{ action: "Stop" }])),
    "spec.initContainers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
  ],
  [
    pod,
    init(ruled([rule], "Always")),
    "spec.initContainers[0].restartPolicyRules: Forbidden: restartPolicyRules are not allowed for init containers with restart policy Always",
  ],
  [pod, one(resizing(cpu, { resourceName: "memory", restartPolicy: "RestartContainer" }))],
  [pod, one(resizing(cpu, cpu)), `${at}.resizePolicy[1]: Duplicate value: "cpu"`],
  [
    pod,
    one(resizing({ resourceName: "disk", restartPolicy: "Perhaps" })),
    `${at}.resizePolicy: Unsupported value: "disk": supported values: "cpu", "memory"`,
    `${at}.resizePolicy: Unsupported value: "Perhaps": supported values: "NotRequired", "RestartContainer"`,
  ],
  [
    pod,
    spec({
      restartPolicy: "Never",
      containers: [{ ...container, ...resizing({ ...cpu, restartPolicy: "RestartContainer" }) }],
    }),
    `${at}.resizePolicy: Invalid value: "RestartContainer": must be 'NotRequired' when \`restartPolicy\` is 'Never'`,
  ],
  // What a pod asks for as a whole.
  [
    pod,
    owning(
      { requests: { cpu: "2" }, limits: { cpu: "2" } },
      { requests: { cpu: "1" }, limits: { cpu: "2" } },
    ),
  ],
  [
    pod,
    owning({ requests: { cpu: "1" } }, { requests: { cpu: "2" } }),
    'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
  ],
  [
    pod,
    owning({ limits: { cpu: "1" } }, { limits: { cpu: "2" }, requests: { cpu: "1" } }),
    'spec.resources.containers[0][cpu].limits: Invalid value: "2": must be less than or equal to pod limits of 1',
  ],
  [
    pod,
    owning({ requests: { "example.com/gpu": "1" } }, {}),
    'spec.resources.requests[example.com/gpu]: Unsupported value: "example.com/gpu": supported values: "cpu", "hugepages-", "memory"',
    "spec.resources.limits: Required value: Limit must be set for non overcommitable resources",
  ],
  [
    pod,
    owning({ requests: { cpu: "1" } }, { requests: { cpu: "abc" } }),
    'spec.containers[0].resources.requests[cpu]: Invalid value: "abc": quantities must match…',
  ],
  [
    pod,
    owning({ claims: [{ name: "a" }], requests: { cpu: "1" } }, {}),
    "spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level",
    'spec.resources.claims[0]: Not found: "a": must be one of the names in pod.spec.resourceClaims which is empty',
  ],
  [
    pod,
    owning({ requests: { cpu: "1" } }, {}, { os: { name: "windows" } }),
    "spec.resources: Forbidden: may not be set for a windows pod",
  ],
  [pod, spec({ hostnameOverride: "a.b" })],
  [
    pod,
    spec({ hostnameOverride: "A", setHostnameAsFQDN: true, hostNetwork: true }),
    "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true",
    "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
    'spec.hostnameOverride: Invalid value: "A": a lowercase RFC 1123 subdomain…',
  ],
  [
    pod,
    spec({ hostnameOverride: "a".repeat(65) }),
    "spec.hostnameOverride: Too long: may not be more than 64 bytes",
  ],
  [pod, fromFile([{ name: "v", emptyDir: {} }])],
  [pod, fromFile([]), `${at}.env[0].valueFrom.fileKeyRef.volumeName: Not found: "v"`],
  [
    pod,
    fromFile([{ name: "v", secret: { secretName: "s" } }]),
    `${at}.env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "v": referenced volume must be of type emptyDir`,
  ],
]);
