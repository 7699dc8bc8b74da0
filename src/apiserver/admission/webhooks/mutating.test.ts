import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { MutatingWebhook } from "#api/generated/types/admissionregistration-v1.ts";
import type { ConfigMap, Pod } from "#api/generated/types/core-v1.ts";
import { configMaps, pods } from "#api/resources.ts";
import { patchOf, type HookAnswer } from "../testing/hook-server.ts";
import { at, hookWorld, map, type HookSettings } from "../testing/hook-world.ts";

const adds =
  (key: string): HookAnswer =>
  () =>
    patchOf({ op: "add", path: `/data/${key}`, value: "y" });

const addsInitContainer: HookAnswer = () =>
  patchOf(
    { op: "add", path: "/spec/initContainers", value: [{ name: "i", image: "x" }] },
    { op: "add", path: "/spec/nonsense", value: 1 },
  );

const limitsCpu: HookAnswer = () =>
  patchOf({ op: "add", path: "/spec/containers/0/resources/limits", value: { cpu: "1" } });

const removesNothing: HookAnswer = () => patchOf({ op: "remove", path: "/data/none" });

suite("mutation", () => {
  test("one after the other, each seeing what the others did", async () => {
    const first: MutatingWebhook["clientConfig"] = {};
    const second: MutatingWebhook["clientConfig"] = {};
    const hooks = [{ clientConfig: first }, { clientConfig: second }];
    await hookWorld(
      { "/one": adds("one"), "/two": adds("two") },
      { mutating: hooks },
      async ({ ask, server, annotations }) => {
        Object.assign(first, at(server, "/one"));
        Object.assign(second, at(server, "/two"));
        const object = map("a", { x: "1" });
        assert.equal(await ask(configMaps, { object }), undefined);
        assert.deepEqual(object.data, { x: "1", one: "y", two: "y" });
        assert.deepEqual(
          server.requests.map(({ path }) => path),
          ["/one", "/two"],
        );
        assert.deepEqual((server.requests[1]?.object as ConfigMap | undefined)?.data, { x: "1", one: "y" });
        assert.equal(
          annotations["patch.webhook.admission.k8s.io/round_0_index_0"],
          '{"configuration":"config","webhook":"hook.example.com","patch":[{"op":"add","path":"/data/one","value":"y"}],"patchType":"JSONPatch"}',
        );
      },
    );
  });

  test("who wants to is asked again when a later one changed something", async () => {
    const willing: HookSettings = { name: "a.example.com", clientConfig: {}, reinvocationPolicy: "IfNeeded" };
    const later: HookSettings = { name: "b.example.com", clientConfig: {} };
    const one: HookAnswer = ({ object }) =>
      (object as ConfigMap).data?.["two"] === undefined
        ? adds("one")({} as never, {} as never)
        : adds("three")({} as never, {} as never);
    await hookWorld(
      { "/one": one, "/two": adds("two") },
      { mutating: [willing, later] },
      async ({ ask, server }) => {
        Object.assign(willing.clientConfig ?? {}, at(server, "/one"));
        Object.assign(later.clientConfig ?? {}, at(server, "/two"));
        const object = map("a", {});
        assert.equal(await ask(configMaps, { object }), undefined);
        assert.deepEqual(
          server.requests.map(({ path }) => path),
          ["/one", "/two", "/one"],
        );
        assert.deepEqual(object.data, { one: "y", two: "y", three: "y" });
      },
    );
  });

  test("defaults are filled in afterwards, and what no pod has is dropped", async () => {
    await hookWorld({ "/hook": addsInitContainer }, { mutating: [{}] }, async ({ ask }) => {
      const object: Pod = {
        kind: "Pod",
        apiVersion: "v1",
        metadata: { name: "p", namespace: "ns" },
        spec: { containers: [] },
      };
      assert.equal(await ask(pods, { object }), undefined);
      assert.equal(object.spec?.initContainers?.[0]?.terminationMessagePath, "/dev/termination-log");
      assert.equal("nonsense" in (object.spec ?? {}), false);
    });
  });

  test("webhooks see what nobody set, and may add to it", async () => {
    await hookWorld({ "/hook": limitsCpu }, { mutating: [{}] }, async ({ ask, server }) => {
      const object: Pod = {
        kind: "Pod",
        apiVersion: "v1",
        metadata: { name: "p", namespace: "ns" },
        spec: { containers: [{ name: "c", image: "i" }] },
      };
      assert.equal(await ask(pods, { object }), undefined);
      const seen = server.requests[0]?.object as Pod | undefined;
      assert.deepEqual([seen?.spec?.containers[0]?.resources, seen?.status], [{}, {}]);
      assert.deepEqual(object.spec?.containers[0]?.resources, {
        limits: { cpu: "1" },
        requests: { cpu: "1" },
      });
    });
  });

  test("a deletion can't be changed", async () => {
    await hookWorld({ "/hook": adds("x") }, { mutating: [{}] }, async ({ ask }) => {
      const said = await ask(configMaps, { operation: "DELETE", oldObject: map("a") });
      assert.equal(
        said,
        '500 Internal error occurred: admission webhook "hook.example.com" attempted to modify the object, which is not supported for this operation',
      );
    });
  });

  test("a patch that doesn't apply is the webhook's fault", async () => {
    await hookWorld({ "/hook": removesNothing }, { mutating: [{}] }, async ({ ask }) => {
      const said = await ask(configMaps, { object: map("a") });
      assert.match(said ?? "", /^500 Internal error occurred: /);
    });
  });
});
