import assert from "node:assert/strict";
import { test } from "node:test";
import { createTypeTable } from "../schema/table.ts";
import { createScheme } from "../scheme.ts";
import { goStringTypeOf } from "./go-types.ts";

test("what may be one of a few texts has a type of its own", () => {
  const table = createTypeTable();
  const left = createScheme()
    .all()
    .map(({ struct }) => struct);
  const seen = new Set(left);
  const missing: string[] = [];
  for (let name = left.pop(); name !== undefined; name = left.pop()) {
    for (const field of table.struct(name)?.byName.values() ?? []) {
      const { struct, enum: values } = field;
      const called = `${name.slice(name.lastIndexOf(".") + 1)}.${field.name}`;
      if (values !== undefined && !goStringTypeOf.has(called)) missing.push(called);
      if (struct === undefined || seen.has(struct)) continue;
      seen.add(struct);
      left.push(struct);
    }
  }
  assert.deepEqual(missing, []);
});
