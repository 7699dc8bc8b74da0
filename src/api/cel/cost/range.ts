/** Least and most: what sizes and costs are estimated as. Arithmetic ends at Go's largest uint64. upstream: cel-go checker/cost.go */
import { costMax } from "./budget.ts";

export interface Range {
  readonly min: number;
  readonly max: number;
}

const bounded = (value: number): number => (value >= costMax ? costMax : value);

export const exactly = (value: number): Range => ({ min: value, max: value });
export const upTo = (max: number): Range => ({ min: 0, max });
export const unknownRange: Range = upTo(costMax);
export const nothing: Range = exactly(0);

export const plus = (...ranges: readonly Range[]): Range => ({
  min: bounded(ranges.reduce((sum, { min }) => sum + min, 0)),
  max: bounded(ranges.reduce((sum, { max }) => sum + max, 0)),
});

/** 0 × anything is 0, as of integers. */
const product = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : bounded(a * b));

export const times = (a: Range, b: Range): Range => ({
  min: product(a.min, b.min),
  max: product(a.max, b.max),
});

export const scaled = ({ min, max }: Range, factor: number): Range => ({
  min: bounded(Math.ceil(min * factor)),
  max: bounded(Math.ceil(max * factor)),
});

/** Holds both. */
export const union = (a: Range, b: Range): Range => ({
  min: Math.min(a.min, b.min),
  max: Math.max(a.max, b.max),
});
