/** Odd parameters and bodies, refused in upstream's words. */
import assert from "node:assert/strict";
import { after, suite, test } from "node:test";
import type { AnyObject } from "#api/meta/object.ts";
import type { Status } from "#api/meta/status.ts";
import { systemClock } from "#base/clock.ts";
import { asking } from "#testing/asking.ts";
import { startTestServer } from "#testing/server.ts";

const server = await startTestServer();
const ask = asking(server, server.certificate("admin", ["system:masters"]));
after(() => server.close());

const maps = "/api/v1/namespaces/default/configmaps";
const json = { "content-type": "application/json" };
await ask(maps, { method: "POST", headers: json, body: '{"metadata":{"name":"a"},"data":{"x":"1"}}' });

async function refused(path: string, options: Parameters<typeof ask>[1] = {}): Promise<Status> {
  const { status, text } = await ask(path, { headers: json, ...options });
  const said = JSON.parse(text) as Status;
  assert.equal(said.code, status, text);
  return said;
}

const told = ({ code, reason, message }: Status): string => `${code} ${reason ?? "-"}: ${message ?? ""}`;
const noNumber = (text: string, parser = "ParseInt"): string =>
  `strconv.${parser}: parsing ${JSON.stringify(text)}: invalid syntax`;
const noVersion = `resourceVersion: Invalid value: "foo": ${noNumber("foo", "ParseUint")}`;

suite("parameters of reads", () => {
  const cases: readonly (readonly [query: string, expected: string])[] = [
    ["limit=abc", `400 BadRequest: ${noNumber("abc")}`],
    ["limit=", `400 BadRequest: ${noNumber("")}`],
    ["limit=1.5", `400 BadRequest: ${noNumber("1.5")}`],
    [
      "limit=9223372036854775808",
      '400 BadRequest: strconv.ParseInt: parsing "9223372036854775808": value out of range',
    ],
    ["watch=maybe&timeoutSeconds=x", `400 BadRequest: ${noNumber("x")}`],
    ["resourceVersion=foo", `400 BadRequest: invalid resource version: ${noVersion}`],
    [
      "resourceVersion=18446744073709551616",
      '400 BadRequest: invalid resource version: resourceVersion: Invalid value: "18446744073709551616": strconv.ParseUint: parsing "18446744073709551616": value out of range',
    ],
    ["watch=1&resourceVersion=foo", `422 Invalid: ${noVersion}`],
    ["labelSelector=a%20in%20b", "400 BadRequest: unable to parse requirement: found 'b' expected: '('"],
    [
      "fieldSelector=x=y",
      '400 BadRequest: "x" is not a known field selector: only "metadata.name", "metadata.namespace"',
    ],
    ["fieldSelector=x", "400 BadRequest: invalid selector: 'x'; can't understand 'x'"],
    [
      "continue=eyJ2IjoiYSJ9",
      "400 BadRequest: invalid continue token: continue key is not valid: server does not recognize this encoded version a",
    ],
    [
      "continue=zzzzz",
      "400 BadRequest: invalid continue token: continue key is not valid: illegal base64 data at input byte 4",
    ],
    [
      "continue=YWJj%3D",
      "400 BadRequest: invalid continue token: continue key is not valid: illegal base64 data at input byte 4",
    ],
    [
      "continue=YWJj",
      "400 BadRequest: invalid continue token: continue key is not valid: invalid character 'a' looking for beginning of value",
    ],
    [
      `continue=${Buffer.from("null").toString("base64url")}`,
      "400 BadRequest: invalid continue token: continue key is not valid: server does not recognize this encoded version ",
    ],
    [
      `continue=${Buffer.from('{"v":"meta.k8s.io/v1","rv":1,"start":"../x"}').toString("base64url")}`,
      "400 BadRequest: invalid continue token: continue key is not valid: ../x",
    ],
    [
      "resourceVersion=1&resourceVersionMatch=Foo",
      '422 Invalid: ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
    ],
  ];
  for (const [query, expected] of cases) {
    test(`?${query}`, async () => {
      assert.equal(told(await refused(`${maps}?${query}`)), expected);
    });
  }

  test("of one object", async () => {
    const status = await refused(`${maps}/a?resourceVersion=foo`);
    assert.equal(told(status), `422 Invalid: ${noVersion}`);
    assert.equal(status.details, undefined);
  });

  test("what Go can't read of a query isn't there", async () => {
    for (const query of ["labelSelector=%", "limit=%zz", "labelSelector=x;y", "limit=1;limit=x"]) {
      const { status, text } = await ask(`${maps}?${query}`);
      assert.equal(status, 200, query);
      assert.ok((JSON.parse(text) as { items: unknown[] }).items.length > 0, query);
    }
  });
});

