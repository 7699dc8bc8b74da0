import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod, Service } from "#api/generated/types/core-v1.ts";
import { environment, type ObjectReader } from "./environment.ts";
import { expand } from "./expansion.ts";
import { fieldValue } from "./field-ref.ts";
import { resourceValue } from "./resource-field.ts";
import { serviceEnvironment } from "./service-env.ts";

const expansions: readonly (readonly [text: string, expanded: string])[] = [
  ["plain", "plain"],
  ["$(A)", "1"],
  ["x$(A)y$(B)z", "x1y2z"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$1"],
  ["$(MISSING)", "$(MISSING)"],
  ["$(A", "$(A"],
  ["$A", "$A"],
  ["a$", "a$"],
  ["$()", "$()"],
];
for (const [text, expanded] of expansions) {
  test(`expand ${JSON.stringify(text)} gives ${JSON.stringify(expanded)}`, () => {
    const values: Readonly<Record<string, string>> = { A: "1", B: "2" };
    assert.equal(
      expand(text, (name) => values[name]),
      expanded,
    );
  });
}

const pod: Pod = {
  metadata: {
    name: "web",
    namespace: "shop",
    uid: "u-1",
    labels: { b: "2", a: 'say "1"' },
    annotations: { note: "x" },
  },
  spec: { containers: [], serviceAccountName: "robot", nodeName: "node-a" },
};
const context = { nodeName: "node-a", hostIPs: ["10.0.0.1"], podIPs: ["10.42.0.5"] };

const fields: readonly (readonly [path: string, value: string | undefined])[] = [
  ["metadata.name", "web"],
  ["metadata.namespace", "shop"],
  ["metadata.uid", "u-1"],
  ["metadata.labels", 'a="say \\"1\\""\nb="2"'],
  ["metadata.labels['b']", "2"],
  ["metadata.annotations['none']", ""],
  ["metadata.labels['constructor']", ""],
  ["spec.nodeName", "node-a"],
  ["spec.serviceAccountName", "robot"],
  ["status.hostIP", "10.0.0.1"],
  ["status.podIP", "10.42.0.5"],
  ["status.podIPs", "10.42.0.5"],
  ["spec.nothing", undefined],
];
for (const [path, value] of fields) {
  test(`field ${path}`, () => {
    assert.equal(fieldValue(path, pod, context), value);
  });
}

const container: Container = {
  name: "main",
  resources: { requests: { cpu: "250m", memory: "64Mi" }, limits: { memory: "128Mi" } },
};
const amounts: readonly (readonly [
  resource: string,
  divisor: string | undefined,
  value: string | undefined,
])[] = [
  ["requests.cpu", undefined, "1"],
  ["requests.cpu", "1m", "250"],
  ["limits.cpu", "1", "4"],
  ["limits.memory", undefined, "134217728"],
  ["limits.memory", "1Mi", "128"],
  ["requests.memory", "100Mi", "1"],
  ["limits.ephemeral-storage", "1Gi", "10"],
  ["requests.ephemeral-storage", undefined, "0"],
  ["limits.gpu", undefined, undefined],
];
for (const [resource, divisor, value] of amounts) {
  test(`resource ${resource} in ${divisor ?? "units"}`, () => {
    const allocatable = { cpu: "4", memory: "8Gi", "ephemeral-storage": "10Gi" };
    assert.equal(
      resourceValue({ resource, ...(divisor === undefined ? {} : { divisor }) }, container, allocatable),
      value,
    );
  });
}

const service = (namespace: string, name: string, clusterIP: string): Service => ({
  metadata: { name, namespace },
  spec: {
    clusterIP,
    ports: [
      { name: "http", port: 80, protocol: "TCP" },
      { name: "dns-udp", port: 53, protocol: "UDP" },
    ],
  },
});

test("service variables: the namespace's own, the API's from default, nothing headless", () => {
  const services = [
    service("shop", "web-app", "10.43.0.7"),
    service("shop", "headless", "None"),
    service("other", "far", "10.43.0.8"),
    service("default", "kubernetes", "10.43.0.1"),
  ];
  const env = serviceEnvironment(services, "shop", true);
  assert.equal(env.get("WEB_APP_SERVICE_HOST"), "10.43.0.7");
  assert.equal(env.get("WEB_APP_SERVICE_PORT"), "80");
  assert.equal(env.get("WEB_APP_SERVICE_PORT_DNS_UDP"), "53");
  assert.equal(env.get("WEB_APP_PORT"), "tcp://10.43.0.7:80");
  assert.equal(env.get("WEB_APP_PORT_53_UDP_PROTO"), "udp");
  assert.equal(env.get("KUBERNETES_SERVICE_HOST"), "10.43.0.1");
  assert.equal(env.has("FAR_SERVICE_HOST"), false);
  assert.equal(env.has("HEADLESS_SERVICE_HOST"), false);
  assert.equal(serviceEnvironment(services, "shop", false).has("WEB_APP_SERVICE_HOST"), false);
});

const objects: ObjectReader = {
  configMap: (_namespace, name) =>
    Promise.resolve(name === "cfg" ? { data: { a: "from-map", "odd=key": "x" } } : undefined),
  secret: (_namespace, name) =>
    Promise.resolve(name === "sec" ? { data: { p: Buffer.from("hunter2").toString("base64") } } : undefined),
};

const environmentOf = (own: Partial<Container>): Promise<ReadonlyMap<string, string>> =>
  environment({
    pod,
    container: { name: "main", ...own },
    context,
    allocatable: {},
    services: [service("shop", "db", "10.43.0.9")],
    objects,
  });

test("env wins over envFrom, which wins over services; later values see earlier ones", async () => {
  const env = await environmentOf({
    envFrom: [{ prefix: "P_", configMapRef: { name: "cfg" } }, { secretRef: { name: "sec" } }],
    env: [
      { name: "GREETING", value: "$(P_a) and $(DB_SERVICE_HOST)" },
      { name: "p", value: "mine" },
      { name: "DB_SERVICE_HOST", value: "override" },
      { name: "AFTER", value: "$(DB_SERVICE_HOST)" },
    ],
  });
  assert.equal(env.get("P_a"), "from-map");
  assert.equal(env.get("GREETING"), "from-map and 10.43.0.9");
  assert.equal(env.get("p"), "mine");
  assert.equal(env.get("AFTER"), "override");
  assert.equal(env.has("P_odd=key"), false, "not a name of a variable");
  assert.equal(env.get("DB_SERVICE_PORT"), "80");
});

type Reference = readonly [name: string, own: Partial<Container>, result: string | undefined | RegExp];
const references: readonly Reference[] = [
  [
    "a key of a secret",
    { env: [{ name: "V", valueFrom: { secretKeyRef: { name: "sec", key: "p" } } }] },
    "hunter2",
  ],
  [
    "an optional key that isn't there",
    { env: [{ name: "V", valueFrom: { configMapKeyRef: { name: "cfg", key: "no", optional: true } } }] },
    undefined,
  ],
  ...(["configMapKeyRef", "secretKeyRef"] as const).map((source): Reference => [
    `a key of a ${source} that every object has`,
    {
      env: [
        {
          name: "V",
          valueFrom: { [source]: { name: source === "configMapKeyRef" ? "cfg" : "sec", key: "constructor" } },
        },
      ],
    },
    /couldn't find key constructor in/,
  ]),
  [
    "an optional map that isn't there",
    { envFrom: [{ configMapRef: { name: "no", optional: true } }] },
    undefined,
  ],
  [
    "a missing key",
    { env: [{ name: "V", valueFrom: { configMapKeyRef: { name: "cfg", key: "no" } } }] },
    /^couldn't find key no in ConfigMap shop\/cfg$/,
  ],
  [
    "a missing key of a secret",
    { env: [{ name: "V", valueFrom: { secretKeyRef: { name: "sec", key: "no" } } }] },
    /^couldn't find key no in Secret shop\/sec$/,
  ],
  ["a missing map", { envFrom: [{ configMapRef: { name: "no" } }] }, /^configmap "no" not found$/],
];
for (const [name, own, result] of references) {
  test(`environment from ${name}`, async () => {
    if (result instanceof RegExp) await assert.rejects(environmentOf(own), { message: result });
    else assert.equal((await environmentOf(own)).get("V"), result);
  });
}
