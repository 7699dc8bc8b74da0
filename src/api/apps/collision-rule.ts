/** The counter that keeps names of revisions apart. upstream: pkg/apis/apps/validation/validation.go */
import type { FaultList } from "../meta/fault-list.ts";
import { checkNonNegative } from "../meta/field-rules.ts";

export function checkCollisions(
  now: number | undefined,
  before: number | undefined,
  faults: FaultList,
): void {
  checkNonNegative(now, "status.collisionCount", faults);
  if (before === undefined) return;
  if (now === undefined || now < before) {
    faults.invalid("status.collisionCount", now ?? 0, "cannot be decremented");
  }
}
