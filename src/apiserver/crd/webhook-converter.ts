/**
 * Strategy Webhook: many objects in one ConversionReview; what comes back may differ in all but kind, name and metadata.
 * upstream: apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go
 */
import type { CustomResourceConversion } from "#api/generated/types/apiextensions-v1.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { checkLabels } from "#api/meta/field-rules.ts";
import { checkAnnotations } from "#api/meta/object-meta-validation.ts";
import { parseApiVersion, type AnyObject, type ObjectMeta } from "#api/meta/object.ts";
import { failure } from "#api/meta/status.ts";
import { isMap } from "#api/patch/json-value.ts";
import type { Random } from "#base/random.ts";
import { HookCallError, type HookClient } from "#apiserver/connect/hook-client.ts";
import type { Converter } from "./converter.ts";

export interface WebhookConverterDeps {
  readonly hooks: Pick<HookClient, "call">;
  readonly random: Random;
}

/** upstream: client-go's default for webhooks */
const timeoutSeconds = 30;
const group = "apiextensions.k8s.io";

/** What is wrong with an answer. */
class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

export class WebhookConverter implements Converter {
  readonly convertNow = undefined;
  readonly #webhook: NonNullable<CustomResourceConversion["webhook"]>;
  readonly #deps: WebhookConverterDeps;

  constructor(webhook: NonNullable<CustomResourceConversion["webhook"]>, deps: WebhookConverterDeps) {
    this.#webhook = webhook;
    this.#deps = deps;
  }

  async convert(objects: readonly AnyObject[], apiVersion: string): Promise<readonly AnyObject[]> {
    const foreign = objects.filter((object) => object.apiVersion !== apiVersion);
    const [first] = foreign;
    if (first === undefined) return objects;
    const about = `conversion webhook for ${kindText(first)}`;
    const converted = await this.#asked(foreign, apiVersion, about);
    if (converted.length !== foreign.length) {
      throw refused(`${about} returned ${converted.length} objects, expected ${foreign.length}`);
    }
    const made = foreign.map((object, index) =>
      checked(object, converted[index], { apiVersion, about, index }),
    );
    const next = made.values();
    return objects.map((object) =>
      object.apiVersion === apiVersion ? object : (next.next().value ?? object),
    );
  }

  async #asked(objects: readonly AnyObject[], desired: string, about: string): Promise<readonly unknown[]> {
    const { clientConfig, conversionReviewVersions } = this.#webhook;
    const version = conversionReviewVersions.find((each) => each === "v1" || each === "v1beta1");
    if (version === undefined) throw refused("no supported conversion review versions");
    const uid = this.#deps.random.uuid();
    try {
      const answer = await this.#deps.hooks.call({
        config: clientConfig ?? {},
        timeoutSeconds,
        body: {
          kind: "ConversionReview",
          apiVersion: `${group}/${version}`,
          request: { uid, desiredAPIVersion: desired, objects },
        },
      });
      return convertedObjects(answer, { uid, version });
    } catch (error) {
      if (!(error instanceof HookCallError) && !(error instanceof BadAnswer)) throw error;
      throw refused(`${about} failed: ${error.message}`, error);
    }
  }
}

const refused = (message: string, cause?: Error): Error =>
  failure({ code: 500, reason: "", message }, cause === undefined ? {} : { cause });

function kindText({ apiVersion = "", kind = "" }: AnyObject): string {
  const { group: own, version } = parseApiVersion(apiVersion);
  return `${own}/${version}, Kind=${kind}`;
}

