/** The answer to an apply that would take fields from others. upstream: managedfields/internal/conflict.go */
import { failure, type StatusError } from "../../meta/status.ts";
import { managerText } from "./managed-set.ts";
import { pathText } from "./path-element.ts";
import type { ApplyConflictError, Conflict } from "./updater.ts";

export function applyConflict({ conflicts }: ApplyConflictError): StatusError {
  return failure({
    code: 409,
    reason: "Conflict",
    message: message(conflicts),
    details: {
      causes: conflicts.map(({ manager, path }) => ({
        reason: "FieldManagerConflict",
        message: `conflict with ${managerText(manager)}`,
        field: pathText(path),
      })),
    },
  });
}

function message(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (first !== undefined && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${managerText(first.manager)}: ${pathText(first.path)}`;
  }
  const lines: string[] = [];
  let current: Conflict["manager"] | undefined;
  // Conflicts come manager by manager, in their order.
  for (const { manager, path } of conflicts) {
    if (manager !== current) lines.push(`conflicts with ${managerText(manager)}:`);
    current = manager;
    lines.push(`- ${pathText(path)}`);
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join("\n")}`;
}
