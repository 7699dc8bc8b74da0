/** What `npm run fuzz` has found: each gets an answer, and one that is upstream's. */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { systemClock } from "#base/clock.ts";
import { startTestServer } from "#testing/server.ts";
import { FuzzClient } from "#testing/fuzz/http-case.ts";

interface Case {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly status: number;
  readonly message: RegExp;
}

const json = { "content-type": "application/json" };
const apply = { "content-type": "application/apply-patch+yaml" };
const widePatch = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":{"a":"${"b".repeat(100_000)}"}}`;

const cases: readonly Case[] = [
  {
    name: "a warning with control characters isn't sent, and the answer is",
    method: "POST",
    path: "/api/v1/namespaces/default/configmaps?fieldValidation=Warn",
    headers: json,
    body: '{"metadata":{"name":"control"},"a\\u0000b":1}',
    status: 201,
    message: /"name":"control"/,
  },
  {
    name: "a path that is no URL",
    method: "GET",
    path: "/\\/openapi/v2",
    status: 404,
    message: /^404 page not found\n$/,
  },
  {
    name: "a field manager of thousands of characters that don't print",
    method: "POST",
    path: `/api/v1/namespaces/default/configmaps?fieldManager=${"%09".repeat(20_000)}`,
    headers: json,
    body: "{}",
    status: 422,
    message:
      /"message":"CreateOptions.meta.k8s.io \\"\\" is invalid: fieldManager: Too long: may not be more than 128 bytes"/,
  },
  {
    name: "a body that nobody reads",
    method: "PATCH",
    path: "/apis/authentication.k8s.io/v1/selfsubjectreviews/x?force=true",
    headers: apply,
    body: widePatch,
    status: 405,
    message: /the server does not allow this method on the requested resource/,
  },
  {
    name: "an apiVersion that is no text",
    method: "PATCH",
    path: "/api/v1/namespaces/default/configmaps/x?fieldManager=a",
    headers: apply,
    body: "apiVersion: false\nkind: ConfigMap\n",
    status: 400,
    message: /invalid object type: \/, Kind=ConfigMap/,
  },
  {
    name: "an applied name that is no text",
    method: "PATCH",
    path: "/api/v1/namespaces/default/configmaps/x?fieldManager=a",
    headers: apply,
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":{"toString":[]}}}',
    status: 500,
    message:
      /failed to create typed patch object \(\/; \/v1, Kind=ConfigMap\): \.metadata\.name: expected string, got/,
  },
  {
    name: "options whose apiVersion is no text",
    method: "DELETE",
    path: "/api/v1/namespaces/default/configmaps/x",
    headers: json,
    body: '{"kind":"DeleteOptions","apiVersion":{"a":1}}',
    status: 400,
    message: /the object provided is unrecognized \(must be of type DeleteOptions\)/,
  },
  {
    name: "a timeout that is no duration",
    method: "GET",
    path: "/api/v1/namespaces/default/configmaps?timeout=x",
    status: 400,
    message: /invalid timeout specified in the request URL - time: invalid duration \\"x\\"/,
  },
  {
    name: "a job without a template",
    method: "POST",
    path: "/apis/batch/v1/namespaces/default/jobs",
    headers: json,
    body: '{"metadata":{"name":"x"}}',
    status: 422,
    message: /spec\.template\.spec\.containers: Required value/,
  },
  {
    name: "a proxied service without a name",
    method: "GET",
    path: "/api/v1/namespaces/default/services/%3Ax/proxy/",
    status: 400,
    message: /invalid service request \\":x\\"/,
  },
  {
    name: "a proxied pod by a scheme that isn't HTTP",
    method: "GET",
    path: "/api/v1/namespaces/default/pods/ftp:a:1/proxy/",
    status: 400,
    message: /invalid pod request \\"ftp:a:1\\"/,
  },
];

suite("hostile requests", async () => {
  const server = await startTestServer();
  const client = new FuzzClient(server, systemClock);
  after(async () => {
    client.close();
    await server.close();
  });
  for (const { name, method, path, headers = {}, body = "", status, message } of cases) {
    test(name, async () => {
      for (const over of ["h1", "h2"] as const) {
        const unique = body.replace('"control"', `"control-${over}"`);
        const answer = await client.send({ method, path, headers, body: Buffer.from(unique) }, over);
        assert.equal(answer?.status, status, over);
        assert.match(
          answer.body.toString("utf8"),
          new RegExp(message.source.replace('"control"', `"control-${over}"`)),
        );
      }
    });
  }

  test("applying to what doesn't fit its type, as validation lets it be stored", async () => {
    const path = "/api/v1/namespaces/default/serviceaccounts";
    const account = { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "keyless" } };
    const stored = Buffer.from(JSON.stringify({ ...account, secrets: [{}] }), "utf8");
    const made = await client.send({ method: "POST", path, headers: json, body: stored }, "h1");
    assert.equal(made?.status, 201);
    const body = Buffer.from(JSON.stringify({ ...account, secrets: [] }), "utf8");
    const target = `${path}/keyless?fieldManager=a`;
    const answer = await client.send({ method: "PATCH", path: target, headers: apply, body }, "h1");
    assert.equal(answer?.status, 500);
    assert.match(
      answer.body.toString("utf8"),
      /failed to create typed live object \(default\/keyless; \/v1, Kind=ServiceAccount\): \.secrets: element 0: /,
    );
  });

  test("a warning beyond ASCII arrives as UTF-8", async () => {
    const body = Buffer.from('{"metadata":{"name":"wide"},"é😀":1}', "utf8");
    const path = "/api/v1/namespaces/default/configmaps?fieldValidation=Warn";
    const answer = await client.send({ method: "POST", path, headers: json, body }, "h1");
    const warning = Buffer.from(String(answer?.headers["warning"]), "latin1").toString("utf8");
    assert.equal(warning, '299 - "unknown field \\"é😀\\""');
  });
});
