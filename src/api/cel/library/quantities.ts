/** Quantities and semantic versions: both can be compared. upstream: apiserver/pkg/cel/library/{quantity,semverlib}.go */
import {
  addQuantities,
  compareQuantities,
  parseQuantity,
  quantityIsWhole,
  quantityOfUnits,
  quantityUnits,
  QuantityError,
  subtractQuantities,
  type Quantity,
} from "../../meta/quantity.ts";
import { intOr } from "../arithmetic.ts";
import type { Implementation, Library } from "../functions.ts";
import { Fault, intMax, intMin, noSuchOverload, Opaque, type Value } from "../values.ts";
import { compareVersions, parseVersion, type Version } from "./version.ts";

class QuantityValue extends Opaque {
  readonly typeName = "kubernetes.Quantity";
  readonly quantity: Quantity;
  constructor(quantity: Quantity) {
    super();
    this.quantity = quantity;
  }
  equals(other: Opaque): boolean {
    return other instanceof QuantityValue && compareQuantities(this.quantity, other.quantity) === 0;
  }
}

class SemverValue extends Opaque {
  readonly typeName = "kubernetes.Semver";
  readonly version: Version;
  constructor(version: Version) {
    super();
    this.version = version;
  }
  equals(other: Opaque): boolean {
    return other instanceof SemverValue && compareVersions(this.version, other.version) === 0;
  }
}

function quantityFrom(text: string): QuantityValue | Fault {
  try {
    return new QuantityValue(parseQuantity(text));
  } catch (error) {
    if (error instanceof QuantityError) return new Fault(error.message);
    throw error;
  }
}

function semverFrom(text: string, normalize: boolean): SemverValue | Fault {
  const version = parseVersion(text, normalize);
  return typeof version === "string" ? new Fault(version) : new SemverValue(version);
}

const ofQuantity =
  (run: (quantity: Quantity, other: Value) => Value): Implementation =>
  ([value, other = null]) =>
    value instanceof QuantityValue ? run(value.quantity, other) : noSuchOverload;
const ofSemver =
  (run: (version: Version) => Value): Implementation =>
  ([value]) =>
    value instanceof SemverValue ? run(value.version) : noSuchOverload;

/** Both kinds of comparable values have these three. */
const comparison = (name: string, id: string, result: string, read: (order: number) => Value): Library => [
  {
    name,
    overloads: [`quantity_${id}: kubernetes.Quantity.(kubernetes.Quantity) -> ${result}`],
    run: ofQuantity((a, b) =>
      b instanceof QuantityValue ? read(compareQuantities(a, b.quantity)) : noSuchOverload,
    ),
  },
  {
    name,
    overloads: [`semver_${id}: kubernetes.Semver.(kubernetes.Semver) -> ${result}`],
    run: ([a, b]) =>
      a instanceof SemverValue && b instanceof SemverValue
        ? read(compareVersions(a.version, b.version))
        : noSuchOverload,
  },
];

type Combine = (a: Quantity, b: Quantity) => Quantity;

const combination = (name: string, combine: Combine): Library => [
  {
    name,
    overloads: [
      `quantity_${name}: kubernetes.Quantity.(kubernetes.Quantity) -> kubernetes.Quantity`,
      `quantity_${name}_int: kubernetes.Quantity.(int) -> kubernetes.Quantity`,
    ],
    run: ofQuantity((a, b) => {
      const other =
        typeof b === "bigint" ? quantityOfUnits(b) : b instanceof QuantityValue ? b.quantity : undefined;
      return other === undefined ? noSuchOverload : new QuantityValue(combine(a, other));
    }),
  },
];

const isWithinInt = (quantity: Quantity): boolean => {
  const units = quantityUnits(quantity);
  return quantityIsWhole(quantity) && units <= intMax && units >= intMin;
};

const quantities: Library = [
  {
    name: "quantity",
    overloads: ["string_to_quantity: (string) -> kubernetes.Quantity"],
    run: ([text]) => (typeof text === "string" ? quantityFrom(text) : noSuchOverload),
  },
  {
    name: "isQuantity",
    overloads: ["is_quantity_string: (string) -> bool"],
    run: ([text]) => (typeof text === "string" ? !(quantityFrom(text) instanceof Fault) : noSuchOverload),
  },
  {
    name: "sign",
    overloads: ["quantity_sign: kubernetes.Quantity.() -> int"],
    run: ofQuantity(({ nano }) => (nano > 0n ? 1n : nano < 0n ? -1n : 0n)),
  },
  {
    name: "isInteger",
    overloads: ["quantity_is_integer: kubernetes.Quantity.() -> bool"],
    run: ofQuantity((quantity) => isWithinInt(quantity)),
  },
  {
    name: "asInteger",
    overloads: ["quantity_as_integer: kubernetes.Quantity.() -> int"],
    run: ofQuantity((quantity) =>
      isWithinInt(quantity) ? intOr(quantityUnits(quantity)) : new Fault("cannot convert value to integer"),
    ),
  },
  {
    name: "asApproximateFloat",
    overloads: ["quantity_get_float: kubernetes.Quantity.() -> double"],
    run: ofQuantity(({ nano }) => Number(nano) / 1e9),
  },
  ...combination("add", addQuantities),
  ...combination("sub", subtractQuantities),
  ...comparison("isGreaterThan", "is_greater_than", "bool", (order) => order > 0),
  ...comparison("isLessThan", "is_less_than", "bool", (order) => order < 0),
  ...comparison("compareTo", "compare_to", "int", (order) => BigInt(order)),
];

const fromText =
  (read: (version: SemverValue | Fault) => Value): Implementation =>
  ([text, normalize = false]) =>
    typeof text === "string" && typeof normalize === "boolean"
      ? read(semverFrom(text, normalize))
      : noSuchOverload;

const versions: Library = [
  {
    name: "semver",
    overloads: [
      "string_to_semver: (string) -> kubernetes.Semver",
      "string_bool_to_semver: (string, bool) -> kubernetes.Semver",
    ],
    run: fromText((version) => version),
  },
  {
    name: "isSemver",
    overloads: ["is_semver_string: (string) -> bool", "is_semver_string_bool: (string, bool) -> bool"],
    run: fromText((version) => !(version instanceof Fault)),
  },
  {
    name: "major",
    overloads: ["semver_major: kubernetes.Semver.() -> int"],
    run: ofSemver(({ numbers }) => BigInt.asIntN(64, numbers[0])),
  },
  {
    name: "minor",
    overloads: ["semver_minor: kubernetes.Semver.() -> int"],
    run: ofSemver(({ numbers }) => BigInt.asIntN(64, numbers[1])),
  },
  {
    name: "patch",
    overloads: ["semver_patch: kubernetes.Semver.() -> int"],
    run: ofSemver(({ numbers }) => BigInt.asIntN(64, numbers[2])),
  },
];

export const quantitiesLibrary: Library = [...quantities, ...versions];
