/** Requests that come before all policies are known: none is passed over. upstream: apiserver/pkg/admission/handler.go */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createExpressions } from "#api/expressions.ts";
import {
  configMaps,
  namespaces,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
} from "#api/resources.ts";
import type { ResourceRef } from "#api/resource-ref.ts";
import { MemoryApi } from "#apiserver/authz/testing/memory-api.ts";
import { ManualClock, settle } from "#base/clock.ts";
import type { Informer, InformerFactory } from "#client/cache/informer.ts";
import type { KubeObject } from "#api/meta/object.ts";
import type { AdmissionPlugin } from "../admission.ts";
import { attributesOf, faultOf } from "../testing/attributes.ts";
import { unmeasured } from "../testing/unmeasured.ts";
import { MutatingPolicies } from "./mutating.ts";
import { authorizer, bindings, policies, types } from "./testing/mutating-world.ts";
import { everything } from "./testing/validating-world.ts";
import { ValidatingPolicies } from "./validating.ts";

/** Informers of which those of one resource are late. */
class LateInformers implements InformerFactory {
  readonly api = new MemoryApi();
  readonly #late: ResourceRef;
  readonly #synced = Promise.withResolvers<void>();
  #isThere = false;

  constructor(late: ResourceRef) {
    this.#late = late;
  }

  informer<T extends KubeObject>(ref: ResourceRef<T>): Informer<T> {
    const own = this.api.informer(ref);
    if (ref.resource !== this.#late.resource) return own;
    const isThere = (): boolean => this.#isThere;
    return Object.create(own, {
      hasSynced: { get: isThere },
      synced: { value: this.#synced.promise },
      lister: {
        value: {
          get: (key: string) => (isThere() ? own.lister.get(key) : undefined),
          list: (namespace?: string) => (isThere() ? own.lister.list(namespace) : []),
          get size() {
            return isThere() ? own.lister.size : 0;
          },
        },
      },
    }) as Informer<T>;
  }

  come(): void {
    this.#isThere = true;
    this.#synced.resolve();
  }

  start(): void {
    // There is nothing to start.
  }

  waitForSync(): Promise<void> {
    return this.#synced.promise;
  }
}

const write = attributesOf(configMaps, { object: { metadata: { name: "c", namespace: "ns" } } });

function pluginOver(informers: LateInformers, clock: ManualClock, isMutating: boolean): AdmissionPlugin {
  const { api } = informers;
  api.seed(namespaces, { metadata: { name: "ns" } });
  const deps = {
    client: api,
    informers,
    ...unmeasured(),
    clock,
    authorizer,
    loadExpressions: () => Promise.resolve(createExpressions()),
    types,
  };
  if (isMutating) return new MutatingPolicies({ policies, bindings }, deps);
  const refusing = { matchConstraints: everything, validations: [{ expression: "false" }] };
  api.seed(validatingAdmissionPolicies, { metadata: { name: "p" }, spec: refusing });
  api.seed(validatingAdmissionPolicyBindings, {
    metadata: { name: "b" },
    spec: { policyName: "p", validationActions: ["Deny"] },
  });
  return new ValidatingPolicies(deps);
}

for (const [late, isMutating, then] of [
  [validatingAdmissionPolicies, false, /denied request: failed expression: false$/],
  [validatingAdmissionPolicyBindings, false, /denied request: failed expression: false$/],
  [policies, true, /^undefined$/],
  [bindings, true, /^undefined$/],
] as const) {
  suite(`before ${late.resource} are known`, () => {
    test("a request waits, and is judged by them", async () => {
      const [informers, clock] = [new LateInformers(late), new ManualClock()];
      const plugin = pluginOver(informers, clock, isMutating);
      let isOver = false;
      const fault = faultOf(plugin, write).finally(() => (isOver = true));
      await settle();
      assert.equal(isOver, false);
      informers.come();
      assert.match(String(await fault), then);
      assert.equal(clock.waiting, 0);
    });

    test("a request that has waited for long is refused", async () => {
      const [informers, clock] = [new LateInformers(late), new ManualClock()];
      const fault = faultOf(pluginOver(informers, clock, isMutating), write);
      await settle();
      await clock.advance(10_000);
      assert.equal(await fault, 'configmaps "c" is forbidden: not yet ready to handle request');
    });
  });
}

test("policies themselves may be written meanwhile: one may be what is wrong", async () => {
  const plugin = pluginOver(new LateInformers(validatingAdmissionPolicies), new ManualClock(), false);
  const policy = attributesOf(validatingAdmissionPolicies, { object: { metadata: { name: "p" } } });
  assert.equal(await faultOf(plugin, policy), undefined);
});
