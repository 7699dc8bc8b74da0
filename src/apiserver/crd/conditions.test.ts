/**
 * What a definition's status says. Re-expressed from apiextensions-apiserver/pkg/controller/{status/naming_controller_test,
 * apiapproval/apiapproval_controller_test,establish}.go.
 */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
} from "#api/generated/types/apiextensions-v1.ts";
import { statusAfterNames, statusOfApproval, statusWhenServed } from "./conditions.ts";

type Names = Partial<CustomResourceDefinitionNames>;
type Conditions = NonNullable<CustomResourceDefinition["status"]>["conditions"];

const now = "2026-01-02T00:00:00Z";
const before = "2026-01-01T00:00:00Z";
const names = (given: Names): CustomResourceDefinitionNames => ({
  plural: "",
  singular: "",
  kind: "",
  listKind: "",
  ...given,
});

function definition(
  wanted: Names,
  owned: Names | undefined,
  conditions: readonly string[] = [],
): CustomResourceDefinition {
  return {
    metadata: { name: "a.example.com" },
    spec: { group: "example.com", names: names(wanted), scope: "Namespaced", versions: [] },
    status: {
      ...(owned === undefined ? {} : { acceptedNames: names(owned) }),
      conditions: conditions.map((text) => {
        const [type = "", status = "", reason = "", message = ""] = text.split("|");
        return { type, status, reason, message, lastTransitionTime: before };
      }),
    },
  };
}

/** "Type|Status|Reason|Message", with "|then" where the time is the one from before. */
const told = (conditions: Conditions): readonly string[] =>
  (conditions ?? []).map(
    ({ type, status, reason = "", message = "", lastTransitionTime }) =>
      `${type}|${status}|${reason}|${message}${lastTransitionTime === before ? "|then" : ""}`,
  );

const accepted = "NamesAccepted|True|NoConflicts|no conflicts found";
const installing = "Established|False|Installing|the initial names have been accepted";
const refused = "Established|False|NotAccepted|not all names are accepted";
const conflict = (reason: string, message: string): string => `NamesAccepted|False|${reason}|${message}`;
const inUse = (name: string): string => `"${name}" is already in use`;
const full = { plural: "as", singular: "a", kind: "A", listKind: "AList", shortNames: ["x", "y"] };