function convertedObjects(
  answer: unknown,
  { uid, version }: { readonly uid: string; readonly version: string },
): readonly unknown[] {
  const review = isMap(answer) ? (answer as AnyObject) : {};
  if (version === "v1" && (review.apiVersion !== `${group}/v1` || review.kind !== "ConversionReview")) {
    throw new BadAnswer(
      `expected webhook response of ${group}/v1, Kind=ConversionReview, got ${kindText(review)}`,
    );
  }
  const { response } = review;
  if (!isMap(response)) throw new BadAnswer("no response provided");
  if (version === "v1" && response["uid"] !== uid) {
    throw new BadAnswer(
      `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response["uid"] ?? "")}`,
    );
  }
  const result = isMap(response["result"]) ? response["result"] : {};
  const { status = "", message = "" } = result as { readonly status?: string; readonly message?: string };
  if (status !== "Success") {
    throw new BadAnswer(message === "" ? `response.result.status was '${status}', not 'Success'` : message);
  }
  const { convertedObjects: objects } = response;
  return Array.isArray(objects) ? (objects as unknown[]) : [];
}

interface Expected {
  readonly apiVersion: string;
  readonly about: string;
  readonly index: number;
}

function checked(original: AnyObject, answer: unknown, { apiVersion, about, index }: Expected): AnyObject {
  const where = `object at index ${index}`;
  if (!isMap(answer)) throw refused(`${about} returned invalid converted ${where}: not an object`);
  const converted = answer as AnyObject;
  const { group: wantedGroup, version: wanted } = parseApiVersion(apiVersion);
  const got = parseApiVersion(converted.apiVersion ?? "");
  if (got.group !== wantedGroup || got.version !== wanted) {
    throw refused(
      `${about} returned invalid converted ${where}: invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion ?? ""})`,
    );
  }
  if (converted.kind !== original.kind) {
    throw refused(
      `${about} returned invalid converted ${where}: invalid kind (expected ${original.kind ?? ""}, received ${converted.kind ?? ""})`,
    );
  }
  try {
    checkIdentity(original, converted);
  } catch (error) {
    throw error instanceof BadAnswer
      ? refused(`${about} returned invalid converted ${where}: ${error.message}`)
      : error;
  }
  try {
    return { ...converted, metadata: restoredMeta(original, converted) };
  } catch (error) {
    throw error instanceof BadAnswer
      ? refused(`${about} returned invalid metadata in ${where}: ${error.message}`)
      : error;
  }
}

function checkIdentity(original: AnyObject, converted: AnyObject): void {
  for (const [field, name] of [
    ["name", "name"],
    ["namespace", "namespace"],
    ["uid", "UID"],
  ] as const) {
    const before = original.metadata?.[field] ?? "";
    const after = converted.metadata?.[field] ?? "";
    if (before !== after) throw new BadAnswer(`must have the same ${name}: ${before} != ${after}`);
  }
}

/** The metadata from before, but for labels and annotations: those are the webhook's to change. */
function restoredMeta(original: AnyObject, converted: AnyObject): ObjectMeta {
  const answered: unknown = converted.metadata;
  if (answered === undefined) throw new BadAnswer("missing metadata in converted object");
  if (!isMap(answered)) throw new BadAnswer("invalid metadata in converted object");
  const { labels: _labels, annotations: _annotations, ...rest } = structuredClone(original.metadata ?? {});
  const labels = textsOf(answered, "labels");
  const annotations = textsOf(answered, "annotations");
  const faults = new FaultList();
  checkLabels(labels, "metadata.labels", faults);
  checkAnnotations(annotations, "metadata.annotation", faults);
  if (faults.count > 0) {
    const texts = faults.all.map(fieldErrorText);
    throw new BadAnswer(texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`);
  }
  return {
    ...rest,
    ...(labels === undefined ? {} : { labels }),
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function textsOf(
  metadata: Readonly<Record<string, unknown>>,
  field: "labels" | "annotations",
): Record<string, string> | undefined {
  const value = metadata[field];
  if (value === undefined || value === null) return undefined;
  if (!isMap(value)) throw new BadAnswer(`invalid metadata.${field} in converted object`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new BadAnswer(`metadata.${field}[${key}] must be a string in converted object`);
    }
  }
  return value as Record<string, string>;
}
