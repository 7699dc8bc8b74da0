import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  configMaps,
  horizontalPodAutoscalers,
  horizontalPodAutoscalersV1,
  validatingWebhookConfigurations,
} from "#api/resources.ts";
import type { Write } from "../testing/attributes.ts";
import { patchOf, type HookAnswer } from "../testing/hook-server.ts";
import { allow, hookWorld, map, type HookSettings } from "../testing/hook-world.ts";

const warn: HookAnswer = () => ({ warnings: ["careful"], auditAnnotations: { note: "seen" } });
const deny: HookAnswer = () => ({ allowed: false });

suite("a webhook's answer", () => {
  const cases: [string, HookAnswer, string | undefined][] = [
    ["allows", allow, undefined],
    [
      "refuses with a message",
      () => ({ allowed: false, status: { message: "no such thing", code: 418, reason: "Teapot" } }),
      '418 admission webhook "hook.example.com" denied the request: no such thing',
    ],
    [
      "refuses with a reason",
      () => ({ allowed: false, status: { reason: "because" } }),
      '400 admission webhook "hook.example.com" denied the request: because',
    ],
    [
      "refuses without a word",
      () => ({ allowed: false }),
      '400 admission webhook "hook.example.com" denied the request without explanation',
    ],
    [
      "has the wrong uid",
      () => ({ uid: "x" }),
      '500 Internal error occurred: failed calling webhook "hook.example.com": received invalid webhook response: expected response.uid=',
    ],
    [
      "patches, though it may not",
      () => patchOf({ op: "remove", path: "/data" }),
      '500 Internal error occurred: failed calling webhook "hook.example.com": received invalid webhook response: validating webhook may not return response.patch',
    ],
    [
      "isn't there",
      (_request, response) => {
        response.end("{}");
        return undefined;
      },
      '500 Internal error occurred: failed calling webhook "hook.example.com": received invalid webhook response: webhook response was absent',
    ],
    [
      "allows, but not in so many words",
      () => ({ allowed: "no" as unknown as boolean }),
      '500 Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: json: cannot unmarshal string into Go struct field AdmissionResponse.response.allowed of type bool',
    ],
    [
      "is a page",
      (_request, response) => {
        response.end("<html>welcome</html>");
        return undefined;
      },
      `500 Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: couldn't get version/kind; json parse error: json: cannot unmarshal string into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }`,
    ],
    [
      "breaks off",
      (_request, response) => {
        response.end('{"kind":');
        return undefined;
      },
      `500 Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: couldn't get version/kind; json parse error: unexpected end of JSON input`,
    ],
    [
      "is cut off",
      (_request, response) => {
        response.writeHead(200, { "content-length": "100" }).write("{", () => response.destroy());
        return undefined;
      },
      '500 Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: unexpected error when reading response body. Please retry. Original error: unexpected EOF',
    ],
    [
      "is YAML",
      ({ uid }, response) => {
        response.end(
          `apiVersion: admission.k8s.io/v1\nkind: AdmissionReview\nresponse: {uid: ${uid}, allowed: true}`,
        );
        return undefined;
      },
      undefined,
    ],
    [
      "is empty",
      (_request, response) => {
        response.end();
        return undefined;
      },
      '500 Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: 0-length response with status code: 200 and content type: application/json',
    ],
    [
      "is a 404",
      (_request, response) => {
        response.statusCode = 404;
        response.end("404 page not found");
        return undefined;
      },
      '500 Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: the server could not find the requested resource',
    ],
    [
      "is a 500",
      (_request, response) => {
        response.statusCode = 500;
        response.end("oops");
        return undefined;
      },
      '500 Internal error occurred: failed calling webhook "hook.example.com": failed to call webhook: an error on the server ("oops") has prevented the request from succeeding',
    ],
  ];
  for (const [name, answer, expected] of cases) {
    test(name, async () => {
      await hookWorld({ "/hook": answer }, { validating: [{}] }, async ({ ask }) => {
        const said = await ask(configMaps, { object: map("a") });
        if (expected === undefined) assert.equal(said, undefined);
        else assert.ok(said?.startsWith(expected), said);
      });
    });
  }

  test("may bring warnings and notes for the audit log", async () => {
    await hookWorld({ "/hook": warn }, { validating: [{}] }, async ({ ask, warnings, annotations }) => {
      await ask(configMaps, { object: map("a") });
      assert.deepEqual(warnings, ["careful"]);
      assert.equal(annotations["hook.example.com/note"], "seen");
    });
  });
});

