import assert from "node:assert/strict";
import { suite, test } from "node:test";
import type { ListAnswer } from "#apiserver/request/call.ts";
import { encodeForStore, StoredObject } from "#apiserver/registry/stored-object.ts";
import { ClientGoneError } from "./exchange.ts";
import { jsonPieces, protobufPieces } from "./list-pieces.ts";
import { shapedList } from "./send-list.ts";
import { shapeOf } from "./testing/shapes.ts";

const builtIn = { group: "", version: "v1", kind: "ConfigMap" };
const custom = { group: "example.com", version: "v1", kind: "Thing", printer: {} };

function answerOf(count: number, { isCustom = false, continued = "" } = {}): ListAnswer {
  const gvk = isCustom ? custom : builtIn;
  const apiVersion = isCustom ? "example.com/v1" : "v1";
  const items = Array.from({ length: count }, (_, at) => {
    const id = { namespace: "default", name: `x-${at}` };
    const object = { apiVersion, kind: gvk.kind, metadata: id, data: { ä: '\n"items":[]{'.repeat(at) } };
    return new StoredObject(id, encodeForStore(object), BigInt(at + 1));
  });
  const endpoint = {
    definition: { listKind: `${gvk.kind}List` },
    gvk,
    isCustom,
    view: (stored: StoredObject) => stored.object,
  } as unknown as ListAnswer["endpoint"];
  const remaining = continued === "" ? undefined : 3;
  return { kind: "list", endpoint, items, revision: 77n, continue: continued, remaining };
}

const protobuf = "application/vnd.kubernetes.protobuf";
const partial = (type: string): string => `${type};as=PartialObjectMetadataList;g=meta.k8s.io;v=v1`;
const present = { isOver: false };

suite("in pieces a list is what it is as a whole", () => {
  for (const accept of ["application/json", partial("application/json"), protobuf, partial(protobuf)]) {
    for (const query of ["", "pretty=true"]) {
      for (const isCustom of [false, true]) {
        if (isCustom && accept === protobuf) continue;
        for (const [count, bytesMin] of [
          [0, 1],
          [1, 1],
          [40, 1],
          [40, 3000],
          [40, 1_000_000],
        ] as const) {
          const what = `${count} ${isCustom ? "custom objects" : "objects"} as ${accept} ${query}, ${bytesMin}`;
          test(what, async () => {
            const shape = shapeOf(accept, query);
            for (const continued of ["", '"items":[]']) {
              const answer = answerOf(count, { isCustom, continued });
              const pieces = shape.isText
                ? [...jsonPieces(answer, shape, bytesMin)]
                : await protobufPieces(answer, shape, { bytesMin, exchange: present });
              const whole = shape.encode(shapedList(answer, shape));
              assert.equal(Buffer.concat(pieces).toString("latin1"), whole.toString("latin1"));
              if (bytesMin > whole.length) assert.equal(pieces.length, 1);
              if (bytesMin === 1 && count > 1) assert.ok(pieces.length > count);
            }
          });
        }
      }
    }
  }
});

test("others have their turn while a long list is encoded, and a client who has gone isn't waited for", async () => {
  const answer = answerOf(40);
  const shape = shapeOf(protobuf);
  const exchange = { isOver: false };
  let turns = 0;
  const take = (): void => {
    turns += 1;
    if (turns === 3) exchange.isOver = true;
    else setImmediate(take);
  };
  setImmediate(take);
  await assert.rejects(protobufPieces(answer, shape, { bytesMin: 1, exchange }), ClientGoneError);
  assert.equal(turns, 3);
});
