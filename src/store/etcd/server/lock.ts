/** The Lock service. upstream: server/etcdserver/api/v3lock, client/v3/concurrency/mutex.go */
import { singleKey } from "../../key-range.ts";
import { lockRequest, lockResponse, unlockRequest, unlockResponse } from "../concurrency-messages.ts";
import { getInLine, sessionLease, waitForTurn } from "./concurrency.ts";
import { type EtcdContext, headerOf } from "./context.ts";
import { bytesOf, keyOf } from "./convert.ts";
import { asRelayedError } from "./errors.ts";
import { Service } from "./service.ts";

export function lockService(context: EtcdContext): Service {
  return new Service("v3lockpb.Lock", context, asRelayedError)
    .waiting("Lock", [lockRequest, lockResponse], async ({ name, lease }, signal) => {
      const prefix = `${keyOf(name)}/`;
      const owner = { lease: await sessionLease(context, lease), value: Buffer.alloc(0) };
      const place = await getInLine(context, prefix, owner);
      await waitForTurn(context, prefix, place, signal);
      return { header: headerOf(context), key: bytesOf(place.key) };
    })
    .unary("Unlock", [unlockRequest, unlockResponse], async ({ key }) => {
      const { revision } = await context.store.delete({ range: singleKey(keyOf(key)) });
      return { header: headerOf(context, revision) };
    });
}
