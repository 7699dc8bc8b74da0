/** A secret's type may be any text: those that are known need keys. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultList } from "../meta/fault-list.ts";
import { checkSecret } from "./data-validation.ts";

const cases: readonly [type: string, fields: readonly string[]][] = [
  ["Opaque", []],
  ["kubernetes.io/tls", ["data[tls.crt]", "data[tls.key]"]],
  ["__proto__", []],
  ["constructor", []],
];

for (const [type, fields] of cases) {
  test(`a secret of type ${type} lacks ${fields.join(", ") || "nothing"}`, () => {
    const faults = new FaultList();
    checkSecret({ type, data: { other: "" } }, faults);
    assert.deepEqual(
      faults.all.map(({ field }) => field),
      fields,
    );
  });
}
