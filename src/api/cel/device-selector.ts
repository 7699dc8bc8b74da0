/**
 * Expressions that select devices, as claims and classes have them.
 * upstream: dynamic-resource-allocation/cel/compile.go, pkg/apis/resource/validation/validation.go (validateCELSelector)
 */
import { forbidden, invalid, type FieldError } from "../meta/field-error.ts";
import type { TypeProvider } from "./checker.ts";
import { perCallLimit } from "./cost/budget.ts";
import { estimateCost } from "./cost/estimate.ts";
import { upTo, type Range } from "./cost/range.ts";
import type { Cel } from "./environment.ts";
import { CompileError } from "./source.ts";
import { typeFromText } from "./type-text.ts";
import { describeType } from "./types.ts";

const deviceType = "kubernetes.DRADevice";

/** DRAConsumableCapacity, which would have more of them, is off. */
const fields: Readonly<Record<string, string>> = {
  driver: "string",
  attributes: "map<string,map<string,dyn>>",
  capacity: "map<string,map<string,kubernetes.Quantity>>",
};

const types: TypeProvider = {
  hasType: (name) => name === deviceType,
  fieldType: (typeName, field) => {
    const text = typeName === deviceType && Object.hasOwn(fields, field) ? fields[field] : undefined;
    return text === undefined ? undefined : typeFromText(text);
  },
};

/** Attributes and capacities together, by domain and within one. */
const propertiesMax = 32;
const domainLengthMax = 63;
const identifierLengthMax = 32;
const driverLengthMax = 63;
const valueLengthMax = 64;

/** How large a part of a device may be, by the way to it. */
function sizeOf([variable, field, ...path]: readonly string[]): Range | undefined {
  if (variable !== "device") return undefined;
  if (field === "driver") return path.length === 0 ? upTo(driverLengthMax) : undefined;
  if (field !== "attributes" && field !== "capacity") return undefined;
  const [domain, id] = path;
  if (domain === undefined) return upTo(propertiesMax);
  if (domain === "@keys") return upTo(domainLengthMax);
  // A domain is only reached by an index: as a field it would need no quotes.
  if (domain !== "@values") return undefined;
  if (id === undefined) return upTo(propertiesMax);
  if (id === "@keys") return upTo(identifierLengthMax);
  // Whatever an attribute is called, it is no longer than that.
  return field === "attributes" ? upTo(valueLengthMax) : undefined;
}

/** Why a selector isn't taken. */
export function deviceSelectorFault(cel: Cel, text: string, path: string): FieldError | undefined {
  const environment = cel.environment({
    variables: { device: typeFromText(deviceType) },
    types,
    bindings: true,
  });
  try {
    const { type, checked } = environment.compile(text);
    if (type.kind !== "bool" && type.kind !== "dyn") {
      return invalid(path, text, `must evaluate to bool or the unknown type, not ${describeType(type)}`);
    }
    return estimateCost(checked, sizeOf).max > perCallLimit
      ? forbidden(path, "too complex, exceeds cost limit")
      : undefined;
  } catch (error) {
    if (error instanceof CompileError) return invalid(path, text, error.detail);
    throw error;
  }
}
