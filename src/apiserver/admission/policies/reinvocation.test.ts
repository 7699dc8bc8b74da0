/** Policies that are asked a second time. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { Mutation } from "#api/generated/types/admissionregistration-v1beta1.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { apply, admitted } from "./testing/mutating-world.ts";

const count = (name: string): Mutation =>
  apply(`Object{metadata: Object.metadata{annotations: {
    "${name}": string(int(object.metadata.?annotations.${name}.orValue("0")) + 1)}}}`);

const once = (name: string): Mutation => apply(`Object{metadata: Object.metadata{labels: {"${name}": "x"}}}`);

suite("a second time", () => {
  test("who is willing is asked again when another one changed the object, once", async () => {
    const specs = [
      { name: "a", reinvocationPolicy: "IfNeeded", mutations: [count("a")] },
      { name: "b", mutations: [count("b")] },
    ];
    assert.deepEqual((await admitted({ specs })).metadata?.annotations, { a: "2", b: "1" });
  });

  test("nobody is when nothing changed after him", async () => {
    const specs = [
      { name: "a", mutations: [once("a")] },
      { name: "b", reinvocationPolicy: "IfNeeded", mutations: [count("b")] },
    ];
    assert.deepEqual((await admitted({ specs })).metadata?.annotations, { b: "1" });
  });

  test("a plugin that changes the object in the second round has all the willing asked", async () => {
    const seen: string[] = [];
    const first: AdmissionPlugin = {
      name: "First",
      handles: () => true,
      admit: ({ object }, round) => {
        seen.push(round.isSecond ? "second" : "first");
        if (round.isSecond && object?.metadata !== undefined) object.metadata.labels = { late: "x" };
        return Promise.resolve();
      },
    };
    const specs = [{ name: "a", reinvocationPolicy: "IfNeeded", mutations: [count("a")] }];
    const { metadata } = await admitted({ specs, others: [first] });
    assert.deepEqual(seen, ["first", "second"]);
    assert.deepEqual(metadata?.annotations, { a: "2" });
  });
});
