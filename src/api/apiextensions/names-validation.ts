/** Names of definitions, asked for and accepted. upstream: apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go */
import type { CustomResourceDefinitionNames } from "../generated/types/apiextensions-v1.ts";
import type { FaultList } from "../meta/fault-list.ts";
import type { Loose } from "../meta/loose.ts";
import { dns1035LabelFaults } from "../meta/names.ts";

type Names = Loose<CustomResourceDefinitionNames>;

export function checkNames(names: Names, path: string, faults: FaultList): void {
  const { plural = "", singular = "", kind = "", listKind = "" } = names;
  checkLabel(plural, `${path}.plural`, faults);
  checkLabel(singular, `${path}.singular`, faults);
  checkKind(kind, `${path}.kind`, faults);
  checkKind(listKind, `${path}.listKind`, faults);
  for (const [index, name] of (names.shortNames ?? []).entries()) {
    checkEach(name, `${path}.shortNames[${index}]`, faults);
  }
  if (kind !== "" && kind === listKind) {
    faults.invalid(`${path}.listKind`, listKind, "kind and listKind may not be the same");
  }
  for (const [index, name] of (names.categories ?? []).entries()) {
    checkEach(name, `${path}.categories[${index}]`, faults);
  }
}

/** Of the spec alone: nothing is accepted yet in a new status. */
export function checkRequiredNames(names: Names, path: string, faults: FaultList): void {
  for (const field of ["plural", "singular", "kind", "listKind"] as const) {
    if ((names[field] ?? "") === "") faults.required(`${path}.${field}`);
  }
}

function checkEach(name: string, path: string, faults: FaultList): void {
  const found = dns1035LabelFaults(name);
  if (found.length > 0) faults.invalid(path, name, found.join(","));
}

function checkLabel(name: string, path: string, faults: FaultList): void {
  if (name !== "") checkEach(name, path, faults);
}

function checkKind(kind: string, path: string, faults: FaultList): void {
  if (kind === "") return;
  const found = dns1035LabelFaults(kind.toLowerCase());
  if (found.length === 0) return;
  faults.invalid(path, kind, `may have mixed case, but should otherwise match: ${found.join(",")}`);
}
