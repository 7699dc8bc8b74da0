/** What fieldValidation warns of or refuses, in the words and the order of Go's decoder. */
import { goQuote } from "../meta/go-quote.ts";
import { compareKeys } from "./go-json.ts";
import { pathText } from "./json-text.ts";

/** A way through a value: names and keys, and indices of lists. */
export type FaultPath = readonly (string | number)[];

/**
 * `unknown` fields stand in the order in which `document` has them; without one, in that of the alphabet, as what came by
 * way of a map in Go. `duplicates` are paths in text; within what is unknown they aren't looked at.
 */
export function strictFaultTexts(
  unknown: readonly FaultPath[],
  duplicates: readonly string[],
  document?: () => unknown,
): string[] {
  const ordered = unknown.length < 2 ? unknown : inOrder(unknown, document?.());
  const texts = ordered.map(pathText);
  const isWithin = (path: string): boolean =>
    texts.some((text) => path.startsWith(text) && /^(?:$|[.[])/.test(path.slice(text.length)));
  return [
    ...texts.map((path) => `unknown field ${goQuote(path)}`),
    ...duplicates.filter((path) => !isWithin(path)).map((path) => `duplicate field ${goQuote(path)}`),
  ];
}

function inOrder(paths: readonly FaultPath[], root: unknown): FaultPath[] {
  const placesOf = new Map<object, ReadonlyMap<string, number>>();
  const placed = paths.map((path) => ({ path, places: placesAlong(path, root, placesOf) }));
  return placed.toSorted((a, b) => comparePlaces(a.places, b.places)).map(({ path }) => path);
}

type Place = string | number;

/** Of each step the place among its neighbours, or, of keys in no known order, their text. */
function placesAlong(
  path: FaultPath,
  root: unknown,
  placesOf: Map<object, ReadonlyMap<string, number>>,
): Place[] {
  let value = root;
  return path.map((step) => {
    if (typeof value !== "object" || value === null) return step;
    let places = placesOf.get(value);
    if (places === undefined) {
      places = new Map(Object.keys(value).map((key, index) => [key, index]));
      placesOf.set(value, places);
    }
    value = Reflect.get(value, step);
    return places.get(String(step)) ?? step;
  });
}

function comparePlaces(one: readonly Place[], other: readonly Place[]): number {
  for (const [index, place] of one.entries()) {
    const against = other[index];
    if (against === undefined) return 1;
    if (place === against) continue;
    return typeof place === "number" && typeof against === "number"
      ? place - against
      : compareKeys(String(place), String(against));
  }
  return one.length - other.length;
}
