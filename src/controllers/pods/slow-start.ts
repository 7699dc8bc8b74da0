/**
 * Does `count` things in growing batches: 1, 2, 4 … When one of a batch fails the rest isn't tried, so that a quota
 * or a bad template doesn't cost a thousand refused requests. upstream: pkg/controller/replicaset slowStartBatch
 */
export interface SlowStartResult {
  readonly done: number;
  readonly error: unknown;
}

export async function slowStart(count: number, act: () => Promise<void>): Promise<SlowStartResult> {
  let done = 0;
  for (let left = count, size = Math.min(1, count); size > 0; size = Math.min(2 * size, left)) {
    const results = await Promise.allSettled(Array.from({ length: size }, act));
    done += results.filter(({ status }) => status === "fulfilled").length;
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) return { done, error: failed.reason };
    left -= size;
  }
  return { done, error: undefined };
}
