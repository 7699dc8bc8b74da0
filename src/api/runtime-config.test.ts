import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { apiVersionOf } from "./meta/object.ts";
import { parseRuntimeConfig } from "./runtime-config.ts";
import { createScheme } from "./scheme.ts";

const early = [
  "admissionregistration.k8s.io/v1alpha1",
  "admissionregistration.k8s.io/v1beta1",
  "certificates.k8s.io/v1alpha1",
  "certificates.k8s.io/v1beta1",
  "networking.k8s.io/v1beta1",
  "resource.k8s.io/v1beta1",
  "resource.k8s.io/v1beta2",
  "storage.k8s.io/v1beta1",
  "storagemigration.k8s.io/v1beta1",
];
const beta = early.filter((each) => each.includes("beta"));
const alpha = early.filter((each) => each.includes("alpha"));
const stable = createScheme().groupVersions().map(apiVersionOf);

const servedBy = (...pairs: string[]): string[] =>
  createScheme(parseRuntimeConfig(pairs)).groupVersions().map(apiVersionOf);

suite("which group versions are served", () => {
  const cases: readonly [pairs: string[], more: readonly string[], fewer: readonly string[]][] = [
    [[], [], []],
    [["api/beta=true"], beta, []],
    [["api/all=true"], early, []],
    [["api/alpha=true", "api/beta=false"], alpha, []],
    [["admissionregistration.k8s.io/v1beta1=true"], ["admissionregistration.k8s.io/v1beta1"], []],
    [["admissionregistration.k8s.io/v1beta1"], ["admissionregistration.k8s.io/v1beta1"], []],
    [["api/beta=true", "resource.k8s.io/v1beta1=0"], beta.filter((v) => v !== "resource.k8s.io/v1beta1"), []],
    [["networking.k8s.io/v1beta1/ipaddresses=true"], ["networking.k8s.io/v1beta1"], []],
    [
      ["networking.k8s.io/v1beta1=true", "networking.k8s.io/v1beta1/ipaddresses=false"],
      ["networking.k8s.io/v1beta1"],
      [],
    ],
    [["autoscaling/v1=false"], [], ["autoscaling/v1"]],
    [["apps/v1/deployments=false"], [], []],
    [["api/all=false", "/v1=true"], [], stable.filter((each) => each !== "v1")],
    // Known, but with nothing to serve while upstream's feature gates are off.
    [["coordination.k8s.io/v1beta1=true"], [], []],
    [["certificates.k8s.io/v1beta1/podcertificaterequests=true"], ["certificates.k8s.io/v1beta1"], []],
  ];
  for (const [pairs, more, fewer] of cases) {
    test(pairs.join(",") || "by default", () => {
      const expected = new Set([...stable, ...more].filter((each) => !fewer.includes(each)));
      assert.deepEqual(new Set(servedBy(...pairs)), expected);
    });
  }

  test("a resource is turned on or off by itself", () => {
    const serves = parseRuntimeConfig(["apps/v1=false", "apps/v1/deployments=true"]);
    const scheme = createScheme(serves);
    const apps = scheme.served().filter(({ group }) => group === "apps");
    assert.deepEqual(
      apps.map(({ resource }) => resource),
      ["deployments"],
    );
    assert.ok(scheme.resource("apps", "v1", "daemonsets"), "the server itself goes on with it");
    assert.ok(scheme.hidesAny);
  });

  test("the preferred version is the stable one", () => {
    const scheme = createScheme(parseRuntimeConfig(["api/all=true"]));
    assert.deepEqual(scheme.versions("resource.k8s.io"), ["v1", "v1beta2", "v1beta1"]);
    assert.deepEqual(scheme.versions("admissionregistration.k8s.io"), ["v1", "v1beta1", "v1alpha1"]);
  });
});

suite("what is refused", () => {
  const cases: readonly [pairs: string[], message: string][] = [
    [["api/all=false"], "invalid key with only api/all=false"],
    [["api/beta=yes"], "invalid value api/beta=yes"],
    [["v1=true"], "runtime-config invalid key v1"],
    [["a/b/c/d=true"], "runtime-config invalid key a/b/c/d"],
    [["nothing.io/v1=true", "else/v1=true"], "unknown api groups nothing.io,else"],
    [["apps/v3=true"], "group version apps/v3 that has not been registered"],
    [
      ["apps/v1=maybe"],
      'invalid value of apps/v1: maybe, err: strconv.ParseBool: parsing "maybe": invalid syntax',
    ],
    [
      ["apps/v1/Deployments=true"],
      'invalid key apps/v1/Deployments: group/version/resource and resource is always lowercase plural, not "Deployments"',
    ],
  ];
  for (const [pairs, message] of cases) {
    test(pairs.join(","), () => {
      assert.throws(() => parseRuntimeConfig(pairs), { message });
    });
  }
});