suite("parameters of writes", () => {
  const unsupportedDryRun = 'dryRun: Unsupported value: ["x"]: supported values: "All"';
  const validations = 'supported values: "", "Ignore", "Strict", "Warn"';
  const cases: readonly (readonly [method: string, query: string, faults: string])[] = [
    ["POST", "dryRun=x", unsupportedDryRun],
    ["PUT", "dryRun=All&dryRun=x", 'dryRun: Unsupported value: ["All","x"]: supported values: "All"'],
    ["POST", "fieldValidation=x", `fieldValidation: Unsupported value: "x": ${validations}`],
    [
      "POST",
      "dryRun=x&fieldValidation=y&fieldManager=%07",
      `[fieldManager: Invalid value: "\\a": invalid character U+0007 (at position 0), ${unsupportedDryRun}, fieldValidation: Unsupported value: "y": ${validations}]`,
    ],
    ["POST", `fieldManager=${"a".repeat(129)}`, "fieldManager: Too long: may not be more than 128 bytes"],
    [
      "DELETE",
      "propagationPolicy=x&dryRun=x",
      `[propagationPolicy: Unsupported value: "x": supported values: "Foreground", "Background", "Orphan", "nil", ${unsupportedDryRun}]`,
    ],
    [
      "DELETE",
      "propagationPolicy=Orphan&orphanDependents=true",
      'propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
    ],
  ];
  const kinds: Readonly<Record<string, string>> = { POST: "Create", PUT: "Update", DELETE: "Delete" };
  for (const [method, query, faults] of cases) {
    test(`${method} ?${query.slice(0, 60)}`, async () => {
      const path = method === "POST" ? maps : `${maps}/a`;
      const body = method === "DELETE" ? "" : '{"metadata":{"name":"a"}}';
      const status = await refused(`${path}?${query}`, { method, body });
      const kind = `${kinds[method] ?? ""}Options`;
      assert.equal(told(status), `422 Invalid: ${kind}.meta.k8s.io "" is invalid: ${faults}`);
      assert.deepEqual([status.details?.kind, status.details?.group], [kind, "meta.k8s.io"]);
      const causes = status.details?.causes ?? [];
      assert.equal(causes.length, faults.startsWith("[") ? faults.split(/, (?=[a-zA-Z]+: )/).length : 1);
    });
  }

  test("a grace period is a number", async () => {
    const status = await refused(`${maps}/a?gracePeriodSeconds=x`, { method: "DELETE" });
    assert.equal(told(status), `400 BadRequest: ${noNumber("x")}`);
  });

  test("a deletion's preconditions may be in its query", async () => {
    for (const query of ["uid=x", "resourceVersion=1"]) {
      const status = await refused(`${maps}/a?${query}`, { method: "DELETE" });
      assert.match(told(status), /^409 Conflict: .* in the precondition /);
    }
  });
});

async function patchedKind(type: string): Promise<Status & AnyObject> {
  const headers = { "content-type": `application/${type}-patch+json` };
  const { text } = await ask(`${maps}/a`, { method: "PATCH", headers, body: '{"kind":"Foo"}' });
  return JSON.parse(text) as Status & AnyObject;
}

const unrecognized = (why: string, shown: string): string =>
  `400 BadRequest: the object provided is unrecognized (must be of type ConfigMap): ${why} (${shown})`;

const applyTwice = (body: string, fieldValidation: string): ReturnType<typeof ask> =>
  ask(`${maps}/twice?fieldManager=a&dryRun=All&fieldValidation=${fieldValidation}`, {
    method: "PATCH",
    headers: { "content-type": "application/apply-patch+yaml" },
    body,
  });

