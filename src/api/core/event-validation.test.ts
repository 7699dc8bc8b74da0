/** Cases re-expressed from pkg/apis/core/validation/events_test.go. All objects in the form they are kept in. */
import { testCreates, testUpdates, type Valid } from "../testing/validation-cases.ts";

const event = "v1/Event";
const newEvent = "events.k8s.io/v1/Event";
const time = "2026-01-01T00:00:00.000000Z";
const about = { involvedObject: { kind: "Pod", namespace: "n", name: "p" } };
const reporter = {
  eventTime: time,
  reportingComponent: "example.com/c",
  reportingInstance: "i",
  action: "a",
  reason: "r",
};
const valid: Valid = { [event]: about, [newEvent]: { ...about, ...reporter, type: "Normal" } };
const mismatch = "does not match event.namespace";
const nowhere = { involvedObject: { namespace: undefined } };

testCreates(valid, [
  [event, { metadata: { name: "Any Name.17" } }],
  [event, nowhere, `involvedObject.namespace: Invalid value: "": ${mismatch}`],
  [event, { metadata: { namespace: "default" }, ...nowhere }],
  [
    event,
    { metadata: { namespace: "kube-system" }, ...nowhere },
    `involvedObject.namespace: Invalid value: "": ${mismatch}`,
  ],
  [event, { metadata: { namespace: "kube-system" }, ...nowhere, ...reporter }],
  [
    event,
    { involvedObject: { namespace: "other" } },
    `involvedObject.namespace: Invalid value: "other": ${mismatch}`,
  ],
  [event, { involvedObject: { namespace: "other" }, ...reporter }],
  [
    event,
    { eventTime: time },
    "reportingComponent: Required value",
    'reportingComponent: Invalid value: "": name part must be non-empty',
    'reportingComponent: Invalid value: "": name part must consist of…',
    "reportingInstance: Required value",
    "action: Required value",
    "reason: Required value",
  ],
  [
    event,
    { ...reporter, reason: "r".repeat(129), message: "m".repeat(1025) },
    'reason: Invalid value: "": can have at most 128 characters',
    'message: Invalid value: "": can have at most 1024 characters',
  ],
  [
    newEvent,
    { metadata: { name: "A" } },
    'metadata.name: Invalid value: "A": a lowercase RFC 1123 subdomain…',
  ],
  [newEvent, { eventTime: undefined }, "eventTime: Required value"],
  [newEvent, { type: "Odd" }, 'type: Invalid value: "": has invalid value: Odd'],
  [
    newEvent,
    {
      reportingComponent: "a b",
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
      source: { component: "c" },
      series: { count: 1 },
    },
    'reportingController: Invalid value: "a b": name part must consist of…',
    'series.count: Invalid value: "": should be at least 2',
    "series.lastObservedTime: Required value",
    'firstTimestamp: Invalid value: "": needs to be unset',
    'lastTimestamp: Invalid value: "": needs to be unset',
    'count: Invalid value: "": needs to be unset',
    'source: Invalid value: "": needs to be unset',
  ],
]);

testUpdates(valid, [
  [event, {}, { reason: "s", count: 3 }],
  [newEvent, {}, { series: { count: 2, lastObservedTime: time } }],
  [newEvent, { series: { count: 1 } }, { metadata: { labels: { a: "b" } } }],
  [
    newEvent,
    {},
    { series: { count: 1, lastObservedTime: time } },
    'series.count: Invalid value: "": should be at least 2',
  ],
  [
    newEvent,
    {},
    { reason: "s", reportingInstance: "j" },
    'reason: Invalid value: "s": field is immutable',
    'reason: Invalid value: "s": field is immutable',
    'reportingInstance: Invalid value: "j": field is immutable',
  ],
]);
