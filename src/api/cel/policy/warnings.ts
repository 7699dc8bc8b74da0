/** What a policy's expressions get wrong about the built-in kinds it names. upstream: apiserver/pkg/admission/plugin/policy/validating/typechecking.go */
import type { Cel } from "../environment.ts";
import { compilePolicy, expressionFaults } from "./policy.ts";
import { BuiltInTypes } from "../schema/built-in-types.ts";
import { objectType } from "../types.ts";
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
} from "../../generated/types/admissionregistration-v1.ts";
import type { GroupVersionKind } from "../../meta/object.ts";
import type { TypeTable } from "../../schema/type-table.ts";
import type { Scheme } from "../../scheme.ts";

interface CheckedKind extends GroupVersionKind {
  readonly struct: string;
}

/** More kinds of one policy are not looked at. */
const kindsMax = 10;

export interface WarningDeps {
  readonly cel: Cel;
  readonly scheme: Scheme;
  readonly table: TypeTable;
}

export function expressionWarnings(
  policy: ValidatingAdmissionPolicy,
  { cel, scheme, table }: WarningDeps,
): readonly ExpressionWarning[] {
  const types = new BuiltInTypes(table);
  const texts = new Map<string, string[]>();
  for (const kind of checkedKinds(policy, scheme)) {
    const compiled = compilePolicy(cel, policy, { type: objectType(kind.struct), types });
    for (const { path, fault } of expressionFaults(compiled)) {
      if (!path.startsWith("spec.validations") || !fault.startsWith(compilePrefix)) continue;
      const { group, version, kind: name } = kind;
      const text = `${group}/${version}, Kind=${name}: ${fault.slice(compilePrefix.length)}\n`;
      texts.set(path, [...(texts.get(path) ?? []), text]);
    }
  }
  return [...texts].map(([fieldRef, found]) => ({ fieldRef, warning: found.join("\n") }));
}

const compilePrefix = "compilation failed: ";

/** Those that rules name one by one, in order. */
function checkedKinds({ spec }: ValidatingAdmissionPolicy, scheme: Scheme): readonly CheckedKind[] {
  const found = new Map<string, CheckedKind>();
  for (const rule of spec?.matchConstraints?.resourceRules ?? []) {
    for (const kind of kindsOf(rule, scheme)) {
      found.set(`${kind.group}/${kind.version}, Kind=${kind.kind}`, kind);
    }
  }
  const sorted = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.slice(0, kindsMax).map(([, kind]) => kind);
}

function kindsOf(rule: NamedRuleWithOperations, scheme: Scheme): CheckedKind[] {
  const { apiGroups = [], apiVersions = [], resources = [] } = rule;
  if ([apiGroups, apiVersions, resources].some((each) => each.includes("*"))) return [];
  return scheme
    .all()
    .filter(
      ({ group, version, resource }) =>
        apiGroups.includes(group) && apiVersions.includes(version) && resources.includes(resource),
    )
    .map(({ group, version, kind, struct }) => ({ group, version, kind, struct }));
}