suite("bodies", () => {
  const empty = "couldn't get version/kind; json parse error: ";
  const claim =
    'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
  const cases: readonly (readonly [type: string, body: string, expected: string])[] = [
    ["json", "", unrecognized(`${empty}unexpected end of JSON input`, "<empty>")],
    ["json", "foo", unrecognized(`${empty}invalid character 'o' in literal false (expecting 'a')`, "666f6f")],
    [
      "json",
      "[]",
      unrecognized(`${empty}json: cannot unmarshal array into Go value of type ${claim}`, "5b5d"),
    ],
    [
      "json",
      '{"kind":1}',
      unrecognized(
        `${empty}json: cannot unmarshal number into Go struct field .kind of type string`,
        '{"kind":1}',
      ),
    ],
    [
      "json",
      '{"KIND":true,"kind":"ConfigMap","data":1}',
      unrecognized(
        `${empty}json: cannot unmarshal bool into Go struct field .kind of type string`,
        '{"KIND":true,"kind":"ConfigMap ...',
      ),
    ],
    [
      "json",
      '{"apiVersion":"a/b/c","data":1}',
      unrecognized("unexpected GroupVersion string: a/b/c", '{"apiVersion":"a/b/c","data":1 ...'),
    ],
    [
      "json",
      '{"metadata":{"name":"q"},"data":[]}',
      '400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string',
    ],
    [
      "json",
      '{"kind":null,"apiVersion":null,"data":[]}',
      '400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal array into Go struct field ConfigMap.data of type map[string]string',
    ],
    [
      "json",
      '{"kind":"Foo","data":[]}',
      '400 BadRequest: Foo in version "v1" cannot be handled as a ConfigMap: no kind "Foo" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ],
  ];
  for (const [type, body, expected] of cases) {
    test(`${type}: ${body}`, async () => {
      const headers = { "content-type": `application/${type}` };
      assert.equal(told(await refused(maps, { method: "POST", headers, body })), expected);
    });
  }

  test("YAML that is none is unrecognized", async () => {
    const headers = { "content-type": "application/yaml" };
    const status = await refused(maps, { method: "POST", headers, body: "x: [" });
    assert.match(
      told(status),
      /^400 BadRequest: the object provided is unrecognized .*: yaml: .* \(783a205b\)$/,
    );
  });

  test("YAML with a key given twice is refused, or warned of, where the client asks", async () => {
    const headers = { "content-type": "application/yaml" };
    const body = "metadata:\n  name: twice\n  name: twice\nfoo: 1\n";
    const fault = 'yaml: unmarshal errors:\n  line 3: key "name" already set in map';
    assert.equal(
      told(await refused(`${maps}?fieldValidation=Strict`, { method: "POST", headers, body })),
      `400 BadRequest: ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: ${fault}, unknown field "foo"`,
    );
    const warned = await ask(`${maps}?dryRun=All&fieldValidation=Warn`, { method: "POST", headers, body });
    assert.equal(
      warned.headers["warning"],
      '299 - "line 3: key \\"name\\" already set in map", 299 - "unknown field \\"foo\\""',
    );
  });

  test("so is what is applied", async () => {
    const body = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: twice\n  name: twice\n";
    const fault = 'line 5: key "name" already set in map';
    assert.match((await applyTwice(body, "Warn")).headers["warning"] ?? "", /^299 - "line 5: key [^,]*"$/);
    const texts = [(await applyTwice(body, "Strict")).text, (await applyTwice("a: [", "Ignore")).text];
    const [strict, none] = texts.map((text) => (JSON.parse(text) as { message: string }).message);
    assert.equal(
      strict,
      `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${fault}`,
    );
    assert.match(none ?? "", /^error decoding YAML: error converting YAML to JSON: yaml: line /);
  });

  test("a failure that nobody explains has no reason", async () => {
    const body = '{"metadata":{"name":"b","resourceVersion":"5"}}';
    const status = await refused(maps, { method: "POST", body });
    assert.deepEqual([status.code, "reason" in status], [500, false]);
  });

  test("a patch that says another kind: lost on typed objects, refused where JSON is decoded again", async () => {
    assert.ok("data" in (await patchedKind("strategic-merge")));
    const status = await patchedKind("merge");
    assert.match(
      told(status),
      /^422 Invalid: {2}"" is invalid: patch: Invalid value: .*: no kind "Foo" is registered/,
    );
  });
});

suite("paths and methods", () => {
  const text404 = "404 page not found\n";
  const nobody = "404 NotFound: the server could not find the requested resource";
  const notAllowed = "405 MethodNotAllowed: the server does not allow this method on the requested resource";
  const cases: readonly (readonly [method: string, path: string, expected: string])[] = [
    ["GET", "/api/v1/foos", nobody],
    ["GET", "/api/v1/Pods", nobody],
    ["GET", "/api/v2", nobody],
    ["GET", "/api//v1/pods", nobody],
    ["GET", "/apis/apps/v2", nobody],
    ["GET", "/apis/apps/v1/foos", nobody],
    ["GET", `${maps}/a/nope`, nobody],
    ["GET", "/api/v1/namespaces/default/pods/p/log/more", nobody],
    ["GET", "/api/v1/proxy/nodes/n", nobody],
    ["GET", "/apis/none.example.com", text404],
    ["GET", "/apis/none.example.com/v1/foos", text404],
    ["GET", `/${maps}`, text404],
    ["GET", "/API/V1", text404],
    ["GET", "/livez/nope", text404],
    ["POST", "/api/v1/watch/namespaces/default/configmaps", notAllowed],
    ["POST", "/version", notAllowed],
    ["POST", "/api", notAllowed],
    ["DELETE", "/apis/apps/v1", notAllowed],
    ["PUT", "/api/v1", notAllowed],
    ["OPTIONS", `${maps}/a`, notAllowed],
    ["POST", "/healthz", "ok"],
  ];
  for (const [method, path, expected] of cases) {
    test(`${method} ${path}`, async () => {
      const { text, status } = await ask(path, { method });
      const said = text.startsWith("{") ? told(JSON.parse(text) as Status) : text;
      assert.equal(said, expected);
      assert.equal(status, expected === "ok" ? 200 : Number(expected.slice(0, 3)));
    });
  }

  test("a watch of a path with a name is of that name", async () => {
    await ask(maps, { method: "POST", headers: json, body: '{"metadata":{"name":"other"}}' });
    const path = "/api/v1/watch/namespaces/default/configmaps/a?timeoutSeconds=1";
    const names = (await ask(path)).text
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { object: AnyObject }).object.metadata?.name);
    assert.deepEqual(names, ["a"]);
    const status = await refused(`${path}&fieldSelector=metadata.name=other`);
    assert.equal(told(status), "400 BadRequest: fieldSelector metadata.name doesn't match requested name");
  });
});

