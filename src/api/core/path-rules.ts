/** Paths inside containers and volumes. upstream: pkg/apis/core/validation/validation.go */
import type { FaultList } from "../meta/fault-list.ts";

export const hasBacksteps = (target: string): boolean => target.split("/").includes("..");

/** upstream: validatePathNoBacksteps */
export function checkNoBacksteps(target: string, path: string, faults: FaultList): void {
  if (hasBacksteps(target)) faults.invalid(path, target, "must not contain '..'");
}

/** upstream: validateLocalDescendingPath */
export function checkDescendingPath(target: string, path: string, faults: FaultList): void {
  if (target.startsWith("/")) faults.invalid(path, target, "must be a relative path");
  checkNoBacksteps(target, path, faults);
}

/** upstream: validateLocalNonReservedPath. Names that begin with two dots are the volume's own. */
export function checkFilePath(target: string, path: string, faults: FaultList): void {
  checkDescendingPath(target, path, faults);
  if (target.startsWith("..") && !target.startsWith("../")) {
    faults.invalid(path, target, "must not start with '..'");
  }
}

export function checkFileMode(mode: number | undefined, path: string, faults: FaultList): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) {
    faults.invalid(path, mode, "must be a number between 0 and 0777 (octal), both inclusive");
  }
}
