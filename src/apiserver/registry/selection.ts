/** Label and field selectors of a request as one test of stored objects. */
import { everyField, parseFieldSelector, type FieldSelector } from "#api/meta/fields.ts";
import { parseLabelSelector } from "#api/meta/label-parser.ts";
import { SelectorError, selectEverything, type LabelSelector } from "#api/meta/labels.ts";
import { qualifiedResource, type AnyObject } from "#api/meta/object.ts";
import { badRequestError } from "#api/meta/status.ts";
import type { ResourceDefinition } from "#api/scheme.ts";
import type { Endpoint } from "./endpoint.ts";
import { selectableFieldOf, unknownFieldText } from "./selectable-fields.ts";
import type { StoredObject } from "./stored-object.ts";

export interface Selection {
  /** Undefined: everything. */
  readonly matches: ((object: StoredObject) => boolean) | undefined;
  /** To be awaited before `matches` looks at these; undefined where nothing has to be waited for. */
  readonly prepare: ((objects: readonly StoredObject[]) => Promise<void> | undefined) | undefined;
  /** Only an object of this name can match. */
  readonly name: string | undefined;
  /** Only a pod of this node can match. */
  readonly nodeName: string | undefined;
}

export interface SelectorTexts {
  readonly labelSelector: string;
  readonly fieldSelector: string;
}

interface Selectors {
  readonly labels: LabelSelector;
  readonly fields: FieldSelector;
}

/** Throws 400 for a selector that can't be read. */
function parseSelectors({ labelSelector, fieldSelector }: SelectorTexts): Selectors {
  return {
    labels: parsed(labelSelector, parseLabelSelector) ?? selectEverything,
    fields: parsed(fieldSelector, parseFieldSelector) ?? everyField,
  };
}

/** Throws 400 for a selector that can't be read or names a field this resource doesn't offer. */
export function parseSelection(endpoint: Endpoint, texts: SelectorTexts): Selection {
  const { labels, fields } = parseSelectors(texts);
  checkFields(endpoint, fields);
  const matches = labels.everything && fields.everything ? undefined : matcher(endpoint, labels, fields);
  const name = fields.exact("metadata.name");
  const isByNameAlone = labels.everything && name !== undefined && fields.requirements.length === 1;
  const looksInside = endpoint.isCustom && matches !== undefined && !isByNameAlone;
  const prepare = looksInside
    ? (objects: readonly StoredObject[]): Promise<void> | undefined => endpoint.prepare(objects)
    : undefined;
  return { matches, prepare, name, nodeName: fields.exact("spec.nodeName") };
}

function parsed<T>(text: string, parse: (text: string) => T): T | undefined {
  if (text === "") return undefined;
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof SelectorError) throw badRequestError(error.message, { cause: error });
    throw error;
  }
}

type Selectable = Pick<Endpoint, "definition" | "isCustom" | "selectableField">;

function checkFields(endpoint: Selectable, fields: FieldSelector): void {
  for (const { field } of fields.requirements) {
    if (endpoint.selectableField({}, field) !== undefined) continue;
    throw badRequestError(
      endpoint.isCustom
        ? `field label not supported: ${field}`
        : unknownFieldText(endpoint.definition, field),
    );
  }
}

/** The same of a built-in resource that stores nothing: a test of its objects. Throws 400. */
export function parsePlainSelection(
  definition: ResourceDefinition,
  texts: SelectorTexts,
): (object: AnyObject) => boolean {
  const { labels, fields } = parseSelectors(texts);
  const selectableField = selectableFieldOf(qualifiedResource(definition.group, definition.resource));
  checkFields({ definition, isCustom: false, selectableField }, fields);
  return (object) =>
    labels.matches(object.metadata?.labels) && fields.matches((field) => selectableField(object, field));
}

function matcher(
  endpoint: Endpoint,
  labels: LabelSelector,
  fields: FieldSelector,
): (object: StoredObject) => boolean {
  const needsLabels = !labels.everything;
  const name = fields.exact("metadata.name");
  // Most watches of one object: nothing has to be decoded for them.
  if (!needsLabels && name !== undefined && fields.requirements.length === 1) {
    return (stored) => stored.name === name;
  }
  return (stored) => {
    if (name !== undefined && stored.name !== name) return false;
    const object = endpoint.selected(stored);
    if (needsLabels && !labels.matches(object.metadata?.labels)) return false;
    return fields.matches((field) => endpoint.selectableField(object, field));
  };
}
