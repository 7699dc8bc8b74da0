/**
 * The counter that keeps names of revisions apart. It is looked at beside the other counts, and compared with what it was
 * at the end. upstream: pkg/apis/apps/validation/validation.go
 */
import type { FaultList } from "../meta/fault-list.ts";
import { checkNonNegative } from "../meta/field-rules.ts";

export const checkCollisionCount = (now: number | undefined, faults: FaultList): void =>
  checkNonNegative(now, "status.collisionCount", faults);

export function checkCollisionsGrow(
  now: number | undefined,
  before: number | undefined,
  faults: FaultList,
): void {
  if (before === undefined) return;
  if (now === undefined || now < before) {
    faults.invalid("status.collisionCount", now ?? 0, "cannot be decremented");
  }
}
