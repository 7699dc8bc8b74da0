/**
 * What a review asks about: checked, and as the authorizer takes it.
 * upstream: pkg/apis/authorization/validation, pkg/registry/authorization/util/helpers.go
 */
import type { ResourceAttributes } from "#api/generated/types/authorization-v1.ts";
import { forbidden, invalid, required, type FieldError } from "#api/meta/field-error.ts";
import { asGoStruct, type GoShape } from "#api/meta/go-struct.ts";
import { escapeFieldValue, parseFieldSelector } from "#api/meta/fields.ts";
import { parseLabelSelector } from "#api/meta/label-parser.ts";
import { LabelSelector, requirement, SelectorError, type SelectorOperator } from "#api/meta/labels.ts";
import { labelValueFaults, qualifiedNameFaults } from "#api/meta/names.ts";
import type { UserInfo } from "#apiserver/authn/authenticator.ts";
import type { Attributes } from "#apiserver/authz/authorizer.ts";

export interface Asked {
  readonly resourceAttributes?: ResourceAttributes | undefined;
  readonly nonResourceAttributes?:
    | { readonly path?: string | undefined; readonly verb?: string | undefined }
    | undefined;
}

interface AskedRequirement {
  readonly key?: string | undefined;
  readonly operator?: string | undefined;
  readonly values?: readonly string[] | undefined;
}

interface AskedSelector {
  readonly rawSelector?: string | undefined;
  readonly requirements?: readonly AskedRequirement[] | undefined;
}

/** `ofSubject`: what is wrong with who is asked about, which comes before the selectors. */
export function attributesFaults(asked: Asked, ofSubject: readonly FieldError[] = []): FieldError[] {
  const { resourceAttributes } = asked;
  const at = "spec.resourceAttributes";
  return [
    ...choiceFaults(asked),
    ...ofSubject,
    ...selectorFaults(resourceAttributes?.fieldSelector, `${at}.fieldSelector`, keyFaults),
    ...selectorFaults(resourceAttributes?.labelSelector, `${at}.labelSelector`, labelFaults),
  ];
}

const otherPath = "spec.nonResourceAttributes";
const otherShape: GoShape = { Path: ["path", ""], Verb: ["verb", ""] };

function choiceFaults({ resourceAttributes, nonResourceAttributes }: Asked): FieldError[] {
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    const detail = "cannot be specified in combination with resourceAttributes";
    return [invalid(otherPath, asGoStruct(nonResourceAttributes, otherShape), detail)];
  }
  if (resourceAttributes !== undefined || nonResourceAttributes !== undefined) return [];
  const detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
  return [invalid("spec.resourceAttributes", undefined, detail)];
}

/** What isn't of a namespace isn't asked in one. */
export function localFaults({ nonResourceAttributes }: Asked): FieldError[] {
  if (nonResourceAttributes === undefined) return [];
  const shown = asGoStruct(nonResourceAttributes, otherShape);
  return [invalid(otherPath, shown, "disallowed on this kind of request")];
}

type RequirementFaults = (requirement: AskedRequirement, at: string) => readonly FieldError[];

function selectorFaults(
  selector: AskedSelector | undefined,
  at: string,
  faultsOf: RequirementFaults,
): FieldError[] {
  if (selector === undefined) return [];
  const { rawSelector = "", requirements = [] } = selector;
  const faults: FieldError[] = [];
  if (rawSelector !== "" && requirements.length > 0) {
    const detail = "may not specified at the same time as requirements";
    faults.push(invalid(`${at}.rawSelector`, rawSelector, detail));
  }
  if (rawSelector === "" && requirements.length === 0) {
    const detail = `when ${at} is specified, requirements or rawSelector is required`;
    faults.push(required(`${at}.requirements`, detail));
  }
  for (const [index, one] of requirements.entries()) {
    const place = `${at}.requirements[${index}]`;
    faults.push(...valuesFaults(one, place), ...faultsOf(one, place));
  }
  return faults;
}

