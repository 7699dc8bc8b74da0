import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { suite, test } from "node:test";
import { gzipSync } from "node:zlib";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { rulesOf } from "#apiserver/registry/rules.ts";
import {
  noDescriptions,
  packedDescriptions,
  type Descriptions,
  type DescriptionTable,
} from "./descriptions.ts";
import { SchemaWriter, type Definitions, type Schema } from "./schemas.ts";
import { OpenApiV2 } from "./v2.ts";
import {
  builtinSources,
  documentFormat,
  kindsBy,
  OpenApiV3,
  type OpenApiDocument,
  type OpenApiSource,
} from "./v3.ts";

const table = createTypeTable();
const scheme = createScheme();
const deps = { scheme, table, descriptions: noDescriptions, version: "1" };
const sources = builtinSources(deps);
const documents = new OpenApiV3(
  () => sources,
  () => 0,
);
const core = "io.k8s.api.core.v1";

function documentOf(path: string): OpenApiDocument {
  const answer = documents.document(path);
  assert.ok(answer !== undefined);
  return JSON.parse(answer.body.toString()) as OpenApiDocument;
}

const pathsOf = (path: string): Record<string, Record<string, Schema>> =>
  documentOf(path).paths as Record<string, Record<string, Schema>>;
const namesOf = (parameters: unknown): string[] =>
  ((parameters ?? []) as readonly Schema[]).map((each) => `${String(each["name"])} ${String(each["in"])}`);

const described = (texts: DescriptionTable): Descriptions =>
  packedDescriptions(gzipSync(JSON.stringify(texts)));

const hashOf = (change: object): string | undefined => builtinSources({ ...deps, ...change })[0]?.hash;

/** How reading what lies there is called. */
function called(path: string): unknown {
  const operation = pathsOf(path)[`/${path}/`]?.["get"] ?? {};
  return [operation["operationId"], operation["tags"]];
}

/** The schemas of a document, by the last word of their names. */
const schemasOf = (path: string): string[] =>
  Object.keys(documentOf(path).components["schemas"] as Definitions).map(
    (name) => name.split(".").at(-1) ?? "",
  );

/** What a deletion there is answered with. */
function answered(path: string, of: string): unknown {
  const responses = (pathsOf(path)[of]?.["delete"]?.["responses"] ?? {}) as Record<string, Schema>;
  const content = responses["200"]?.["content"] as Record<string, { schema: Schema }>;
  return content["application/json"]?.schema["$ref"];
}

suite("schemas", () => {
  const writer = new SchemaWriter({ table, descriptions: noDescriptions, kindsOf: kindsBy(scheme) });
  const property = (struct: string, name: string): unknown =>
    (writer.schema(struct)["properties"] as Record<string, Schema>)[name];

  const cases: readonly [struct: string, field: string, schema: unknown][] = [
    [
      `${core}.PodSpec`,
      "containers",
      {
        items: { allOf: [{ $ref: `#/components/schemas/${core}.Container` }], default: {} },
        type: "array",
        "x-kubernetes-list-map-keys": ["name"],
        "x-kubernetes-list-type": "map",
        "x-kubernetes-patch-merge-key": "name",
        "x-kubernetes-patch-strategy": "merge",
      },
    ],
    [
      `${core}.PodSpec`,
      "nodeSelector",
      {
        additionalProperties: { default: "", type: "string" },
        type: "object",
        "x-kubernetes-map-type": "atomic",
      },
    ],
    [`${core}.PodSpec`, "restartPolicy", { type: "string", enum: ["Always", "Never", "OnFailure"] }],
    [
      "io.k8s.api.networking.v1.HTTPIngressPath",
      "pathType",
      { type: "string", enum: ["Exact", "ImplementationSpecific", "Prefix"] },
    ],
    [`${core}.PodSpec`, "affinity", { $ref: `#/components/schemas/${core}.Affinity` }],
    [`${core}.Pod`, "spec", { allOf: [{ $ref: `#/components/schemas/${core}.PodSpec` }], default: {} }],
    [`${core}.Secret`, "data", { additionalProperties: { format: "byte", type: "string" }, type: "object" }],
    [
      `${core}.ResourceRequirements`,
      "limits",
      {
        additionalProperties: { $ref: "#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity" },
        type: "object",
      },
    ],
    ["io.k8s.api.apps.v1.DeploymentSpec", "replicas", { format: "int32", type: "integer" }],
    [
      "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
      "fieldsV1",
      { $ref: "#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1" },
    ],
  ];
  for (const [struct, field, schema] of cases) {
    test(`${struct.split(".").at(-1) ?? ""}.${field}`, () => {
      assert.deepEqual(property(struct, field), schema);
    });
  }

  test("a kind says which it is", () => {
    assert.deepEqual(writer.schema("io.k8s.api.apps.v1.Deployment")["x-kubernetes-group-version-kind"], [
      { group: "apps", kind: "Deployment", version: "v1" },
    ]);
  });

  test("descriptions are taken where there are some", () => {
    const descriptions = described({ [`${core}.Pod`]: { "": "A pod.", spec: "What is wanted." } });
    assert.equal(descriptions.of(`${core}.Pod`, "status"), undefined);
    assert.equal(descriptions.of(`${core}.PodSpec`), undefined);
    const schema = new SchemaWriter({ table, descriptions, kindsOf: () => [] }).schema(`${core}.Pod`);
    assert.equal(schema["description"], "A pod.");
    assert.deepEqual((schema["properties"] as Record<string, Schema>)["spec"], {
      description: "What is wanted.",
      allOf: [{ $ref: `#/components/schemas/${core}.PodSpec` }],
      default: {},
    });
  });
});