suite("what a webhook is told", () => {
  test("everything about the write", async () => {
    await hookWorld({ "/hook": allow }, { validating: [{}] }, async ({ ask, server }) => {
      const user = { name: "bob", uid: "7", groups: ["g"], extra: { k: ["v"] } };
      const object = map("a", { x: "1" });
      await ask(configMaps, { operation: "UPDATE", object, oldObject: map("a"), user, dryRun: true });
      const { uid: _uid, ...request } = server.requests[0] ?? { uid: "" };
      const kind = { group: "", version: "v1", kind: "ConfigMap" };
      const resource = { group: "", version: "v1", resource: "configmaps" };
      assert.deepEqual(request, {
        path: "/hook",
        kind,
        resource,
        requestKind: kind,
        requestResource: resource,
        name: "a",
        namespace: "ns",
        operation: "UPDATE",
        userInfo: { username: "bob", uid: "7", groups: ["g"], extra: { k: ["v"] } },
        object,
        oldObject: map("a"),
        dryRun: true,
        options: null,
      });
    });
  });

  test("in the version that its rules name, unless only the exact one will do", async () => {
    const rules = [
      {
        operations: ["*"],
        apiGroups: ["autoscaling"],
        apiVersions: ["v1"],
        resources: ["horizontalpodautoscalers"],
      },
    ];
    const object = {
      kind: "HorizontalPodAutoscaler",
      apiVersion: "autoscaling/v2",
      metadata: { name: "h", namespace: "ns" },
      spec: {
        maxReplicas: 3,
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" },
        metrics: [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } },
          },
        ],
      },
    };
    await hookWorld({ "/hook": allow }, { validating: [{ rules }] }, async ({ ask, server }) => {
      await ask(horizontalPodAutoscalers, { object });
      const [request] = server.requests;
      assert.equal(request?.kind.version, "v1");
      assert.equal(request.requestKind?.version, "v2");
      const spec = (request.object as { spec: { targetCPUUtilizationPercentage: number } }).spec;
      assert.equal(spec.targetCPUUtilizationPercentage, 50);
    });
    await hookWorld(
      { "/hook": allow },
      { validating: [{ rules, matchPolicy: "Exact" }] },
      async ({ ask, server }) => {
        await ask(horizontalPodAutoscalers, { object });
        await ask(horizontalPodAutoscalersV1, { object: { ...object, apiVersion: "autoscaling/v1" } });
        assert.deepEqual(
          server.requests.map(({ kind }) => kind.version),
          ["v1"],
        );
      },
    );
  });
});

suite("which webhooks are asked", () => {
  const rule = { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] };
  const cases: [string, HookSettings, Write, boolean][] = [
    ["its rule", { rules: [rule] }, { object: map("a") }, true],
    ["another operation", { rules: [rule] }, { operation: "DELETE", oldObject: map("a") }, false],
    ["another resource", { rules: [{ ...rule, resources: ["pods"] }] }, { object: map("a") }, false],
    ["a subresource that isn't named", { rules: [rule] }, { object: map("a"), subresource: "status" }, false],
    [
      "a subresource by a star",
      { rules: [{ ...rule, resources: ["configmaps/*"] }] },
      { object: map("a"), subresource: "status" },
      true,
    ],
    [
      "the resource itself by that star",
      { rules: [{ ...rule, resources: ["configmaps/*"] }] },
      { object: map("a") },
      true,
    ],
    ["cluster-scoped things only", { rules: [{ ...rule, scope: "Cluster" }] }, { object: map("a") }, false],
    ["things in namespaces only", { rules: [{ ...rule, scope: "Namespaced" }] }, { object: map("a") }, true],
    ["its namespace", { namespaceSelector: { matchLabels: { env: "test" } } }, { object: map("a") }, true],
    [
      "another namespace",
      { namespaceSelector: { matchLabels: { env: "prod" } } },
      { object: map("a") },
      false,
    ],
    ["its objects", { objectSelector: { matchLabels: { app: "a" } } }, { object: map("a") }, true],
    [
      "objects that were its",
      { objectSelector: { matchLabels: { app: "a" } } },
      { operation: "UPDATE", object: map("b"), oldObject: map("a") },
      true,
    ],
    ["other objects", { objectSelector: { matchLabels: { app: "a" } } }, { object: map("b") }, false],
  ];
  for (const [name, settings, write, isAsked] of cases) {
    test(name, async () => {
      await hookWorld({ "/hook": allow }, { validating: [settings] }, async ({ ask, server }) => {
        assert.equal(await ask(configMaps, write), undefined);
        assert.equal(server.requests.length, isAsked ? 1 : 0);
      });
    });
  }

  test("none about webhooks themselves", async () => {
    await hookWorld({ "/hook": deny }, { validating: [{}], mutating: [{}] }, async ({ ask, server }) => {
      const object = { metadata: { name: "x" } };
      assert.equal(await ask(validatingWebhookConfigurations, { object }), undefined);
      assert.equal(server.requests.length, 0);
    });
  });

  test("a dry run only those without side effects", async () => {
    await hookWorld({ "/hook": allow }, { validating: [{ sideEffects: "Some" }] }, async ({ ask }) => {
      const said = await ask(configMaps, { object: map("a"), dryRun: true });
      assert.equal(said, '400 admission webhook "hook.example.com" does not support dry run');
    });
  });
});
