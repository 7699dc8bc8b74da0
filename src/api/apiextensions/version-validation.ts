/** What a version says beside its schema. upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go */
import type {
  CustomResourceColumnDefinition,
  CustomResourceSubresources,
  SelectableField,
} from "../generated/types/apiextensions-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import type { Structural } from "../schema/structural/structural.ts";
import { findField } from "./field-path-rules.ts";

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];
const selectableTypes = ["string", "boolean", "integer"];
const selectableFieldsMax = 8;
const deprecationTextMax = 256;

export function checkSubresources(
  subresources: Loose<CustomResourceSubresources> | undefined,
  path: string,
  faults: FaultList,
): void {
  const scale = subresources?.scale;
  if (scale === undefined) return;
  checkScalePath(scale.specReplicasPath ?? "", ["spec"], `${path}.scale.specReplicasPath`, faults);
  checkScalePath(scale.statusReplicasPath ?? "", ["status"], `${path}.scale.statusReplicasPath`, faults);
  const selector = scale.labelSelectorPath ?? "";
  if (selector !== "") {
    checkScalePath(selector, ["spec", "status"], `${path}.scale.labelSelectorPath`, faults);
  }
}

function checkScalePath(value: string, roots: readonly string[], path: string, faults: FaultList): void {
  if (value === "") faults.required(path);
  else if (!value.startsWith(".")) faults.invalid(path, value, simplePath);
  else if (!roots.some((root) => value.startsWith(`.${root}.`))) {
    const where = roots.length === 1 ? `.${roots[0] ?? ""}` : "either .spec or .status";
    faults.invalid(path, value, `should be a json path under ${where}`);
  }
}

const simplePath = "must be a simple json path starting with .";

export function checkColumn(
  column: Loose<CustomResourceColumnDefinition>,
  path: string,
  faults: FaultList,
): void {
  const { name = "", type = "", format = "", jsonPath = "" } = column;
  if (name === "") faults.required(`${path}.name`);
  const oneOf = `must be one of ${columnTypes.join(",")}`;
  if (type === "") faults.required(`${path}.type`, oneOf);
  else if (!columnTypes.includes(type)) faults.invalid(`${path}.type`, type, oneOf);
  if (format !== "" && !columnFormats.includes(format)) {
    faults.invalid(`${path}.format`, format, `must be one of ${columnFormats.join(",")}`);
  }
  if (jsonPath === "") faults.required(`${path}.JSONPath`);
  else if (!jsonPath.startsWith(".")) faults.invalid(`${path}.JSONPath`, jsonPath, simplePath);
}

/** `before`: those of the stored definition, where they may be too many. */
export function checkSelectableFields(
  fields: readonly SelectableField[],
  schema: Structural,
  path: string,
  faults: FaultList,
): void {
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of fields.entries()) {
    const own = `${path}[${index}].jsonPath`;
    if (jsonPath === "") {
      faults.required(own);
      continue;
    }
    const found = findField(jsonPath, schema, false);
    if (typeof found === "string") {
      faults.invalid(own, jsonPath, `is an invalid path: ${found}`);
      continue;
    }
    if (found.names[0] === "metadata") {
      faults.invalid(own, jsonPath, "must not point to fields in metadata");
    }
    if (!selectableTypes.includes(found.schema.type ?? "")) {
      faults.invalid(
        own,
        jsonPath,
        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
      );
    }
    const text = found.names.join(".");
    if (seen.has(text)) faults.duplicate(own, jsonPath);
    seen.add(text);
  }
  if (seen.size > selectableFieldsMax) faults.tooMany(path, seen.size, selectableFieldsMax);
}

export function checkDeprecation(
  version: { readonly deprecated?: boolean | undefined; readonly deprecationWarning?: string | undefined },
  path: string,
  faults: FaultList,
): void {
  const { deprecated, deprecationWarning: text } = version;
  if (text === undefined) return;
  const own = `${path}.deprecationWarning`;
  if (deprecated !== true) {
    faults.invalid(own, text, "can only be set for deprecated versions");
    return;
  }
  if (Buffer.byteLength(text) > deprecationTextMax) {
    faults.invalid(own, text, `must be <= ${deprecationTextMax} characters long`);
  }
  if (text === "") faults.invalid(own, text, "must not be an empty string");
  const odd = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.exec(text);
  if (odd !== null) {
    const index = Buffer.byteLength(text.slice(0, odd.index));
    faults.invalid(
      own,
      text,
      `must only contain printable UTF-8 characters; non-printable character found at index ${index}`,
    );
  }
}
