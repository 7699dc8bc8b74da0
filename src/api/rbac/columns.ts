/** Bindings in tables. upstream: pkg/printers/internalversion/printers.go, pkg/apis/rbac/helpers.go */
import type { ClusterRoleBinding, RoleBinding, Subject } from "../generated/types/rbac-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, nameOf, type Cell, type Printer, type PrintersByKind } from "../meta/printer.ts";

function subjectsText(subjects: readonly Loose<Subject>[] = [], kind: string): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(({ namespace = "", name = "" }) => (kind === "ServiceAccount" ? `${namespace}/${name}` : name))
    .join(", ");
}

function bindingCells(binding: Loose<RoleBinding | ClusterRoleBinding>, nowMs: number): readonly Cell[] {
  const { roleRef, subjects } = binding;
  return [
    nameOf(binding),
    `${roleRef?.kind ?? ""}/${roleRef?.name ?? ""}`,
    ageOf(binding, nowMs),
    subjectsText(subjects, "User"),
    subjectsText(subjects, "Group"),
    subjectsText(subjects, "ServiceAccount"),
  ];
}

const bindingPrinter: Printer = {
  columns: columns("Name~|Role|Age|Users*|Groups*|ServiceAccounts*"),
  cells: bindingCells,
};

export const rbacPrinters: PrintersByKind = {
  ClusterRoleBinding: bindingPrinter,
  RoleBinding: bindingPrinter,
};
