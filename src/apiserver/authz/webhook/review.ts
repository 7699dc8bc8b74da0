/** What is to be decided, as a SubjectAccessReview's spec. upstream: apiserver/plugin/pkg/authorizer/webhook/webhook.go */
import type { ResourceAttributes, SubjectAccessReviewSpec } from "#api/generated/types/authorization-v1.ts";
import { parseFieldSelector } from "#api/meta/fields.ts";
import { parseLabelSelector } from "#api/meta/label-parser.ts";
import { SelectorError, type SelectorOperator } from "#api/meta/labels.ts";
import type { Attributes } from "../authorizer.ts";

type FieldAttributes = NonNullable<ResourceAttributes["fieldSelector"]>;
type LabelAttributes = NonNullable<ResourceAttributes["labelSelector"]>;

/** Empty fields are left out, as Go's encoding leaves them out. */
export function reviewSpec(attributes: Attributes): SubjectAccessReviewSpec {
  const { user } = attributes;
  return {
    ...(attributes.isResourceRequest
      ? { resourceAttributes: resourceAttributes(attributes) }
      : { nonResourceAttributes: withoutEmpty({ path: attributes.path, verb: attributes.verb }) }),
    ...withoutEmpty({ user: user.name }),
    ...(user.groups.length === 0 ? {} : { groups: [...user.groups] }),
    ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
    ...withoutEmpty({ uid: user.uid ?? "" }),
  } as SubjectAccessReviewSpec;
}

function resourceAttributes(attributes: Attributes): ResourceAttributes {
  const { namespace, verb, group, version, resource, subresource, name } = attributes;
  const fieldSelector = fieldRequirements(attributes.fieldSelector);
  const labelSelector = labelRequirements(attributes.labelSelector);
  return {
    ...withoutEmpty({ namespace, verb, group, version, resource, subresource, name }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}

function withoutEmpty(texts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== ""));
}

function fieldRequirements(text: string | undefined): FieldAttributes | undefined {
  const selector = parsed(text, parseFieldSelector);
  if (selector === undefined || selector.everything) return undefined;
  return {
    requirements: selector.requirements.map(({ field, operator, value }) => ({
      key: field,
      operator: operator === "=" ? "In" : "NotIn",
      values: [value],
    })),
  };
}

/** The other operators have no name in the review. */
const operators: Partial<Record<SelectorOperator, string>> = {
  "=": "In",
  "==": "In",
  in: "In",
  "!=": "NotIn",
  notin: "NotIn",
  exists: "Exists",
  "!": "DoesNotExist",
};

function labelRequirements(text: string | undefined): LabelAttributes | undefined {
  const requirements = (parsed(text, parseLabelSelector)?.requirements ?? []).flatMap(
    ({ key, operator, values }) => {
      const known = operators[operator];
      if (known === undefined) return [];
      return [{ key, operator: known, ...(values.length === 0 ? {} : { values: [...values] }) }];
    },
  );
  return requirements.length === 0 ? undefined : { requirements };
}

/** A selector that can't be understood narrows nothing; the handler refuses it later. */
function parsed<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  if (text === undefined || text === "") return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}
