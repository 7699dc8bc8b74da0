/** Disruption budgets in tables. upstream: pkg/printers/internalversion/printers.go */
import type { PodDisruptionBudget } from "../generated/types/policy-v1.ts";
import type { Loose } from "../meta/loose.ts";
import { ageOf, columns, nameOf, type PrintersByKind } from "../meta/printer.ts";

export const policyPrinters: PrintersByKind = {
  PodDisruptionBudget: {
    columns: columns("Name~|Min Available|Max Unavailable|Allowed Disruptions#|Age"),
    cells: (budget: Loose<PodDisruptionBudget>, nowMs: number) => [
      nameOf(budget),
      String(budget.spec?.minAvailable ?? "N/A"),
      String(budget.spec?.maxUnavailable ?? "N/A"),
      budget.status?.disruptionsAllowed ?? 0,
      ageOf(budget, nowMs),
    ],
  },
};
