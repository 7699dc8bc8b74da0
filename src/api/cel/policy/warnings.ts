/** What a policy's expressions get wrong about the kinds it names. upstream: apiserver/pkg/admission/plugin/policy/validating/typechecking.go */
import type { Cel } from "../environment.ts";
import type { JudgedType } from "./compiler.ts";
import { compilePolicy, expressionFaults } from "./policy.ts";
import { BuiltInTypes } from "../schema/built-in-types.ts";
import { declTypeOf, DeclTypes } from "../schema/decl-type.ts";
import { objectType } from "../types.ts";
import type { CustomResourceDefinition, JSONSchemaProps } from "../../generated/types/apiextensions-v1.ts";
import type {
  ExpressionWarning,
  NamedRuleWithOperations,
  ValidatingAdmissionPolicy,
} from "../../generated/types/admissionregistration-v1.ts";
import { parseApiVersion, type GroupVersionKind } from "../../meta/object.ts";
import type { TypeTable } from "../../schema/type-table.ts";
import type { Scheme } from "../../scheme.ts";

interface CheckedKind extends GroupVersionKind {
  /** A built-in kind's name in the type table; of a custom one, its schema. */
  readonly of: string | JSONSchemaProps;
}

/** More kinds of one policy are not looked at. */
const kindsMax = 10;

export interface WarningDeps {
  readonly cel: Cel;
  readonly scheme: Scheme;
  readonly table: TypeTable;
  readonly definitions: readonly CustomResourceDefinition[];
}

export function expressionWarnings(
  policy: ValidatingAdmissionPolicy,
  { cel, scheme, table, definitions }: WarningDeps,
): readonly ExpressionWarning[] {
  const builtIn = new BuiltInTypes(table);
  const typed = ({ of }: CheckedKind, name: string): JudgedType | undefined =>
    typeof of === "string" ? { type: objectType(of), types: builtIn } : customType(of, name);
  const paramKind = paramKindOf(policy, scheme, definitions);
  const params = paramKind === undefined ? undefined : typed(paramKind, `${paramKind.kind}Params`);
  const texts = new Map<string, string[]>();
  for (const kind of checkedKinds(policy, scheme, definitions)) {
    const judged = typed(kind, kind.kind);
    if (judged === undefined) continue;
    const compiled = compilePolicy(cel, policy, params === undefined ? judged : both(judged, params));
    for (const { path, fault } of expressionFaults(compiled)) {
      if (!path.startsWith("spec.validations") || !fault.startsWith(compilePrefix)) continue;
      const { group, version, kind: name } = kind;
      const text = `${group}/${version}, Kind=${name}: ${fault.slice(compilePrefix.length)}\n`;
      texts.set(path, [...(texts.get(path) ?? []), text]);
    }
  }
  return [...texts].map(([fieldRef, found]) => ({ fieldRef, warning: found.join("\n") }));
}

function both({ type, types }: JudgedType, params: JudgedType): JudgedType {
  const providers = [types, params.types];
  return {
    type,
    params: params.type,
    types: {
      hasType: (name) => providers.some((each) => each.hasType(name)),
      fieldType: (name, field) => providers.find((each) => each.hasType(name))?.fieldType(name, field),
    },
  };
}

/** Undefined where there are none, or of a kind that isn't known here: then they may be anything. */
function paramKindOf(
  { spec }: ValidatingAdmissionPolicy,
  scheme: Scheme,
  definitions: readonly CustomResourceDefinition[],
): CheckedKind | undefined {
  const { apiVersion = "", kind = "" } = spec?.paramKind ?? {};
  const gvk = { ...parseApiVersion(apiVersion), kind };
  const struct = scheme.kind(gvk)?.struct;
  if (struct !== undefined) return { ...gvk, of: struct };
  const schema = definitions
    .find((each) => each.spec.group === gvk.group && each.spec.names.kind === kind)
    ?.spec.versions.find(({ name, served }) => served && name === gvk.version)?.schema?.openAPIV3Schema;
  return schema === undefined ? undefined : { ...gvk, of: schema };
}

const compilePrefix = "compilation failed: ";

/** Those that rules name one by one, in order. */
function checkedKinds(
  { spec }: ValidatingAdmissionPolicy,
  scheme: Scheme,
  definitions: readonly CustomResourceDefinition[],
): readonly CheckedKind[] {
  const found = new Map<string, CheckedKind>();
  for (const rule of spec?.matchConstraints?.resourceRules ?? []) {
    for (const kind of [...kindsOf(rule, scheme), ...customKindsOf(rule, definitions)]) {
      found.set(`${kind.group}/${kind.version}, Kind=${kind.kind}`, kind);
    }
  }
  const sorted = [...found].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.slice(0, kindsMax).map(([, kind]) => kind);
}

const hasStars = ({ apiGroups = [], apiVersions = [], resources = [] }: NamedRuleWithOperations): boolean =>
  [apiGroups, apiVersions, resources].some((each) => each.includes("*"));

/** Undefined for a schema that says nothing of its objects. */
function customType(schema: JSONSchemaProps, kind: string): JudgedType | undefined {
  const root = declTypeOf(schema, { name: kind, isResource: true });
  return root === undefined ? undefined : { type: root.type, types: new DeclTypes([root]) };
}

function customKindsOf(
  rule: NamedRuleWithOperations,
  definitions: readonly CustomResourceDefinition[],
): CheckedKind[] {
  const { apiGroups = [], apiVersions = [], resources = [] } = rule;
  if (hasStars(rule)) return [];
  return definitions
    .filter(({ spec }) => apiGroups.includes(spec.group) && resources.includes(spec.names.plural))
    .flatMap(({ spec: { group, names, versions } }) =>
      versions.flatMap(({ name, served, schema }) =>
        served && apiVersions.includes(name) && schema?.openAPIV3Schema !== undefined
          ? [{ group, version: name, kind: names.kind, of: schema.openAPIV3Schema }]
          : [],
      ),
    );
}

function kindsOf(rule: NamedRuleWithOperations, scheme: Scheme): CheckedKind[] {
  const { apiGroups = [], apiVersions = [], resources = [] } = rule;
  if (hasStars(rule)) return [];
  return scheme
    .all()
    .filter(
      ({ group, version, resource }) =>
        apiGroups.includes(group) && apiVersions.includes(version) && resources.includes(resource),
    )
    .map(({ group, version, kind, struct }) => ({ group, version, kind, of: struct }));
}
