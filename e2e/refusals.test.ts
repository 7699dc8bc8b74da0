/** What the real kubectl shows of changes that are refused, and of what is accepted with a warning. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { startBareServer, type BareServer } from "./bare-server.ts";

const pod = (name: string, spec: object = {}, metadata: object = {}): string =>
  JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...metadata },
    spec: {
      containers: [{ name: "c", image: "nginx", resources: { requests: { cpu: "1" } } }],
      ...spec,
    },
  });

const serviceOf = (spec: object): string =>
  JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "bare" }, spec });

const resize = (resources: object): string[] => {
  const patch = { spec: { containers: [{ name: "c", resources }] } };
  return ["patch", "pod", "fixed", "--subresource", "resize", "-p", JSON.stringify(patch)];
};

suite("kubectl is told", { concurrency: 1 }, () => {
  let server: BareServer;
  const run: BareServer["run"] = (...asked) => server.run(...asked);
  const refused: BareServer["refused"] = (...asked) => server.refused(...asked);

  before(async () => {
    server = await startBareServer();
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
  });

  test("which field of a pod may not change, and how it would have", async () => {
    await run(["create", "-f", "-"], pod("fixed"));
    const said = await refused(["patch", "pod", "fixed", "-p", '{"spec":{"hostname":"h"}}']);
    assert.match(
      said,
      /The Pod "fixed" is invalid: spec: Forbidden: pod updates may not change fields other than/,
    );
    assert.match(said, /--- expected\n\+\+\+ got\n@@ /);
    assert.match(said, /\n\+ {2}"Hostname": "h",\n/);
    await run(["set", "image", "pod/fixed", "c=nginx:2"]);
  });

  test("that a resize keeps the quality of service", async () => {
    assert.match(
      await refused(resize({ requests: { cpu: "1", memory: "1Gi" }, limits: { cpu: "1", memory: "1Gi" } })),
      /spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing/,
    );
    await run(resize({ requests: { cpu: "2" } }));
    const cpu = ["get", "pod", "fixed", "-o", "jsonpath={.spec.containers[0].resources.requests.cpu}"];
    assert.equal(await run(cpu), "2");
  });

  test("that a StatefulSet's pods could never be", async () => {
    const set = {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "s" },
      spec: {
        serviceName: "a.b",
        selector: { matchLabels: { app: "x" } },
        template: {
          metadata: { labels: { app: "x" } },
          spec: { containers: [{ name: "c", image: "i", volumeMounts: [{ name: "v", mountPath: "/v" }] }] },
        },
      },
    };
    const said = await refused(["create", "-f", "-"], JSON.stringify(set));
    assert.match(said, /spec\.serviceName: Invalid value: "a\.b": must not contain dots/);
    assert.match(said, /spec\.template\.spec\.containers\[0\]\.volumeMounts\[0\]\.name: Not found: "v"/);
  });

  test("that a scope says nothing of what a quota limits", async () => {
    const said = await refused(["create", "quota", "q", "--hard=requests.cpu=1", "--scopes=BestEffort"]);
    assert.match(
      said,
      /spec\.scopes: Invalid value: \["BestEffort"\]: unsupported scope applied to resource/,
    );
  });

  test("that a profile is better said in a field, and finds it there", async () => {
    const annotations = { "container.apparmor.security.beta.kubernetes.io/c": "unconfined" };
    assert.match(
      await run(["create", "-f", "-"], pod("profiled", {}, { annotations })),
      /Warning: metadata\.annotations\[container\.apparmor\.security\.beta\.kubernetes\.io\/c\]: deprecated since v1\.30; use the "appArmorProfile" field instead/,
    );
    const path = "jsonpath={.spec.containers[0].securityContext.appArmorProfile.type}";
    assert.equal(await run(["get", "pod", "profiled", "-o", path]), "Unconfined");
  });

  test("nothing of keys of labels: they complete the selector", async () => {
    const constraint = {
      maxSkew: 1,
      topologyKey: "kubernetes.io/hostname",
      whenUnsatisfiable: "ScheduleAnyway",
      labelSelector: { matchLabels: { app: "x" } },
      matchLabelKeys: ["hash"],
    };
    const spread = { topologySpreadConstraints: [constraint] };
    await run(["create", "-f", "-"], pod("spread", spread, { labels: { app: "x", hash: "1" } }));
    const path = "jsonpath={.spec.topologySpreadConstraints[0].labelSelector.matchExpressions}";
    assert.equal(
      await run(["get", "pod", "spread", "-o", path]),
      '[{"key":"hash","operator":"In","values":["1"]}]',
    );
  });

  test("which families a service without address has, and that no other can be asked for", async () => {
    await run(["create", "-f", "-"], serviceOf({ clusterIP: "None", ports: [{ port: 80 }] }));
    assert.equal(
      await run(["get", "service", "bare", "-o", "jsonpath={.spec.ipFamilyPolicy} {.spec.ipFamilies}"]),
      'RequireDualStack ["IPv4","IPv6"]',
    );
    assert.match(
      await refused(["patch", "service", "bare", "-p", '{"spec":{"ipFamilies":["IPv5"]}}']),
      /spec\.ipFamilies\[0\]: Invalid value: "IPv5": must be "IPv4" or "IPv6"|spec\.ipFamilies\[0\]: Unsupported value: "IPv5"/,
    );
  });

  test("which files of a tls secret are missing, and that one that is immutable stays", async () => {
    const secret = { apiVersion: "v1", kind: "Secret", metadata: { name: "tls" }, type: "kubernetes.io/tls" };
    const said = await refused(["create", "-f", "-"], JSON.stringify(secret));
    assert.match(said, /\* data\[tls\.crt\]: Required value\n\* data\[tls\.key\]: Required value/);
    await run(["create", "configmap", "kept", "--from-literal=a=b"]);
    await run(["patch", "configmap", "kept", "-p", '{"immutable":true}']);
    assert.match(
      await refused(["patch", "configmap", "kept", "-p", '{"data":{"a":"c"}}']),
      /data: Forbidden: field is immutable when `immutable` is set/,
    );
  });

  test("that a slice of names is of little use", async () => {
    const slice = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "named" },
      addressType: "FQDN",
      endpoints: [{ addresses: ["a.example"] }],
    };
    assert.match(
      await run(["create", "-f", "-"], JSON.stringify(slice)),
      /Warning: spec\.addressType: FQDN endpoints are deprecated/,
    );
  });

  test("that a budget doesn't let a pod go, and why", async () => {
    await run(["create", "-f", "-"], pod("web", {}, { labels: { app: "web" } }));
    const target = { apiVersion: "v1", kind: "Node", name: "n" };
    const binding = { apiVersion: "v1", kind: "Binding", metadata: { name: "web" }, target };
    const at = "/api/v1/namespaces/default/pods/web";
    await run(["create", "--raw", `${at}/binding`, "-f", "-"], JSON.stringify(binding));
    await run(["patch", "pod", "web", "--subresource", "status", "-p", '{"status":{"phase":"Running"}}']);
    await run(["create", "poddisruptionbudget", "b", "--selector=app=web", "--min-available=1"]);
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "web" } };
    const evict = ["create", "--raw", `${at}/eviction`, "-f", "-"];
    assert.match(
      await refused(evict, JSON.stringify(eviction)),
      /Cannot evict pod as it would violate the pod's disruption budget/,
    );
    await run(["delete", "poddisruptionbudget", "b"]);
    await run(evict, JSON.stringify(eviction));
    const why = "jsonpath={.status.conditions[?(@.type=='DisruptionTarget')].message}";
    assert.equal(await run(["get", "pod", "web", "-o", why]), "Eviction API: evicting");
  });
});
