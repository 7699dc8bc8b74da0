/** What reviews have in common with whatever else is created. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import { failure } from "#api/meta/status.ts";
import type { AdmissionAttributes } from "#apiserver/admission/admission.ts";
import { post } from "#testing/answers.ts";
import { startTestApiserver } from "#testing/cluster.ts";

const authorization = "/apis/authorization.k8s.io/v1";
const authentication = "/apis/authentication.k8s.io/v1";
const resourceAttributes = { verb: "get", resource: "pods" };

const specOf = ({ object }: AdmissionAttributes): Record<string, unknown> =>
  ((object as AnyObject)["spec"] ?? {}) as Record<string, unknown>;

/** Admission that writes down what it is asked, adds a group to what asks for a user, and refuses "mallory". */
async function world() {
  const asked: string[] = [];
  const note = (phase: string, { operation, gvr, dryRun }: AdmissionAttributes): void => {
    asked.push(`${phase} ${operation} ${gvr.resource}${dryRun ? " dry" : ""}`);
  };
  const server = await startTestApiserver({
    admission: {
      admit: (attributes) => {
        note("admit", attributes);
        if (attributes.gvr.resource === "subjectaccessreviews") specOf(attributes)["groups"] = ["added"];
        return Promise.resolve();
      },
      validate: (attributes) => {
        note("validate", attributes);
        return specOf(attributes)["user"] === "mallory"
          ? Promise.reject(failure({ code: 403, reason: "Forbidden", message: "not her" }))
          : Promise.resolve();
      },
    },
  });
  return { server, asked, transport: server.transport() };
}

suite("reviews", () => {
  const cases: readonly [
    path: string,
    spec: object,
    manages: readonly string[] | undefined,
    isValidated: boolean,
  ][] = [
    [`${authorization}/subjectaccessreviews`, { user: "jane", resourceAttributes }, ["f:spec"], true],
    [`${authorization}/selfsubjectaccessreviews`, { resourceAttributes }, ["f:spec"], true],
    [
      `${authorization}/namespaces/a/localsubjectaccessreviews`,
      { user: "jane", resourceAttributes: { ...resourceAttributes, namespace: "a" } },
      ["f:spec"],
      true,
    ],
    [`${authorization}/selfsubjectrulesreviews`, { namespace: "a" }, undefined, false],
    [`${authentication}/tokenreviews`, { token: "x" }, ["f:spec"], true],
    [`${authentication}/selfsubjectreviews`, {}, undefined, true],
  ];
  for (const [path, spec, manages, isValidated] of cases) {
    const resource = path.split("/").at(-1) ?? "";
    test(`${resource}: admission is asked, and the answer says who manages what was sent`, async () => {
      const { server, asked, transport } = await world();
      const { status, body } = await post(transport, path, { spec });
      assert.equal(status, 201, JSON.stringify(body));
      const phases = isValidated ? ["admit", "validate"] : ["admit"];
      assert.deepEqual(
        asked,
        phases.map((phase) => `${phase} CREATE ${resource}`),
      );
      const [entry, ...more] = body.metadata?.managedFields ?? [];
      assert.deepEqual(more, []);
      assert.deepEqual(entry === undefined ? undefined : Object.keys(entry.fieldsV1 ?? {}), manages);
      if (resource === "selfsubjectrulesreviews") assert.equal("spec" in body, false);
      await server.close();
    });
  }

  test("what admission changes is asked about, what it refuses isn't answered, what is no question it never sees", async () => {
    const { server, asked, transport } = await world();
    const path = `${authorization}/subjectaccessreviews`;
    const changed = await post(transport, path, { spec: { user: "jane", resourceAttributes } });
    assert.deepEqual((changed.body["spec"] as AnyObject)["groups"], ["added"]);
    const refused = await post(transport, path, { spec: { user: "mallory", resourceAttributes } });
    assert.deepEqual([refused.status, refused.body["message"]], [403, "not her"]);
    asked.length = 0;
    assert.equal((await post(transport, path, { spec: { user: "jane" } })).status, 422);
    assert.deepEqual(asked, ["admit CREATE subjectaccessreviews"]);
    await server.close();
  });

  test("what only the server says of an object isn't asked with", async () => {
    await using server = await startTestApiserver();
    const now = "2026-01-01T00:00:00Z";
    const metadata = { uid: "u", creationTimestamp: now, deletionTimestamp: now, selfLink: "/x" };
    for (const resource of ["subjectaccessreviews", "selfsubjectaccessreviews"]) {
      const path = `${authorization}/${resource}`;
      const spec = { ...(resource === "subjectaccessreviews" && { user: "jane" }), resourceAttributes };
      const { status, body } = await post(server.transport(), path, { metadata, spec });
      const { managedFields: _managed, ...rest } = body.metadata ?? {};
      assert.deepEqual([status, rest], [201, {}], JSON.stringify(body));
    }
  });
});
