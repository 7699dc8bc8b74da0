/** Whatever a client sends: defaults settle, the rules answer, and both encodings mean the same afterwards. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import * as fc from "fast-check";
import { parseExact } from "#base/exact-json.ts";
import { JsonDecoder } from "./codec/json.ts";
import { ProtobufCodec } from "./codec/protobuf.ts";
import { Arbitraries } from "./codec/testing/arbitrary.ts";
import { applyDefaults } from "./defaults.ts";
import type { AnyObject } from "./meta/object.ts";
import { createTypeTable } from "./schema/table.ts";
import { createScheme } from "./scheme.ts";
import { Validator } from "./validation.ts";
import { warningsOnCreate, warningsOnUpdate } from "./warnings.ts";

const table = createTypeTable();
const scheme = createScheme();
const codec = new ProtobufCodec(table, scheme);
const decoder = new JsonDecoder(table);
const arbitraries = new Arbitraries(table);
const validator = new Validator({ scheme, table });

const copy = (object: AnyObject): AnyObject => parseExact(JSON.stringify(object)) as AnyObject;

suite("random objects", () => {
  for (const { group, version, kind, struct } of scheme.all()) {
    const gvk = { group, version, kind };
    const apiVersion = group === "" ? version : `${group}/${version}`;
    const objects = arbitraries.of(struct, 5).map((value) => {
      const { object } = decoder.fromValue({ ...value, apiVersion, kind }, struct);
      applyDefaults(gvk, object);
      return object;
    });
    const check = (run: (object: AnyObject, other: AnyObject) => void): void =>
      fc.assert(fc.property(objects, objects, run), { numRuns: 10, seed: 7 });

    test(`${apiVersion} ${kind}: defaults are the same the second time`, () => {
      check((object) => {
        const again = copy(object);
        applyDefaults(gvk, again);
        assert.deepEqual(copy(again), copy(object));
      });
    });

    test(`${apiVersion} ${kind}: protobuf keeps what defaults have set`, () => {
      // Read once more: defaults make objects whose required fields are still missing, which Go has as zeros.
      // And settled once more: protobuf knows no kinds of objects inside others.
      check((object) => {
        const whole = decoder.fromValue(copy(object), struct).object;
        applyDefaults(gvk, whole);
        const back = codec.decode(codec.encode(whole));
        applyDefaults(gvk, back);
        assert.deepEqual(copy(back), copy(whole));
      });
    });

    test(`${apiVersion} ${kind}: every question is answered`, () => {
      check((object, other) => {
        const answers = [
          validator.create(gvk, object),
          validator.update(gvk, object, other),
          validator.statusUpdate(gvk, object, other),
        ].flat();
        for (const { field, message } of answers) assert.ok(!field.includes("undefined") && message !== "");
        for (const text of [...warningsOnCreate(gvk, object), ...warningsOnUpdate(gvk, object, other)]) {
          assert.ok(!text.includes("undefined"), text);
        }
      });
    });
  }
});
