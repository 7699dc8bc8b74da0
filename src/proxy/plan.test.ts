import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "#api/generated/types/core-v1.ts";
import type { EndpointSlice } from "#api/generated/types/discovery-v1.ts";
import { staleFlows } from "./nftables/conntrack.ts";
import { rulesetOf } from "./nftables/ruleset.ts";
import { changeScript, emptyRuleset, fullScript } from "./nftables/script.ts";
import { planProxy, type ProxyPlan } from "./plan.ts";

const options = { clusterCidr: "10.42.0.0/16" };

function service(spec: NonNullable<Service["spec"]>, name = "web"): Service {
  return {
    metadata: { name, namespace: "default" },
    spec: { clusterIP: "10.43.0.2", clusterIPs: ["10.43.0.2"], ports: [{ name: "http", port: 80 }], ...spec },
  };
}

type Row = readonly [ip: string, node: string, state?: "ready" | "notready" | "draining"];

function slice(rows: readonly Row[], name = "web"): EndpointSlice {
  return {
    metadata: { name: `${name}-1`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: rows.map(([ip, nodeName, state = "ready"]) => ({
      addresses: [ip],
      nodeName,
      conditions: {
        ready: state === "ready",
        serving: state !== "notready",
        terminating: state === "draining",
      },
    })),
  };
}

const plan = (services: Service[], slices: EndpointSlice[]): ProxyPlan =>
  planProxy({ services, slices, nodeName: "n1" });
const ips = (result: ProxyPlan, at = 0): string[] | undefined =>
  result.frontends[at]?.backends.map(({ ip }) => ip);

test("a slice's lists that are empty, as they come over the network", () => {
  const lists = [{ ports: null, endpoints: null }, { endpoints: null }];
  const slices = lists.map((each) => ({ ...slice([]), ...each }) as unknown as EndpointSlice);
  assert.deepEqual(ips(plan([service({})], slices)), []);
});

const cases: readonly [string, NonNullable<Service["spec"]>, readonly Row[], readonly string[]][] = [
  [
    "ready endpoints only",
    {},
    [
      ["10.42.0.2", "n1"],
      ["10.42.1.2", "n2"],
      ["10.42.0.3", "n1", "notready"],
    ],
    ["10.42.0.2", "10.42.1.2"],
  ],
  [
    "draining ones when none is ready",
    {},
    [
      ["10.42.0.2", "n1", "draining"],
      ["10.42.0.3", "n1", "notready"],
    ],
    ["10.42.0.2"],
  ],
  [
    "no draining ones when one is ready",
    {},
    [
      ["10.42.0.2", "n1", "draining"],
      ["10.42.0.3", "n1"],
    ],
    ["10.42.0.3"],
  ],
  [
    "this node's only with internalTrafficPolicy Local",
    { internalTrafficPolicy: "Local" },
    [
      ["10.42.0.2", "n1"],
      ["10.42.1.2", "n2"],
    ],
    ["10.42.0.2"],
  ],
];
for (const [name, spec, rows, expected] of cases) {
  test(`planProxy: ${name}`, () => {
    assert.deepEqual(ips(plan([service(spec)], [slice(rows)])), expected);
  });
}

test("headless, external and foreign services have no frontends", () => {
  const none = [
    service({ clusterIP: "None", clusterIPs: ["None"] }),
    service({ type: "ExternalName" }),
    {
      ...service({}),
      metadata: {
        name: "web",
        namespace: "default",
        labels: { "service.kubernetes.io/service-proxy-name": "other" },
      },
    },
  ];
  assert.deepEqual(plan(none, [slice([["10.42.0.2", "n1"]])]), { frontends: [], clusterIps: [] });
});

test("a NodePort hides the client's address unless its policy is Local", () => {
  const spec = { type: "NodePort", ports: [{ name: "http", port: 80, nodePort: 30080 }] };
  const cluster = plan([service(spec)], [slice([["10.42.1.2", "n2"]])]).frontends.find(
    ({ ip }) => ip === undefined,
  );
  assert.equal(cluster?.masquerade, "always");
  const local = plan([service({ ...spec, externalTrafficPolicy: "Local" })], [slice([["10.42.1.2", "n2"]])]);
  const frontend = local.frontends.find(({ ip }) => ip === undefined);
  assert.deepEqual(
    [frontend?.masquerade, frontend?.whenEmpty, frontend?.backends.length],
    ["never", "drop", 0],
  );
});

test("one chain per number of backends, whatever the number of services", () => {
  const services = Array.from({ length: 50 }, (_, i) =>
    service({ clusterIP: `10.43.1.${i}`, clusterIPs: [`10.43.1.${i}`] }, `s${i}`),
  );
  const slices = services.map((_, i) =>
    slice(
      [
        [`10.42.1.${i}`, "n1"],
        [`10.42.2.${i}`, "n2"],
      ],
      `s${i}`,
    ),
  );
  const chains = [...rulesetOf(plan(services, slices), options).chains.keys()].filter((name) =>
    name.startsWith("cluster-"),
  );
  assert.deepEqual(chains, ["cluster-outside-2"]);
});

test("the same plan needs no change", () => {
  const ruleset = rulesetOf(plan([service({})], [slice([["10.42.0.2", "n1"]])]), options);
  assert.equal(changeScript(ruleset, ruleset), "");
  assert.match(fullScript(ruleset), /^add table ip mini-k8s-proxy\ndelete table/);
});

test("one more endpoint changes elements, not the frame", () => {
  const before = rulesetOf(plan([service({})], [slice([["10.42.0.2", "n1"]])]), options);
  const after = rulesetOf(
    plan(
      [service({})],
      [
        slice([
          ["10.42.0.2", "n1"],
          ["10.42.0.3", "n1"],
        ]),
      ],
    ),
    options,
  );
  assert.deepEqual(changeScript(before, after).trim().split("\n"), [
    "add table ip mini-k8s-proxy",
    "add map ip mini-k8s-proxy cluster-outside-2 { typeof numgen random mod 2 . ip daddr . meta l4proto . th dport : ip daddr . th dport; }",
    "add chain ip mini-k8s-proxy cluster-outside-2",
    "add rule ip mini-k8s-proxy cluster-outside-2 jump masq-outside",
    "add rule ip mini-k8s-proxy cluster-outside-2 meta l4proto { tcp, udp } dnat ip addr . port to numgen random mod 2 . ip daddr . meta l4proto . th dport map @cluster-outside-2",
    "delete element ip mini-k8s-proxy services { 10.43.0.2 . tcp . 80 }",
    "add element ip mini-k8s-proxy services { 10.43.0.2 . tcp . 80 : goto cluster-outside-2 }",
    "add element ip mini-k8s-proxy hairpin { 10.42.0.3 . 10.42.0.3 }",
    "add element ip mini-k8s-proxy cluster-outside-2 { 0 . 10.43.0.2 . tcp . 80 : 10.42.0.2 . 8080, 1 . 10.43.0.2 . tcp . 80 : 10.42.0.3 . 8080 }",
    "flush chain ip mini-k8s-proxy cluster-outside-1",
    "delete chain ip mini-k8s-proxy cluster-outside-1",
    "delete map ip mini-k8s-proxy cluster-outside-1",
  ]);
});

test("there and back leaves nothing of the way", () => {
  const full = rulesetOf(
    plan([service({ sessionAffinity: "ClientIP" })], [slice([["10.42.0.2", "n1"]])]),
    options,
  );
  const bare = rulesetOf(plan([], []), options);
  assert.deepEqual(
    [...bare.chains.keys()].filter((name) => /sticky|cluster-o/.test(name)),
    [],
  );
  assert.match(
    changeScript(full, bare),
    /delete chain ip mini-k8s-proxy sticky-10_43_0_2-tcp-80-10_42_0_2-8080/,
  );
  assert.equal(changeScript(emptyRuleset, emptyRuleset), "");
});

test("UDP flows to backends that left, and flows from before there was one, are forgotten", () => {
  const udp = { ports: [{ name: "http", port: 53, protocol: "UDP" }] };
  const with1 = plan([service(udp)], [slice([["10.42.0.2", "n1"]])]);
  const with2 = plan([service(udp)], [slice([["10.42.0.3", "n1"]])]);
  const empty = plan([service(udp)], []);
  const target = ["-D", "-f", "ipv4", "-p", "udp", "--orig-dst", "10.43.0.2", "--orig-port-dst", "53"];
  assert.deepEqual(staleFlows(with1, with2), [[...target, "--dst-nat", "10.42.0.2"]]);
  assert.deepEqual(staleFlows(empty, with1), [target]);
  assert.deepEqual(staleFlows(undefined, with1), []);
  assert.deepEqual(staleFlows(with1, with1), []);
});
