/** Fields of int64, and whatever else may be any JSON, in objects of the API itself: as texts, over real connections. */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import { ProtobufCodec } from "#api/codec/protobuf.ts";
import { createScheme } from "#api/scheme.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { openDoor, type Got } from "#testing/door-client.ts";

const door = await openDoor();
after(() => door.close());

const largest = "9223372036854775807";
const odd = "9007199254740993";
const types = {
  json: "application/json",
  yaml: "application/yaml",
  protobuf: "application/vnd.kubernetes.protobuf",
};
const codec = new ProtobufCodec(createTypeTable(), createScheme());

const send = (
  method: string,
  path: string,
  body?: string | Uint8Array,
  type: string = types.json,
): Promise<Got> => door.h2(method, path, { "content-type": type }, body);
const textOf = ({ status, body }: Got): string => {
  const text = body.toString("utf8");
  assert.ok(status < 300, text);
  return text;
};

const deployments = "/apis/apps/v1/namespaces/default/deployments";
const podSpec = `"containers":[{"name":"a","image":"b"}],"terminationGracePeriodSeconds":${largest},"tolerations":[{"key":"a","operator":"Exists","effect":"NoExecute","tolerationSeconds":-${odd}}]`;
const deployment = `{"metadata":{"name":"d"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{${podSpec}}}}}`;

/** Each is created, and read again in every form. */
const cases: readonly (readonly [name: string, path: string, object: string, kept: readonly string[]])[] = [
  [
    "grace periods and tolerations",
    deployments,
    deployment,
    [`"terminationGracePeriodSeconds":${largest}`, `"tolerationSeconds":-${odd}`],
  ],
  [
    "revisions and their data",
    "/apis/apps/v1/namespaces/default/controllerrevisions",
    `{"metadata":{"name":"r"},"revision":${largest},"data":{"a":[${odd},1e17,18446744073709551615,1.0]}}`,
    [`"revision":${largest}`, `"data":{"a":[${odd},100000000000000000,18446744073709552000,1]}`],
  ],
  [
    "parameters of drivers",
    "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
    `{"metadata":{"name":"c"},"spec":{"devices":{"requests":[{"name":"a","exactly":{"deviceClassName":"x.example.com"}}],"config":[{"opaque":{"driver":"x.example.com","parameters":{"seed":${odd}}}}]}}}`,
    [`"parameters":{"seed":${odd}}`],
  ],
  [
    "attributes of devices",
    "/apis/resource.k8s.io/v1/resourceslices",
    `{"metadata":{"name":"s"},"spec":{"driver":"x.example.com","nodeName":"n","pool":{"name":"n","generation":${odd},"resourceSliceCount":1},"devices":[{"name":"d","attributes":{"size":{"int":-${largest}}}}]}}`,
    [`"generation":${odd},"resourceSliceCount":1`, `"size":{"int":-${largest}}`],
  ],
  [
    "quantities that are numbers",
    "/api/v1/namespaces/default/resourcequotas",
    `{"metadata":{"name":"q"},"spec":{"hard":{"count/widgets.x":${odd}}}}`,
    [`"hard":{"count/widgets.x":"${odd}"}`],
  ],
];

suite("are kept as they are", () => {
  for (const [name, path, object, kept] of cases) {
    test(name, async () => {
      const at = `${path}/${/"name":"(\w+)"/.exec(object)?.[1] ?? ""}`;
      const created = textOf(await send("POST", path, object));
      for (const part of kept) assert.ok(created.includes(part), `${part} in ${created}`);
      assert.equal(textOf(await send("GET", at)), created);
      assert.equal(textOf(await send("PUT", at, created)), created);
      const patch = '{"metadata":{"labels":{"a":"b"}}}';
      for (const type of ["application/merge-patch+json", "application/strategic-merge-patch+json"]) {
        const patched = textOf(await send("PATCH", `${at}?dryRun=All`, patch, type));
        for (const part of kept) assert.ok(patched.includes(part), `${part} in ${patched}`);
      }
      const yaml = object.replace(/"name":"\w+"/, '"name":"yaml"').replace("{", "# not JSON\n{");
      const second = textOf(await send("POST", `${path}?dryRun=All`, yaml, types.yaml));
      for (const part of kept) assert.ok(second.includes(part), `${part} in ${second}`);
    });

    test(`${name}, also as protobuf`, async () => {
      const at = `${path}/${/"name":"(\w+)"/.exec(object)?.[1] ?? ""}`;
      const got = await door.h2("GET", at, { accept: types.protobuf });
      const decoded = JSON.stringify(codec.decode(got.body));
      for (const part of kept) assert.ok(decoded.includes(part), `${part} in ${decoded}`);
      const put = textOf(await send("PUT", at, got.body, types.protobuf));
      for (const part of kept) assert.ok(put.includes(part), `${part} in ${put}`);
    });
  }
});

