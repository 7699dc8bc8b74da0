/** Label and field selectors of a request as one test of stored objects. */
import { everyField, parseFieldSelector, type FieldSelector } from "#api/meta/fields.ts";
import { parseLabelSelector } from "#api/meta/label-parser.ts";
import { SelectorError, selectEverything, type LabelSelector } from "#api/meta/labels.ts";
import { badRequestError } from "#api/meta/status.ts";
import type { Endpoint } from "./endpoint.ts";
import { unknownFieldText } from "./selectable-fields.ts";
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

/** Throws 400 for a selector that can't be read or names a field this resource doesn't offer. */
export function parseSelection(
  endpoint: Endpoint,
  { labelSelector, fieldSelector }: { readonly labelSelector: string; readonly fieldSelector: string },
): Selection {
  const labels = parsed(labelSelector, parseLabelSelector) ?? selectEverything;
  const fields = parsed(fieldSelector, parseFieldSelector) ?? everyField;
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

function checkFields(endpoint: Endpoint, fields: FieldSelector): void {
  for (const { field } of fields.requirements) {
    if (endpoint.selectableField({}, field) !== undefined) continue;
    throw badRequestError(
      endpoint.isCustom
        ? `field label not supported: ${field}`
        : unknownFieldText(endpoint.definition, field),
    );
  }
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
