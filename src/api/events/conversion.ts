/** Events of the core group and of events.k8s.io: the same object under other names. upstream: pkg/apis/events/v1/conversion.go */
import type { AnyObject } from "../meta/object.ts";

/** Core name to the newer one; all other fields keep theirs. */
const names: readonly (readonly [core: string, newer: string])[] = [
  ["involvedObject", "regarding"],
  ["message", "note"],
  ["source", "deprecatedSource"],
  ["firstTimestamp", "deprecatedFirstTimestamp"],
  ["lastTimestamp", "deprecatedLastTimestamp"],
  ["count", "deprecatedCount"],
  ["reportingComponent", "reportingController"],
];

const toNewer = new Map(names);
const toCore = new Map(names.map(([core, newer]) => [newer, core]));

const renamed = (event: AnyObject, by: ReadonlyMap<string, string>): AnyObject =>
  Object.fromEntries(Object.entries(event).map(([name, value]) => [by.get(name) ?? name, value]));

export const eventToCore = (event: AnyObject): AnyObject => ({ ...renamed(event, toCore), apiVersion: "v1" });

export const eventToNewer = (event: AnyObject): AnyObject => ({
  ...renamed(event, toNewer),
  apiVersion: "events.k8s.io/v1",
});
