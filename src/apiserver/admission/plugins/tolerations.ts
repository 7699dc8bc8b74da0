/** Which tolerations include others. upstream: pkg/util/tolerations/tolerations.go */
import type { Toleration } from "#api/generated/types/core-v1.ts";

/** All of both, without those that another one includes. */
export function mergedTolerations(own: readonly Toleration[], more: readonly Toleration[]): Toleration[] {
  const all = [...own, ...more];
  return all
    .filter(
      (toleration, index) =>
        !all.some(
          (other, at) =>
            at !== index && includes(other, toleration) && (at < index || !includes(toleration, other)),
        ),
    )
    .map((toleration) => ({ ...toleration }));
}

/** Whether `wide` tolerates all that `narrow` does. */
export function includes(wide: Toleration, narrow: Toleration): boolean {
  const a = filled(wide);
  const b = filled(narrow);
  const isAnyKey = a.key === "" && a.operator === "Exists";
  if (!isAnyKey && a.key !== b.key) return false;
  if (a.effect !== "" && a.effect !== b.effect) return false;
  if (!lastsAsLong(wide, narrow)) return false;
  return a.operator === "Exists" || (a.operator === b.operator && a.value === b.value);
}

const filled = ({
  key = "",
  operator = "Equal",
  value = "",
  effect = "",
}: Toleration): Required<Pick<Toleration, "key" | "operator" | "value" | "effect">> => ({
  key,
  operator,
  value,
  effect,
});

function lastsAsLong(wide: Toleration, narrow: Toleration): boolean {
  if ((wide.effect ?? "") !== "NoExecute" || wide.tolerationSeconds === undefined) return true;
  return narrow.tolerationSeconds !== undefined && wide.tolerationSeconds >= narrow.tolerationSeconds;
}
