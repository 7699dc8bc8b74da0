import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createScheme } from "#api/scheme.ts";
import { negotiate } from "#apiserver/request/media-type.ts";
import { aggregatedContentType, aggregatedDiscovery, aggregatedOffer } from "./aggregated.ts";
import { compareVersions, documentOf, groupsOf } from "./document.ts";
import { apiGroup, apiGroupList, apiResourceList, apiVersions } from "./legacy.ts";

const scheme = createScheme();
const groups = groupsOf(scheme.all(), scheme.groups());
const group = (name: string): (typeof groups)[number] => {
  const found = groups.find((each) => each.name === name);
  assert.ok(found !== undefined);
  return found;
};

suite("aggregated discovery", () => {
  test("a resource with all it has", () => {
    const { items } = aggregatedDiscovery([group("apps")]);
    const [first] = items;
    assert.deepEqual(first?.metadata, { name: "apps" });
    const version = first.versions?.[0];
    assert.equal(version?.freshness, "Current");
    assert.deepEqual(version.resources?.[2], {
      resource: "deployments",
      responseKind: { group: "", version: "", kind: "Deployment" },
      scope: "Namespaced",
      singularResource: "deployment",
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      shortNames: ["deploy"],
      categories: ["all"],
      subresources: [
        {
          subresource: "scale",
          responseKind: { group: "autoscaling", version: "v1", kind: "Scale" },
          verbs: ["get", "patch", "update"],
        },
        {
          subresource: "status",
          responseKind: { group: "", version: "", kind: "Deployment" },
          verbs: ["get", "patch", "update"],
        },
      ],
    });
  });

  test("the core group has no name", () => {
    assert.deepEqual(aggregatedDiscovery([group("")]).items[0]?.metadata, {});
  });

  // Cases re-expressed from apiserver/pkg/endpoints/discovery/aggregated/wrapper_test.go.
  const suffix = ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const v2 = `application/json${suffix}`;
  const v2beta1 = v2.replace("v=v2", "v=v2beta1");
  const protobuf = `application/vnd.kubernetes.protobuf${suffix}`;
  const cases: readonly [accept: string, mediaType: string | undefined][] = [
    [`${v2},${v2beta1},application/json`, "application/json"],
    [`${v2beta1},application/json`, undefined],
    [`${v2beta1}, ${v2}`, "application/json"],
    ["application/json", undefined],
    ["application/vnd.kubernetes.protobuf", undefined],
    [`application/json,${v2}`, "application/json"],
    [`${v2};q=0.5,${protobuf}`, "application/vnd.kubernetes.protobuf"],
    [`${protobuf},application/vnd.kubernetes.protobuf`, "application/vnd.kubernetes.protobuf"],
    [`application/yaml${suffix}`, "application/yaml"],
    [`*/*${suffix}`, "application/json"],
    [`${v2};profile=nopeer`, "application/json"],
    [`${v2};stream=watch`, "application/json"],
    [`${v2};sv=v1`, undefined],
    ["application/json;foo=bar", undefined],
    ["*/*", undefined],
    ["", undefined],
    ["application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList,application/json", undefined],
    ["application/json;as=Table;v=v1;g=meta.k8s.io,application/json", undefined],
  ];
  for (const [accept, mediaType] of cases) {
    test(`${accept === "" ? "no Accept" : accept} gets ${mediaType ?? "the legacy document"}`, () => {
      assert.equal(negotiate(accept, { ...aggregatedOffer, plainMediaTypes: [] })?.mediaType, mediaType);
    });
  }

  test("the content type is what was asked for", () => {
    assert.equal(aggregatedContentType("application/json"), v2);
  });
});

suite("legacy discovery", () => {
  test("/api", () => {
    assert.deepEqual(apiVersions(group(""), "10.0.0.1:6443"), {
      kind: "APIVersions",
      versions: ["v1"],
      serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "10.0.0.1:6443" }],
    });
  });

  test("/apis has every group but the core, in order", () => {
    const names = apiGroupList(groups).groups.map(({ name }) => name);
    assert.deepEqual(names.slice(0, 3), ["apiregistration.k8s.io", "apps", "events.k8s.io"]);
    assert.ok(!names.includes(""));
  });

  test("/apis/autoscaling prefers v2", () => {
    assert.deepEqual(apiGroup(group("autoscaling")), {
      kind: "APIGroup",
      apiVersion: "v1",
      name: "autoscaling",
      versions: [
        { groupVersion: "autoscaling/v2", version: "v2" },
        { groupVersion: "autoscaling/v1", version: "v1" },
      ],
      preferredVersion: { groupVersion: "autoscaling/v2", version: "v2" },
    });
  });

  test("/api/v1 lists pods/eviction as drain looks for it, and pods with upstream's hash", () => {
    const list = apiResourceList({ group: "", version: "v1" }, group("").versions[0]?.resources ?? []);
    assert.deepEqual(
      list.resources.find(({ name }) => name === "pods/eviction"),
      {
        name: "pods/eviction",
        singularName: "",
        namespaced: true,
        group: "policy",
        version: "v1",
        kind: "Eviction",
        verbs: ["create"],
      },
    );
    const pods = list.resources.find(({ name }) => name === "pods");
    assert.equal(pods?.storageVersionHash, "xPOwRZ+Yhw8=");
    const without = apiResourceList(
      { group: "", version: "v1" },
      group("").versions[0]?.resources ?? [],
      false,
    );
    assert.ok(without.resources.every(({ storageVersionHash }) => storageVersionHash === undefined));
    assert.equal(without.resources.length, list.resources.length);
    assert.deepEqual(pods.shortNames, ["po"]);
    const bindings = list.resources.find(({ name }) => name === "bindings");
    assert.equal(bindings !== undefined && "storageVersionHash" in bindings, false);
  });
});

suite("documents", () => {
  test("the ETag is the body's SHA-512, quoted and upper case", () => {
    const { body, etag } = documentOf({ a: 1 });
    assert.equal(body.toString(), '{"a":1}\n');
    assert.match(etag, /^"[0-9A-F]{128}"$/);
    assert.equal(documentOf({ a: 1 }).etag, etag);
    assert.notEqual(documentOf({ a: 2 }).etag, etag);
  });

  test("versions in order of preference", () => {
    const versions = ["v1alpha1", "v10", "foo", "v1", "v2beta1", "v2", "v1beta2", "bar"];
    assert.deepEqual(versions.toSorted(compareVersions), [
      "v10",
      "v2",
      "v1",
      "v2beta1",
      "v1beta2",
      "v1alpha1",
      "bar",
      "foo",
    ]);
  });

  test("groups that the scheme doesn't know come last, by name", () => {
    const [pods] = group("").versions[0]?.resources ?? [];
    assert.ok(pods !== undefined);
    const added = [
      { ...pods, group: "z.example.com" },
      { ...pods, group: "a.example.com" },
    ];
    const names = groupsOf([...scheme.all(), ...added], scheme.groups()).map(({ name }) => name);
    assert.deepEqual(names.slice(-2), ["a.example.com", "z.example.com"]);
  });
});
