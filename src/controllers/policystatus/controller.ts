/** Notes in a ValidatingAdmissionPolicy's status what its expressions get wrong about the kinds it is for. upstream: pkg/controller/validatingadmissionpolicystatus */
import type { Expressions } from "#api/expressions.ts";
import type { ValidatingAdmissionPolicy } from "#api/generated/types/admissionregistration-v1.ts";
import { keyOf } from "#api/meta/object.ts";
import { isConflict, isNotFound } from "#api/meta/status.ts";
import { customResourceDefinitions, validatingAdmissionPolicies } from "#api/resources.ts";
import { createTypeTable } from "#api/schema/table.ts";
import { createScheme } from "#api/scheme.ts";
import { RateLimitedQueue } from "#client/work/rate-limited.ts";
import { queueController, type Controller, type ControllerContext } from "../controller.ts";

const workers = 5;

export function policyStatusController(context: ControllerContext): Controller {
  const { client, informers, loadExpressions } = context;
  const queue = new RateLimitedQueue({ name: "validatingadmissionpolicy-status" }, context);
  const definitions = informers.informer(customResourceDefinitions).lister;
  const informer = informers.informer(validatingAdmissionPolicies);
  const enqueue = (policy: ValidatingAdmissionPolicy): void => {
    if (policy.status?.observedGeneration !== policy.metadata?.generation) queue.add(keyOf(policy));
  };
  informer.addHandler({ add: enqueue, update: enqueue });
  // Made for the first policy: most clusters have none.
  let engine: Promise<CheckingEngine> | undefined;

  return queueController(queue, workers, async (key) => {
    const policy = informer.lister.get(key);
    const generation = policy?.metadata?.generation;
    if (policy === undefined || policy.status?.observedGeneration === generation) return;
    engine ??= loadExpressions().then((expressions) => ({
      expressions,
      scheme: createScheme(),
      table: createTypeTable(),
    }));
    const { expressions, ...kinds } = await engine;
    const warnings = expressions.expressionWarnings(policy, {
      cel: expressions.cel,
      definitions: definitions.list(),
      ...kinds,
    });
    const typeChecking = warnings.length === 0 ? {} : { expressionWarnings: [...warnings] };
    const status = { ...policy.status, observedGeneration: generation, typeChecking };
    try {
      await client.resource(validatingAdmissionPolicies).updateStatus({ ...policy, status });
    } catch (error) {
      // Gone, or changed: then it comes again.
      if (!isNotFound(error) && !isConflict(error)) throw error;
    }
  });
}

interface CheckingEngine {
  readonly expressions: Expressions;
  readonly scheme: ReturnType<typeof createScheme>;
  readonly table: ReturnType<typeof createTypeTable>;
}