/** Operators that aren't known here may be known to whoever asks: they are no fault. */
function valuesFaults({ operator = "", values = [] }: AskedRequirement, at: string): FieldError[] {
  if (["In", "NotIn"].includes(operator) && values.length === 0) {
    return [required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'")];
  }
  if (["Exists", "DoesNotExist"].includes(operator) && values.length > 0) {
    return [forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
  }
  return [];
}

const keyFaults: RequirementFaults = ({ key = "" }, at) =>
  key === "" ? [required(`${at}.key`, "must be specified")] : [];

const labelFaults: RequirementFaults = ({ key = "", values = [] }, at) => [
  ...qualifiedNameFaults(key).map((fault) => invalid(`${at}.key`, key, fault)),
  ...values.flatMap((value, index) =>
    labelValueFaults(value).map((fault) => invalid(`${at}.values[${index}]`, value, fault)),
  ),
];

export interface Question {
  readonly attributes: Attributes;
  /** What of it couldn't be understood, and was left out. */
  readonly errors: readonly string[];
}

export function questionOf(user: UserInfo, { resourceAttributes, nonResourceAttributes }: Asked): Question {
  if (resourceAttributes === undefined) {
    const { path = "", verb = "" } = nonResourceAttributes ?? {};
    return { attributes: { ...placeOf({}), user, isResourceRequest: false, path, verb }, errors: [] };
  }
  const { verb = "", fieldSelector = {}, labelSelector = {} } = resourceAttributes;
  const fields = fieldText(fieldSelector);
  const labels = labelText(labelSelector);
  const attributes: Attributes = {
    ...placeOf(resourceAttributes),
    user,
    isResourceRequest: true,
    path: "",
    verb,
    ...(fields.selector === "" ? {} : { fieldSelector: fields.selector }),
    ...(labels.selector === "" ? {} : { labelSelector: labels.selector }),
  };
  const errors = [
    ...selectorErrors("spec.resourceAttributes.fieldSelector", fields),
    ...selectorErrors("spec.resourceAttributes.labelSelector", labels),
  ];
  return { attributes, errors };
}

type Place = Pick<Attributes, "group" | "version" | "resource" | "subresource" | "namespace" | "name">;

function placeOf(asked: ResourceAttributes): Place {
  const { group = "", version = "", resource = "", subresource = "", namespace = "", name = "" } = asked;
  return { group, version: version === "" ? "*" : version, resource, subresource, namespace, name };
}

interface SelectorText {
  /** As in a query; "": nothing is left of it. */
  readonly selector: string;
  readonly isWhole: boolean;
}

function selectorErrors(field: string, { selector, isWhole }: SelectorText): string[] {
  if (isWhole) return [];
  return [`${field} ${selector === "" ? "ignored" : "partially ignored"} due to parse error`];
}

const signs: Partial<Record<string, string>> = { In: "=", NotIn: "!=" };

function fieldText({ rawSelector = "", requirements = [] }: AskedSelector): SelectorText {
  if (requirements.length === 0) return rawText(rawSelector, parseFieldSelector);
  const terms = requirements.flatMap(({ key = "", operator = "", values = [] }) => {
    const sign = signs[operator];
    const [value = ""] = values;
    const isPlain = sign !== undefined && values.length === 1 && !/[\\,=!]/.test(key);
    return isPlain ? [`${key}${sign}${escapeFieldValue(value)}`] : [];
  });
  return { selector: terms.join(","), isWhole: terms.length === requirements.length };
}

const operators: Partial<Record<string, SelectorOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
};

function labelText({ rawSelector = "", requirements = [] }: AskedSelector): SelectorText {
  if (requirements.length === 0) return rawText(rawSelector, parseLabelSelector);
  const known = requirements.flatMap(({ key = "", operator = "", values = [] }) => {
    const name = operators[operator];
    if (name === undefined) return [];
    return understood(() => [requirement(key, name, values)]) ?? [];
  });
  return {
    selector: new LabelSelector(known).toString(),
    isWhole: known.length === requirements.length,
  };
}

function rawText(raw: string, parse: (text: string) => unknown): SelectorText {
  if (raw === "") return { selector: "", isWhole: true };
  const isWhole = understood(() => parse(raw)) !== undefined;
  return { selector: isWhole ? raw : "", isWhole };
}

function understood<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}
