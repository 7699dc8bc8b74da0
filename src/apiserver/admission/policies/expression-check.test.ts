/** What is refused of a policy as it is written. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createExpressions } from "#api/expressions.ts";
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicySpec,
} from "#api/generated/types/admissionregistration-v1.ts";
import { StatusError } from "#api/meta/status.ts";
import { validatingAdmissionPolicies } from "#api/resources.ts";
import { attributesOf, run } from "../testing/attributes.ts";
import { PolicyExpressions } from "./expression-check.ts";

const engine = createExpressions();

const everything: ValidatingAdmissionPolicySpec["matchConstraints"] = {
  resourceRules: [
    { apiGroups: ["*"], apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources: ["*"] },
  ],
};

async function refusalOf(
  policy: Partial<ValidatingAdmissionPolicySpec>,
  stored?: Partial<ValidatingAdmissionPolicySpec>,
): Promise<string | undefined> {
  const object: ValidatingAdmissionPolicy = { metadata: { name: "p" }, spec: policy };
  const update =
    stored === undefined
      ? {}
      : { operation: "UPDATE" as const, oldObject: { metadata: { name: "p" }, spec: stored } };
  const plugin = new PolicyExpressions({ loadExpressions: () => Promise.resolve(engine) });
  const gvk = { ...validatingAdmissionPolicies, kind: "ValidatingAdmissionPolicy" };
  try {
    await run(plugin, { ...attributesOf(validatingAdmissionPolicies, { object, ...update }), gvk });
    return undefined;
  } catch (error) {
    if (error instanceof StatusError) return error.message;
    throw error;
  }
}
suite("policies as they are written", () => {
  const head = 'ValidatingAdmissionPolicy.admissionregistration.k8s.io "p" is invalid: ';
  const written: readonly (readonly [
    name: string,
    spec: Partial<ValidatingAdmissionPolicySpec>,
    refusal: string | undefined,
  ])[] = [
    [
      "all is there",
      { matchConstraints: everything, validations: [{ expression: "object.a == 1" }] },
      undefined,
    ],
    [
      "an expression that doesn't compile",
      { matchConstraints: everything, validations: [{ expression: "object.a == foo" }] },
      "spec.validations[0].expression: Invalid value: \"object.a == foo\": compilation failed: ERROR: <input>:1:13: undeclared reference to 'foo' (in container '')\n | object.a == foo\n | ............^",
    ],
    [
      "no bool",
      { matchConstraints: everything, validations: [{ expression: "1" }] },
      'spec.validations[0].expression: Invalid value: "1": must evaluate to bool but got int',
    ],
    [
      "parameters that aren't declared",
      { matchConstraints: everything, validations: [{ expression: "params.a" }] },
      "spec.validations[0].expression: Invalid value: \"params.a\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'params' (in container '')\n | params.a\n | ^",
    ],
    [
      "a field that the request hasn't",
      { matchConstraints: everything, validations: [{ expression: "request.x == 1" }] },
      "spec.validations[0].expression: Invalid value: \"request.x == 1\": compilation failed: ERROR: <input>:1:8: undefined field 'x'\n | request.x == 1\n | .......^",
    ],
  ];
  for (const [name, spec, refusal] of written) {
    test(name, async () => {
      assert.equal(await refusalOf(spec), refusal === undefined ? undefined : `${head}${refusal}`);
    });
  }

  test("conditions are looked at again when they or the kind of parameters change, the rest always", async () => {
    const bad = { matchConstraints: everything, matchConditions: [{ name: "a", expression: "params.a" }] };
    const good = { ...bad, validations: [{ expression: "true" }] };
    assert.equal(await refusalOf(good, bad), undefined);
    const conditions = [...bad.matchConditions, { name: "b", expression: "true" }];
    assert.match(
      (await refusalOf({ ...good, matchConditions: conditions }, bad)) ?? "",
      /^[^:]*: spec.matchConditions\[0\].expression: Invalid value: "params.a": /,
    );
    const withParams = { ...bad, paramKind: { apiVersion: "v1", kind: "ConfigMap" } };
    assert.match((await refusalOf(good, withParams)) ?? "", /spec.matchConditions\[0\]/);
    const rest = { ...bad, validations: [{ expression: "params.b" }] };
    assert.match((await refusalOf(rest, rest)) ?? "", /^[^:]*: spec.validations\[0\].expression: /);
  });
});
