/** A point in a cluster's past, told by revision or by time. */
import { DurationError, goDurationMs } from "#api/meta/duration.ts";
import { parseTime, toRfc3339 } from "#base/clock.ts";
import type { Transport } from "#client/client.ts";

export interface Span {
  /** What can be read. */
  readonly oldest: bigint;
  readonly newest: bigint;
  /** Times of revisions, in the order of revisions. */
  readonly marks: readonly (readonly [revision: bigint, time: number])[];
}

export class MomentError extends Error {
  override readonly name = "MomentError";
  readonly code = "MOMENT";
}

export async function readSpan(transport: Transport, signal: AbortSignal): Promise<Span> {
  const { body } = await transport.request({ method: "GET", path: "/mini-k8s/v1/timeline", signal });
  const { oldest, newest, marks } = body as { oldest: string; newest: string; marks: [string, number][] };
  return {
    oldest: BigInt(oldest),
    newest: BigInt(newest),
    marks: marks.map(([revision, time]) => [BigInt(revision), time]),
  };
}

/** "4711", "10m" (ago), or an RFC 3339 time. Throws MomentError when it can't be read any more, or makes no sense. */
export function revisionOf(text: string, span: Span, now: number): bigint {
  if (/^\d+$/.test(text)) return checked(BigInt(text), span);
  const time = timeOf(text, now);
  if (time > now) throw new MomentError(`${text} is in the future`);
  // The clock may have been set meanwhile: the last mark that isn't later counts.
  const mark = span.marks.findLast(([, at]) => at <= time);
  if (mark === undefined) throw new MomentError(`${text} is too long ago: ${reach(span)}`);
  return checked(mark[0], span);
}

function timeOf(text: string, now: number): number {
  const time = parseTime(text);
  if (!Number.isNaN(time)) return time;
  try {
    return now - goDurationMs(text);
  } catch (error) {
    if (!(error instanceof DurationError)) throw error;
    throw new MomentError(
      `${JSON.stringify(text)} is no moment: give a revision, a time such as 2026-01-31T12:00:00Z, or how long ago, such as 10m`,
    );
  }
}

function checked(revision: bigint, span: Span): bigint {
  if (revision > span.newest) {
    throw new MomentError(`revision ${revision} is in the future, the newest is ${span.newest}`);
  }
  if (revision < span.oldest) throw new MomentError(`revision ${revision} is too old: ${reach(span)}`);
  return revision;
}

function reach({ oldest, marks }: Span): string {
  const [first] = marks;
  const since = first === undefined ? "" : `, of about ${toRfc3339(first[1])}`;
  return `history begins at revision ${oldest}${since}; a server with --history keeps more`;
}

/** When a revision was made at the latest; undefined when it is newer than the last mark. */
export const latestTimeOf = (revision: bigint, { marks }: Span): number | undefined =>
  marks.find(([at]) => at >= revision)?.[1];