suite("names of a definition", () => {
  const cases: readonly (readonly [
    name: string,
    crd: CustomResourceDefinition,
    others: readonly Names[],
    owned: Names,
    conditions: readonly string[],
  ])[] = [
    [
      "nobody has them",
      definition({ plural: "as" }, undefined),
      [],
      { plural: "as" },
      [accepted, installing],
    ],
    [
      "a plural that is another one's singular",
      definition({ plural: "as" }, undefined),
      [{ plural: "bs", singular: "as" }],
      { plural: "" },
      [conflict("PluralConflict", inUse("as")), refused],
    ],
    [
      "a singular that is another one's short name",
      definition({ plural: "as", singular: "a" }, undefined),
      [{ plural: "bs", shortNames: ["a"] }],
      { plural: "as" },
      [conflict("SingularConflict", inUse("a")), refused],
    ],
    [
      "a short name that is another one's: none of them is taken",
      definition(full, undefined),
      [{ plural: "bs", shortNames: ["y"] }],
      { ...full, shortNames: undefined },
      [conflict("ShortNamesConflict", inUse("y")), refused],
    ],
    [
      "several short names are told of together",
      definition(full, undefined),
      [{ plural: "x", singular: "y" }],
      { ...full, shortNames: undefined },
      [conflict("ShortNamesConflict", `[${inUse("x")}, ${inUse("y")}]`), refused],
    ],
    [
      "a kind that is another one's kind of lists",
      definition(full, undefined),
      [{ plural: "bs", listKind: "A" }],
      { ...full, kind: "" },
      [conflict("KindConflict", inUse("A")), refused],
    ],
    [
      "a kind of lists that is another one's kind",
      definition(full, undefined),
      [{ plural: "bs", kind: "AList" }],
      { ...full, listKind: "" },
      [conflict("ListKindConflict", inUse("AList")), refused],
    ],
    [
      "kinds and resources don't get into each other's way",
      definition(full, undefined),
      [{ plural: "A", singular: "AList", kind: "as" }],
      full,
      [accepted, installing],
    ],
    [
      "what was had before stays where the new isn't free, and the last conflict is told",
      definition(full, { plural: "os", singular: "o", kind: "O", listKind: "OList", shortNames: ["p"] }),
      [{ plural: "as", kind: "A" }],
      { ...full, plural: "os", kind: "O" },
      [conflict("KindConflict", inUse("A")), refused],
    ],
    [
      "one's own stay free, also with one left out",
      definition({ ...full, shortNames: ["y"] }, full, [accepted, "Established|True|InitialNamesAccepted|m"]),
      [full],
      { ...full, shortNames: ["y"] },
      [`${accepted}|then`, "Established|True|InitialNamesAccepted|m|then"],
    ],
    [
      "a short name that comes later isn't one's own singular",
      definition({ ...full, shortNames: ["a"] }, full),
      [full],
      full,
      [conflict("ShortNamesConflict", inUse("a")), refused],
    ],
    [
      "what is established stays so with names that aren't accepted",
      definition({ ...full, plural: "bs" }, full, [accepted, "Established|True|r|m"]),
      [full, { plural: "bs" }],
      full,
      [conflict("PluralConflict", inUse("bs")), "Established|True|r|m|then"],
    ],
  ];
  for (const [name, crd, others, owned, conditions] of cases) {
    test(name, () => {
      const status = statusAfterNames(
        crd,
        others.map((each) => ({ acceptedNames: names(each) })),
        now,
      );
      assert.deepEqual(
        { shortNames: undefined, ...status?.acceptedNames },
        { shortNames: undefined, ...names(owned) },
      );
      assert.deepEqual(told(status?.conditions), conditions);
    });
  }

  test("nothing new is nothing to say", () => {
    assert.equal(statusAfterNames(definition(full, full), [{ acceptedNames: names(full) }], now), undefined);
    const said = definition({ plural: "as" }, {}, [conflict("PluralConflict", inUse("as")), refused]);
    assert.equal(statusAfterNames(said, [{ acceptedNames: names({ plural: "as" }) }], now), undefined);
  });
});

test("a definition is established when its names are accepted", () => {
  const established = "Established|True|InitialNamesAccepted|the initial names have been accepted";
  const status = statusWhenServed(definition(full, full, [accepted, installing]), now);
  assert.deepEqual(told(status?.conditions), [`${accepted}|then`, established]);
  assert.equal(statusWhenServed(definition(full, full, [installing]), now), undefined);
  assert.equal(statusWhenServed(definition(full, full, [accepted, established]), now), undefined);
});

suite("groups of the Kubernetes project", () => {
  const see = "see https://github.com/kubernetes/enhancements/pull/1111";
  const needed = 'protected groups must have approval annotation "api-approved.kubernetes.io"';
  const type = "KubernetesAPIApprovalPolicyConformant";
  const cases: readonly (readonly [
    group: string,
    annotation: string | undefined,
    condition: string | undefined,
  ])[] = [
    ["other.io", "", undefined],
    ["sigs.k8s.io", undefined, `${type}|False|MissingAnnotation|${needed}, ${see}`],
    [
      "sigs.k8s.io",
      "bad value",
      `${type}|False|InvalidAnnotation|${needed} with either a URL or a reason starting with "unapproved", ${see}`,
    ],
    [
      "sigs.k8s.io",
      "unapproved, other reason",
      `${type}|False|UnapprovedAnnotation|not approved: "unapproved, other reason"`,
    ],
    [
      "sigs.k8s.io",
      "https://example.com/pull/7",
      `${type}|True|ApprovedAnnotation|approved in https://example.com/pull/7`,
    ],
  ];
  for (const [group, annotation, condition] of cases) {
    test(`${group} with ${annotation ?? "nothing"}`, () => {
      const crd = definition(full, full);
      crd.spec.group = group;
      if (annotation !== undefined) {
        crd.metadata = { annotations: { "api-approved.kubernetes.io": annotation } };
      }
      const status = statusOfApproval(crd, now);
      assert.deepEqual(told(status?.conditions), condition === undefined ? [] : [condition]);
      if (status !== undefined) assert.equal(statusOfApproval({ ...crd, status }, now), undefined);
    });
  }
});