const noTime = (text: string, rest: string, element: string): string =>
  `parsing time "${text}" as "2006-01-02T15:04:05Z07:00": cannot parse "${rest}" as "${element}"`;

suite("logs", () => {
  const invalidOptions = '422 Invalid: PodLogOptions "p" is invalid: ';
  const cases: readonly (readonly [query: string, expected: string])[] = [
    ["tailLines=x", `400 BadRequest: ${noNumber("x")}`],
    ["tailLines=-1", `${invalidOptions}tailLines: Invalid value: -1: must be greater than or equal to 0`],
    ["limitBytes=0", `${invalidOptions}limitBytes: Invalid value: 0: must be greater than 0`],
    [
      "sinceSeconds=0&sinceTime=2026-01-01T00:00:00Z",
      `${invalidOptions}: Forbidden: at most one of \`sinceTime\` or \`sinceSeconds\` may be specified`,
    ],
    ["sinceSeconds=0", `${invalidOptions}sinceSeconds: Invalid value: 0: must be greater than 0`],
    ["sinceTime=x&tailLines=y", `400 BadRequest: ${noTime("x", "x", "2006")}`],
    ["sinceTime=2026-01-01", `400 BadRequest: ${noTime("2026-01-01", "", "T")}`],
    ["stream=Stdout", `${invalidOptions}stream: Forbidden: may not be specified`],
    ["stream=&sinceTime=", `${invalidOptions}stream: Forbidden: may not be specified`],
    ["tailLines=1", '404 NotFound: pods "p" not found'],
  ];
  for (const [query, expected] of cases) {
    test(`?${query}`, async () => {
      assert.equal(told(await refused(`/api/v1/namespaces/default/pods/p/log?${query}`)), expected);
    });
  }
});

test("a health check that can't be excluded is told of", async () => {
  const { text } = await ask("/livez?verbose&exclude=ping&exclude=none&exclude=foo");
  assert.match(text, /^\[\+\]ping excluded: ok$/m);
  assert.match(
    text,
    /^warn: some health checks cannot be excluded: no matches for "foo","none"\nlivez check passed\n$/m,
  );
});

test("a custom resource's body is unrecognized in the same words, and its lists say what their items are", async () => {
  const names = { plural: "gadgets", singular: "gadget", kind: "Gadget" };
  const schema = { openAPIV3Schema: { type: "object" } };
  const definition = {
    metadata: { name: "gadgets.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names,
      versions: [{ name: "v1", served: true, storage: true, schema }],
    },
  };
  const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await ask(definitions, { method: "POST", headers: json, body: JSON.stringify(definition) });
  const gadgets = "/apis/example.com/v1/namespaces/default/gadgets";
  const isServed = async (): Promise<boolean> => (await ask(gadgets)).status === 200;
  while (!(await isServed())) await systemClock.sleep(20, AbortSignal.timeout(10_000));
  assert.equal(
    told(await refused(gadgets, { method: "POST", body: "" })),
    "400 BadRequest: the object provided is unrecognized (must be of type Gadget): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
  );
  const gadget = { kind: "Gadget", apiVersion: "example.com/v1", metadata: { name: "a" } };
  await ask(gadgets, { method: "POST", headers: json, body: JSON.stringify(gadget) });
  const { items } = JSON.parse((await ask(gadgets)).text) as { items: AnyObject[] };
  assert.deepEqual(
    items.map(({ kind, apiVersion }) => [kind, apiVersion]),
    [["Gadget", "example.com/v1"]],
  );
});