suite("documents", () => {
  test("every group version has one, and all it refers to is in it", () => {
    const paths = new Set(sources.map(({ path }) => path));
    for (const { group, version } of scheme.groupVersions()) {
      assert.ok(paths.has(group === "" ? `api/${version}` : `apis/${group}/${version}`));
    }
    for (const { path } of sources) {
      const text = documents.document(path)?.body.toString() ?? "";
      const schemas = documentOf(path).components["schemas"] as Record<string, unknown>;
      for (const [, name = ""] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
        assert.ok(name in schemas, `${path} lacks ${name}`);
      }
    }
  });

  test("kubectl finds what it asks of a patch: the kind, and that fields are validated", () => {
    const paths = documentOf("apis/apps/v1").paths as Record<string, Record<string, Schema>>;
    const patch = paths["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]?.["patch"] ?? {};
    assert.deepEqual(patch["x-kubernetes-group-version-kind"], {
      group: "apps",
      kind: "Deployment",
      version: "v1",
    });
    const names = (patch["parameters"] as { name: string }[]).map(({ name }) => name);
    assert.deepEqual(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    const { content } = patch["requestBody"] as { content: object };
    assert.ok("application/strategic-merge-patch+json" in content);
  });

  test("what isn't a group version has one, too: of groups, the server's version and its keys", () => {
    assert.deepEqual(called("api"), ["getCoreAPIVersions", ["core"]]);
    assert.deepEqual(called("apis"), ["getAPIVersions", ["apis"]]);
    assert.deepEqual(called("apis/apps"), ["getAppsAPIGroup", ["apps"]]);
    assert.deepEqual(called("apis/rbac.authorization.k8s.io"), [
      "getRbacAuthorizationAPIGroup",
      ["rbacAuthorization"],
    ]);
    assert.deepEqual(called("version"), ["getCodeVersion", ["version"]]);
    assert.deepEqual(called("openid/v1/jwks"), ["getServiceAccountIssuerOpenIDKeyset", ["openid"]]);
    assert.deepEqual(schemasOf("apis"), [
      "APIGroup",
      "APIGroupList",
      "GroupVersionForDiscovery",
      "ServerAddressByClientCIDR",
    ]);
    assert.deepEqual(schemasOf("version"), ["Info"]);
    assert.deepEqual(schemasOf("openid/v1/jwks"), []);
  });

  test("a connection is called by its method, and otherwise where there is more of a path", () => {
    const paths = pathsOf("api/v1");
    const proxy = "/api/v1/namespaces/{namespace}/pods/{name}/proxy";
    const { get, head } = paths[proxy] ?? {};
    assert.equal(get?.["operationId"], "connectCoreV1GetNamespacedPodProxy");
    assert.equal(head?.["operationId"], "connectCoreV1HeadNamespacedPodProxy");
    assert.deepEqual(Object.keys(get["responses"] as object), ["200", "401"]);
    const rest = paths[`${proxy}/{path}`] ?? {};
    assert.equal(rest["get"]?.["operationId"], "connectCoreV1GetNamespacedPodProxyWithPath");
    assert.deepEqual(namesOf(rest["parameters"]), ["name path", "namespace path", "path path", "path query"]);
    assert.equal(
      paths["/api/v1/nodes/{name}/proxy"]?.["options"]?.["operationId"],
      "connectCoreV1OptionsNodeProxy",
    );
  });

  test("what a path's only operation takes is said of the path, by name", () => {
    const paths = pathsOf("api/v1");
    const only = paths["/api/v1/namespaces/{namespace}/bindings"] ?? {};
    assert.deepEqual(namesOf(only["parameters"]), [
      "dryRun query",
      "fieldManager query",
      "fieldValidation query",
      "namespace path",
      "pretty query",
    ]);
    assert.equal(only["post"]?.["parameters"], undefined);
    const several = paths["/api/v1/namespaces/{namespace}/pods"] ?? {};
    assert.deepEqual(namesOf(several["parameters"]), ["namespace path", "pretty query"]);
    assert.ok(namesOf(several["get"]?.["parameters"]).includes("watch query"));
  });

  test("who deletes is answered with what is gone, or told of it", () => {
    const reference = "#/components/schemas/io.k8s.";
    const [status, claim] = ["apimachinery.pkg.apis.meta.v1.Status", "api.core.v1.PersistentVolumeClaim"];
    const cases: readonly [path: string, of: string, struct: string][] = [
      ["api/v1", "/api/v1/namespaces/{namespace}/persistentvolumeclaims/{name}", claim],
      ["api/v1", "/api/v1/namespaces/{namespace}/persistentvolumeclaims", status],
      ["api/v1", "/api/v1/namespaces/{namespace}/configmaps/{name}", status],
      ["api/v1", "/api/v1/namespaces/{name}", status],
      [
        "apis/storage.k8s.io/v1",
        "/apis/storage.k8s.io/v1/storageclasses/{name}",
        "api.storage.v1.StorageClass",
      ],
    ];
    for (const [path, of, struct] of cases) assert.equal(answered(path, of), `${reference}${struct}`, of);
    assert.ok(rulesOf("storage.k8s.io", "storageclasses").returnsDeletedObject);
    assert.ok(rulesOf("", "namespaces").returnsDeletedObject);
    assert.ok(!rulesOf("", "configmaps").returnsDeletedObject);
  });

  test("a cluster-scoped resource has no namespace in its paths", () => {
    const { paths } = documentOf("api/v1");
    assert.ok("/api/v1/nodes/{name}/status" in paths);
    assert.ok(!("/api/v1/namespaces/{namespace}/nodes" in paths));
  });

  test("the list names every document with its hash", () => {
    const { paths } = JSON.parse(documents.root().toString()) as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    const answer = documents.document("apis/apps/v1");
    assert.deepEqual(Object.keys(paths), Object.keys(paths).toSorted());
    assert.equal(
      paths["apis/apps/v1"]?.serverRelativeURL,
      `/openapi/v3/apis/apps/v1?hash=${answer?.hash ?? ""}`,
    );
  });

  test("documents written otherwise have another format, or kubectl takes those it has kept for these", () => {
    const all = createHash("sha256");
    for (const { path } of sources) all.update(documents.document(path)?.body ?? "");
    const written = { documentFormat, digest: all.digest("hex").slice(0, 16) };
    assert.deepEqual(written, { documentFormat: 6, digest: "f63adf04118cc761" });
  });

  test("another server version has other hashes, and so have other texts", () => {
    const texts = [{ a: { b: "c" } }, { a: { b: "d" } }].map((each) => ({ descriptions: described(each) }));
    const hashes = [{}, { version: "2" }, ...texts].map(hashOf);
    assert.equal(new Set(hashes).size, 4);
    assert.equal(hashOf(texts[0] ?? {}), hashes[2]);
  });

  test("a document is made once, and again when its source has changed", () => {
    let made = 0;
    let hash = "A";
    const source = (): OpenApiSource => ({
      path: "apis/example.com/v1",
      hash,
      build: () => {
        made++;
        return documentOf("apis/policy/v1");
      },
    });
    const own = new OpenApiV3(
      () => [source()],
      () => 0,
    );
    own.document("apis/example.com/v1");
    own.document("apis/example.com/v1");
    assert.equal(made, 1);
    hash = "B";
    assert.equal(own.document("apis/example.com/v1")?.hash, "B");
    assert.equal(made, 2);
  });

  test("as protobuf it has the same hash and names every schema", () => {
    const answer = documents.protobuf("apis/apps/v1");
    assert.ok(answer !== undefined);
    assert.equal(answer.hash, documents.document("apis/apps/v1")?.hash);
    assert.equal(answer.body.subarray(0, 7).toString("latin1"), "\n\x053.0.0");
    const schemas = documentOf("apis/apps/v1").components["schemas"] as Definitions;
    for (const name of Object.keys(schemas)) assert.ok(answer.body.includes(name), name);
    assert.equal(documents.protobuf("apis/apps/v1"), answer);
  });

  test("an unknown path has none", () => {
    assert.equal(documents.document("apis/nothing/v1"), undefined);
    assert.equal(documents.protobuf("apis/nothing/v1"), undefined);
  });
});

suite("version 2", () => {
  const v2 = new OpenApiV2(
    () => sources,
    () => 0,
  );
  const swagger = JSON.parse(v2.json().body.toString()) as {
    security: unknown;
    securityDefinitions: Record<string, Schema>;
    definitions: Record<string, Schema>;
    paths: Record<string, Record<string, Schema>>;
  };

  test("references stand where they are used, and all are defined", () => {
    const text = v2.json().body.toString();
    assert.ok(!text.includes("#/components/"));
    const referred = [...text.matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, name = ""]) => name);
    assert.deepEqual(
      referred.filter((name) => !(name in swagger.definitions)),
      [],
    );
    const properties = swagger.definitions[`${core}.Pod`]?.["properties"] as Record<string, unknown>;
    assert.deepEqual(properties["spec"], { $ref: `#/definitions/${core}.PodSpec` });
  });

  test("it says how clients say who they are", () => {
    assert.deepEqual(swagger.security, [{ BearerToken: [] }]);
    assert.equal(swagger.securityDefinitions["BearerToken"]?.["name"], "authorization");
  });

  test("numbers or text are text", () => {
    const quantity = swagger.definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"];
    assert.deepEqual(quantity, { type: "string" });
  });

  test("a patch says what it takes, with its body as a parameter", () => {
    const patch = swagger.paths["/api/v1/nodes/{name}"]?.["patch"];
    assert.equal(patch?.["x-kubernetes-action"], "patch");
    assert.ok((patch["consumes"] as string[]).includes("application/merge-patch+json"));
    const [body, ...query] = patch["parameters"] as Schema[];
    assert.deepEqual(body, {
      in: "body",
      name: "body",
      required: true,
      schema: { $ref: "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.Patch" },
    });
    assert.deepEqual(query[0], { in: "query", name: "dryRun", type: "string", uniqueItems: true });
    assert.deepEqual((patch["responses"] as Definitions)["200"], {
      description: "OK",
      schema: { $ref: `#/definitions/${core}.Node` },
    });
  });

  test("what may be null says no type", () => {
    const property = {
      nullable: true,
      type: "object",
      properties: { a: { type: "string" } },
      description: "x",
    };
    const own = new OpenApiV2(
      () => [
        {
          path: "apis/example.com/v1",
          hash: "A",
          build: () => ({ ...documentOf("apis/policy/v1"), components: { schemas: { One: property } } }),
        },
      ],
      () => 0,
    );
    const { definitions } = JSON.parse(own.json().body.toString()) as { definitions: Definitions };
    assert.deepEqual(definitions, { One: { description: "x" } });
  });

  test("the values of an enum are told", () => {
    const { properties } = swagger.definitions[`${core}.PodSpec`] as { properties: Definitions };
    assert.deepEqual(properties["restartPolicy"], { type: "string", enum: ["Always", "Never", "OnFailure"] });
  });

  test("it is made again when a source has changed", () => {
    let hash = "A";
    const [first] = sources;
    assert.ok(first !== undefined);
    const own = new OpenApiV2(
      () => [{ ...first, hash }],
      () => 0,
    );
    const made = own.json();
    assert.equal(own.json(), made);
    hash = "B";
    assert.notEqual(own.json(), made);
  });

  test("as protobuf it begins with its version and names every definition", () => {
    const { body, hash } = v2.protobuf();
    assert.equal(hash, v2.json().hash);
    assert.equal(body.subarray(0, 5).toString("latin1"), "\n\x032.0");
    for (const name of Object.keys(swagger.definitions)) assert.ok(body.includes(name), name);
  });
});
