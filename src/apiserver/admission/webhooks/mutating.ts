/** MutatingAdmissionWebhook: one webhook after the other; who changed the object may make earlier ones be asked again. */
import type { AdmissionResponse } from "#api/generated/types/admission-v1.ts";
import { DecodeError } from "#api/codec/decode-error.ts";
import { parseJson } from "#api/codec/json-text.ts";
import { isSame } from "#api/meta/field-rules.ts";
import type { AnyObject } from "#api/meta/object.ts";
import { internalError, StatusError } from "#api/meta/status.ts";
import { applyJsonPatch, jsonPatchFault, patchTypeFault } from "#api/patch/json.ts";
import { mutatingWebhookConfigurations } from "#api/resources.ts";
import { errorText } from "#base/log.ts";
import type { AdmissionAttributes, AdmissionPlugin, AdmissionRound } from "../admission.ts";
import { Reinvocations, replaceContents } from "../reinvocations.ts";
import type { HookIdentities } from "#apiserver/connect/hook-identities.ts";
import { HookCaller, HookFailure } from "./call.ts";
import { ConcernedHooks, type WebhookPluginDeps } from "./concerned.ts";
import { isExempt } from "./matching.ts";
import type { Named, ObjectTypes } from "./object-types.ts";
import type { AnyWebhook, Hook } from "./source.ts";
import { converted, isSameKind, type Subject } from "./version.ts";

const mutationPrefix = "mutation.webhook.admission.k8s.io/";
const patchPrefix = "patch.webhook.admission.k8s.io/";
const failedOpenPrefix = "failed-open.mutation.webhook.admission.k8s.io/";

export class MutatingWebhooks implements AdmissionPlugin {
  readonly name = "MutatingAdmissionWebhook";
  readonly #hooks: ConcernedHooks;
  readonly #caller: HookCaller;
  readonly #identities: HookIdentities | undefined;
  readonly #types: ObjectTypes;

  constructor(deps: WebhookPluginDeps) {
    this.#hooks = new ConcernedHooks(mutatingWebhookConfigurations, "admit", deps);
    this.#caller = new HookCaller(deps.hooks);
    this.#identities = deps.hooks.identities;
    this.#types = deps.types;
  }

  /** Throws KubeconfigError. */
  async load(): Promise<void> {
    await this.#identities?.load();
  }

  handles(): boolean {
    return !this.#hooks.isEmpty;
  }

  async admit(attributes: AdmissionAttributes, round: AdmissionRound): Promise<void> {
    if (isExempt(attributes)) return;
    const again = Reinvocations.begin(this.name, round, attributes.object);
    const hooks = await this.#hooks.all();
    for (const [index, hook] of hooks.entries()) {
      if (round.isSecond && !again.needs(hook.uid)) continue;
      const subject = await this.#hooks.subject(hook, attributes);
      if (subject === undefined) continue;
      const at = `round_${round.isSecond ? 1 : 0}_index_${index}`;
      if (await this.#ask(hook, subject, attributes, at)) {
        again.needAll();
        round.askForSecond();
      }
      if (hook.webhook.reinvocationPolicy === "IfNeeded") again.addWilling(hook.uid);
    }
    again.end(attributes.object);
  }

  /** Whether the object is another one now. */
  async #ask(hook: Hook, subject: Subject, attributes: AdmissionAttributes, at: string): Promise<boolean> {
    const { webhook, configuration } = hook;
    let mutated = false;
    try {
      const answer = await this.#caller.ask(webhook, attributes, subject, true);
      mutated = await this.#apply(hook, answer, { attributes, ...subject, at });
      return mutated;
    } catch (error) {
      if (!(error instanceof HookFailure)) throw error;
      if (!this.#caller.passes(webhook, error, true)) throw error.status;
      attributes.annotate(`${failedOpenPrefix}${at}`, webhook.name);
      return false;
    } finally {
      const fact = { configuration, webhook: webhook.name, mutated };
      attributes.annotate(`${mutationPrefix}${at}`, JSON.stringify(fact));
    }
  }

  async #apply(
    { webhook, configuration }: Hook,
    { patch = "", patchType = "JSONPatch" }: AdmissionResponse,
    write: {
      readonly attributes: AdmissionAttributes;
      readonly named: Named;
      readonly object: AnyObject | undefined;
      readonly at: string;
    },
  ): Promise<boolean> {
    const { attributes, named, object, at } = write;
    const operations = patch === "" ? [] : operationsOf(webhook, patch);
    if (operations.length === 0) return false;
    if (object === undefined || attributes.object === undefined) {
      throw internalError(
        `admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for this operation`,
      );
    }
    if (patchType !== "JSONPatch") {
      throw new HookFailure(webhook.name, `unsupported patch type ${JSON.stringify(patchType)}`);
    }
    const changed = this.#patched(object, operations, named);
    const isChange = !isSame(object, changed);
    const fact = { configuration, webhook: webhook.name, patch: operations, patchType };
    attributes.annotate(`${patchPrefix}${at}`, JSON.stringify(fact));
    const { gvk } = attributes;
    const back = isSameKind(gvk, named.gvk) ? changed : await converted(this.#types, changed, named.gvk, gvk);
    replaceContents(attributes.object, back);
    return isChange;
  }

  #patched(object: AnyObject, operations: readonly unknown[], named: Named): AnyObject {
    try {
      return this.#types.read(
        applyJsonPatch(this.#types.written(object, named.gvk), operations) as AnyObject,
        named.gvk,
      );
    } catch (error) {
      if (!(error instanceof StatusError)) throw error;
      throw internalError(patchFault(error), { cause: error });
    }
  }
}

/** Of what a patch made, too, where that can't be read. */
const patchFault = (error: StatusError): string =>
  error.cause instanceof DecodeError ? error.cause.message : jsonPatchFault(error);

/** upstream: jsonpatch.DecodePatch. Null is no operation. */
function operationsOf({ name }: AnyWebhook, patch: string): readonly unknown[] {
  const undecodable = (why: string, cause?: unknown): HookFailure =>
    new HookFailure(name, `received undecodable patch in webhook response: ${why}`, { cause });
  let parsed: unknown;
  try {
    parsed = parseJson(Buffer.from(patch, "base64").toString("utf8"));
  } catch (error) {
    throw undecodable(errorText(error), error);
  }
  const operations = parsed ?? [];
  const fault = patchTypeFault(operations);
  if (fault !== undefined) throw undecodable(fault);
  return operations as readonly unknown[];
}
