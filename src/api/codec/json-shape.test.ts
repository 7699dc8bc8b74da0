import assert from "node:assert/strict";
import { test } from "node:test";
import { DecodeError } from "./decode-error.ts";
import {
  bool,
  int32,
  int64,
  listOf,
  mapOf,
  named,
  quantity,
  readJson,
  string,
  structOf,
} from "./json-shape.ts";

const shape = listOf(
  structOf("core.Part", {
    name: string,
    kind: named("core.PartKind"),
    seconds: int64,
    count: int32,
    isOpen: bool,
    amount: quantity,
    labels: mapOf(string),
    values: listOf(string),
  }),
);

for (const [json, read] of [
  ["null", undefined],
  ["[]", []],
  ["[null,{}]", [{}, {}]],
  ['[{"NAME":"a","kind":null,"other":[1]}]', [{ name: "a" }]],
  ['[{"amount":5},{"amount":"5Gi"}]', [{ amount: "5" }, { amount: "5Gi" }]],
  ['[{"labels":{"a":"b","c":null},"values":[null,"x"]}]', [{ labels: { a: "b", c: "" }, values: ["", "x"] }]],
  ['[{"seconds":-1,"isOpen":true}]', [{ seconds: -1, isOpen: true }]],
  ['[{"seconds":3000000000,"count":-2147483648}]', [{ seconds: 3_000_000_000, count: -2_147_483_648 }]],
] as const) {
  test(`${json} is read`, () => {
    assert.deepEqual(readJson(json, shape), read);
  });
}

for (const [json, message] of [
  ["{}", "json: cannot unmarshal object into Go value of type []core.Part"],
  ["[1]", "json: cannot unmarshal number into Go value of type core.Part"],
  ['[{"name":5}]', "json: cannot unmarshal number into Go struct field Part.Name of type string"],
  ['[{"kind":[]}]', "json: cannot unmarshal array into Go struct field Part.Kind of type core.PartKind"],
  ['[{"seconds":1.5}]', "json: cannot unmarshal number 1.5 into Go struct field Part.Seconds of type int64"],
  [
    '[{"count":2147483648}]',
    "json: cannot unmarshal number 2147483648 into Go struct field Part.Count of type int32",
  ],
  [
    '[{"seconds":1e19}]',
    "json: cannot unmarshal number 10000000000000000000 into Go struct field Part.Seconds of type int64",
  ],
  [
    '[{"amount":"much"}]',
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
  ['[{"isOpen":"x"}]', "json: cannot unmarshal string into Go struct field Part.IsOpen of type bool"],
  [
    '[{"amount":{}}]',
    "json: cannot unmarshal object into Go struct field Part.Amount of type resource.Quantity",
  ],
  ['[{"values":[{}]}]', "json: cannot unmarshal object into Go struct field Part.Values of type string"],
  ["[", "unexpected end of JSON input"],
] as const) {
  test(`${json} is refused`, () => {
    assert.throws(() => readJson(json, shape), { name: DecodeError.name, message });
  });
}
