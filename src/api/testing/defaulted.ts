/** Objects with their defaults, what pods get by default, and a table of both. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { applyDefaults } from "../defaults.ts";
import { parseApiVersion, type AnyObject } from "../meta/object.ts";

export function defaulted(apiVersion: string, kind: string, object: object): AnyObject {
  const copy = structuredClone(object) as AnyObject;
  applyDefaults({ ...parseApiVersion(apiVersion), kind }, copy);
  return copy;
}

export const podSpec = {
  dnsPolicy: "ClusterFirst",
  restartPolicy: "Always",
  securityContext: {},
  terminationGracePeriodSeconds: 30,
  schedulerName: "default-scheduler",
};
export const container = {
  name: "c",
  image: "nginx:1",
  imagePullPolicy: "IfNotPresent",
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
};
export const probe = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };
export const template = {
  metadata: { labels: { a: "b" } },
  spec: { containers: [{ name: "c", image: "nginx:1" }] },
};
export const fullTemplate = {
  metadata: { labels: { a: "b" } },
  spec: { ...podSpec, containers: [container] },
};
export const file = { defaultMode: 420 };

export type Case = readonly [name: string, apiVersion: string, kind: string, given: object, want: object];

/** A test for each case: what is given has these defaults, and no more the second time. */
export function testDefaults(cases: readonly Case[]): void {
  for (const [name, apiVersion, kind, given, want] of cases) {
    test(`defaults of ${name}`, () => {
      const once = defaulted(apiVersion, kind, given);
      assert.deepEqual(once, want);
      assert.deepEqual(defaulted(apiVersion, kind, once), once);
    });
  }
}
