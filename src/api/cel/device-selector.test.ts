import assert from "node:assert/strict";
import { test } from "node:test";
import { RE2JS } from "re2js";
import { fieldErrorText } from "../meta/field-error.ts";
import { deviceSelectorFault } from "./device-selector.ts";
import { Cel } from "./environment.ts";

const cel = new Cel(RE2JS);
const faultOf = (text: string): string | undefined => {
  const fault = deviceSelectorFault(cel, text, "x");
  return fault === undefined ? undefined : fieldErrorText(fault);
};

const fine = [
  "true",
  'device.driver == "gpu.example.com"',
  'device.attributes["gpu.example.com"].model == "a100"',
  'device.attributes["gpu.example.com"].healthy',
  'device.attributes["gpu.example.com"].version.isGreaterThan(semver("1.2.3"))',
  'device.capacity["gpu.example.com"].memory.compareTo(quantity("1Gi")) >= 0',
  'cel.bind(gpu, device.attributes["gpu.example.com"], gpu.a && gpu.b)',
  'device.attributes["gpu.example.com"].exists(name, name.startsWith("a"))',
];
for (const text of fine) {
  test(`devices can be selected by ${text}`, () => assert.equal(faultOf(text), undefined));
}

const shown = (text: string): string => JSON.stringify(text);
const refused: readonly (readonly [text: string, fault: string])[] = [
  ["device.driver", "must evaluate to bool or the unknown type, not string"],
  ["1", "must evaluate to bool or the unknown type, not int"],
  ["device.name == 'a'", "compilation failed: ERROR: <input>:1:7: undefined field 'name'"],
  ["noSuch", "compilation failed: ERROR: <input>:1:1: undeclared reference to 'noSuch'"],
  [
    "device.allowMultipleAllocations",
    "compilation failed: ERROR: <input>:1:7: undefined field 'allowMultipleAllocations'",
  ],
  ["", "compilation failed: ERROR: <input>:1:1: Syntax error: mismatched input '<EOF>' expecting {'[', '{',"],
  ["true &&", "compilation failed: ERROR: <input>:1:8: Syntax error"],
  [
    "cel.bind(a.b, 1, true)",
    "compilation failed: ERROR: <input>:1:11: cel.bind() variable names must be simple identifiers",
  ],
];
for (const [text, fault] of refused) {
  test(`devices can't be selected by ${text}`, () => {
    const got = faultOf(text) ?? "";
    assert.ok(got.startsWith(`x: Invalid value: ${shown(text)}: ${fault}`), got);
  });
}

const all = (inner: string, name: string): string => `device.attributes["d"].all(${name}, ${inner})`;

test("what costs too much in the worst case is refused", () => {
  const text = all(all(all(all('"x".matches("x")', "d"), "c"), "b"), "a");
  assert.equal(faultOf(text), "x: Forbidden: too complex, exceeds cost limit");
});
