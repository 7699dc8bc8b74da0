/** What definitions ask of each other is read from each of their states once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { StoredObject } from "#apiserver/registry/stored-object.ts";
import { groupOf, Outlines } from "./outline.ts";

const widgets = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "widgets.example.com" },
  spec: {
    group: "example.com",
    scope: "Namespaced",
    names: { plural: "widgets", kind: "Widget" },
    versions: [],
  },
  status: {
    acceptedNames: { plural: "widgets", kind: "Widget" },
    conditions: [
      { type: "NamesAccepted", status: "True" },
      { type: "Terminating", status: "False" },
    ],
  },
};

test("a state is decoded once, whoever asks and however little is kept of what was decoded", () => {
  const value = Buffer.from(JSON.stringify(widgets));
  const stored = new StoredObject({ namespace: "", name: "widgets.example.com" }, value, 7n);
  const outlines = new Outlines();
  const first = outlines.of(stored);
  assert.deepEqual(first, {
    acceptedNames: { plural: "widgets", kind: "Widget" },
    hasItsNames: true,
    isTerminating: false,
  });
  stored.forget();
  assert.equal(outlines.of(stored), first);
  assert.equal(stored.atHand, undefined);
});

test("the group is what follows the resource's name", () => {
  assert.equal(groupOf("widgets.of.example.com"), "of.example.com");
});
