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
    assert.match(said, /\n\+ {2}"hostname": "h",\n/);
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
});