suite("are patched and applied", () => {
  const grace = '{"spec":{"template":{"spec":{"terminationGracePeriodSeconds":';
  const patches: readonly (readonly [type: string, body: string])[] = [
    ["strategic-merge-patch+json", `${grace}${odd}}}}}`],
    ["merge-patch+json", `${grace}${odd}}}}}`],
    [
      "json-patch+json",
      `[{"op":"replace","path":"/spec/template/spec/terminationGracePeriodSeconds","value":${odd}}]`,
    ],
    [
      "apply-patch+yaml",
      `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},${grace.slice(1)}${odd}}}}}`,
    ],
  ];
  for (const [type, body] of patches) {
    test(type, async () => {
      const query = type.startsWith("apply") ? "dryRun=All&fieldManager=a&force=true" : "dryRun=All";
      const patched = textOf(await send("PATCH", `${deployments}/d?${query}`, body, `application/${type}`));
      assert.ok(patched.includes(`"terminationGracePeriodSeconds":${odd}`), patched);
      assert.ok(patched.includes(`"tolerationSeconds":-${odd}`), patched);
    });
  }
});

suite("are refused in Go's words", () => {
  const refusals: readonly (readonly [value: string, what: string])[] = [
    ["9223372036854775808", "number 9223372036854775808"],
    ["1.5", "number 1.5"],
    ["1e3", "number 1e3"],
    ["1.0", "number 1.0"],
    ["9007199254740993.0", "number 9007199254740993.0"],
    [`"1"`, "string"],
  ];
  for (const [value, what] of refusals) {
    test(value, async () => {
      const { status, body } = await send("POST", deployments, deployment.replace(largest, value));
      const { message } = JSON.parse(body.toString("utf8")) as { message: string };
      assert.equal(status, 400);
      assert.ok(
        message.includes(
          `json: cannot unmarshal ${what} into Go struct field PodSpec.spec.template.spec.terminationGracePeriodSeconds of type int64`,
        ),
        message,
      );
    });
  }
});

test("a pod may take any time to end", async () => {
  const pods = "/api/v1/namespaces/default/pods";
  textOf(await send("POST", "/api/v1/namespaces/default/serviceaccounts", '{"metadata":{"name":"default"}}'));
  textOf(await send("POST", pods, `{"metadata":{"name":"p"},"spec":{"nodeName":"n",${podSpec}}}`));
  const credentials = { cert: door.admin.certificatePem, key: door.admin.keyPem };
  const removed = async (path: string, body?: string): Promise<string> =>
    textOf(
      await door.h1(
        {
          method: "DELETE",
          path,
          headers: { "content-type": types.json, "content-length": body?.length ?? 0 },
          ...credentials,
        },
        body,
      ),
    );
  const first = await removed(`${pods}/p?gracePeriodSeconds=${odd}`);
  assert.ok(first.includes(`"deletionGracePeriodSeconds":${odd}`), first);
  assert.match(first, /"deletionTimestamp":"\d{4}-/);
  const shorter = String(BigInt(odd) - 1n);
  const second = await removed(`${pods}/p`, `{"gracePeriodSeconds":${shorter}}`);
  assert.ok(second.includes(`"deletionGracePeriodSeconds":${shorter}`), second);
});
