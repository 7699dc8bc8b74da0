/**
 * Strategy Webhook: many objects in one ConversionReview; what comes back may differ in all but kind, name and metadata.
 * Upstream asks for each object that it reads, and so each is told of by itself.
 * upstream: apiextensions-apiserver/pkg/apiserver/conversion/webhook_converter.go
 */
import { inKeyOrder } from "#api/codec/go-json.ts";
import type { CustomResourceConversion } from "#api/generated/types/apiextensions-v1.ts";
import { FaultList } from "#api/meta/fault-list.ts";
import { fieldErrorText } from "#api/meta/field-error.ts";
import { checkLabels, isSame } from "#api/meta/field-rules.ts";
import { checkAnnotations } from "#api/meta/object-meta-validation.ts";
import { parseApiVersion, type AnyObject, type ObjectMeta } from "#api/meta/object.ts";
import { failure } from "#api/meta/status.ts";
import { goTypeName, isMap } from "#api/patch/json-value.ts";
import type { Clock } from "#base/clock.ts";
import type { Random } from "#base/random.ts";
import type { Conversion, ConversionFailure } from "#apiserver/metrics/definition-metrics.ts";
import { HookCallError } from "#apiserver/connect/hook-answer.ts";
import type { HookClient } from "#apiserver/connect/hook-client.ts";
import type { Converter } from "./converter.ts";

export interface WebhookConverterDeps {
  readonly hooks: Pick<HookClient, "call">;
  readonly random: Random;
  readonly clock: Clock;
  readonly metrics: { converted(conversion: Conversion): void };
}

/** upstream: client-go's default for webhooks */
const timeoutSeconds = 30;
const group = "apiextensions.k8s.io";

/** The objects can't be had; what the client hears, and what metrics say. */
class ConversionError extends Error {
  override readonly name = "ConversionError";
  readonly why: ConversionFailure;
  constructor(why: ConversionFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.why = why;
  }
}

/** What is wrong with an answer. */
class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

export class WebhookConverter implements Converter {
  readonly convertNow = undefined;
  readonly #definition: string;
  readonly #webhook: NonNullable<CustomResourceConversion["webhook"]>;
  readonly #deps: WebhookConverterDeps;

  /** `definition`: whose conversion it is, "widgets.example.com". */
  constructor(
    definition: string,
    webhook: NonNullable<CustomResourceConversion["webhook"]>,
    deps: WebhookConverterDeps,
  ) {
    this.#definition = definition;
    this.#webhook = webhook;
    this.#deps = deps;
  }

  async convert(objects: readonly AnyObject[], apiVersion: string): Promise<readonly AnyObject[]> {
    const foreign = objects.filter((object) => object.apiVersion !== apiVersion);
    const [first] = foreign;
    if (first === undefined) return objects;
    const made = await this.#measured(first, apiVersion, () => this.#converted(foreign, apiVersion));
    const next = made.values();
    return objects.map((object) =>
      object.apiVersion === apiVersion ? object : (next.next().value ?? object),
    );
  }

  async #measured<T>(first: AnyObject, apiVersion: string, convert: () => Promise<T>): Promise<T> {
    const { clock, metrics } = this.#deps;
    const began = clock.monotonic();
    const done = (why: ConversionFailure): void => {
      metrics.converted({
        definition: this.#definition,
        from: parseApiVersion(first.apiVersion ?? "").version,
        to: parseApiVersion(apiVersion).version,
        ms: clock.monotonic() - began,
        failure: why,
      });
    };
    try {
      const answer = await convert();
      done("");
      return answer;
    } catch (error) {
      if (error instanceof ConversionError) {
        done(error.why);
        throw refused(error.message, error.cause);
      }
      throw error;
    }
  }

  async #converted(foreign: readonly AnyObject[], apiVersion: string): Promise<readonly AnyObject[]> {
    const about = aboutOf(foreign[0] ?? {});
    const converted = await this.#asked(foreign, apiVersion, about);
    if (converted.length !== foreign.length) {
      throw new ConversionError(
        "conversion_webhook_partial_response_failure",
        `${about} returned ${converted.length} objects, expected ${foreign.length}`,
      );
    }
    return foreign.map((object, index) => checked(object, converted[index], apiVersion));
  }

  async #asked(objects: readonly AnyObject[], desired: string, about: string): Promise<readonly unknown[]> {
    const { clientConfig, conversionReviewVersions } = this.#webhook;
    const version = conversionReviewVersions.find((each) => each === "v1" || each === "v1beta1");
    if (version === undefined) {
      throw new ConversionError("conversion_webhook_call_failure", "no supported conversion review versions");
    }
    const uid = this.#deps.random.uuid();
    try {
      const answer = await this.#deps.hooks.call({
        config: clientConfig ?? {},
        timeoutSeconds,
        body: {
          kind: "ConversionReview",
          apiVersion: `${group}/${version}`,
          request: { uid, desiredAPIVersion: desired, objects: objects.map(inKeyOrder) },
        },
      });
      return convertedObjects(answer, { uid, version });
    } catch (error) {
      if (!(error instanceof HookCallError) && !(error instanceof BadAnswer)) throw error;
      const why =
        error instanceof HookCallError
          ? "conversion_webhook_call_failure"
          : "conversion_webhook_malformed_response_failure";
      throw new ConversionError(why, `${about} failed: ${error.message}`, { cause: error });
    }
  }
}

const refused = (message: string, cause?: unknown): Error =>
  failure({ code: 500, reason: "", message }, cause === undefined ? {} : { cause });

/** What came back isn't what it should be. */
const unfit = (message: string): ConversionError =>
  new ConversionError("conversion_webhook_invalid_converted_object_failure", message);

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

const aboutOf = (object: AnyObject): string => `conversion webhook for ${kindText(object)}`;

function checked(original: AnyObject, answer: unknown, apiVersion: string): AnyObject {
  const about = aboutOf(original);
  const where = `${about} returned invalid object at index 0`;
  if (!isMap(answer)) throw unfit(`${where}: not an object`);
  const converted = answer as AnyObject;
  const { group: wantedGroup, version: wanted } = parseApiVersion(apiVersion);
  const got = parseApiVersion(converted.apiVersion ?? "");
  if (got.group !== wantedGroup || got.version !== wanted) {
    throw unfit(
      `${where}: invalid groupVersion (expected ${apiVersion}, received ${converted.apiVersion ?? ""})`,
    );
  }
  if (converted.kind !== original.kind) {
    throw unfit(`${where}: invalid kind (expected ${original.kind ?? ""}, received ${converted.kind ?? ""})`);
  }
  told(`${about} returned invalid object`, () => {
    checkIdentity(original, converted);
  });
  const metadata = told(`${about} returned invalid metadata`, () => restoredMeta(original, converted));
  return { ...converted, metadata };
}

function told<T>(what: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw error instanceof BadAnswer ? unfit(`${what}: ${error.message}`) : error;
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
  if (!isMap(answered)) {
    throw new BadAnswer(`invalid metadata of type ${goTypeName(answered)} in converted object`);
  }
  const {
    labels: labelsBefore,
    annotations: annotationsBefore,
    ...rest
  } = structuredClone(original.metadata ?? {});
  const labels = textsOf(answered, "labels");
  const annotations = textsOf(answered, "annotations");
  const faults = new FaultList();
  // What was there before may stay.
  if (!isSame(labels, labelsBefore)) checkLabels(labels, "metadata.labels", faults);
  if (!isSame(annotations, annotationsBefore)) checkAnnotations(annotations, "metadata.annotation", faults);
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
  if (!isMap(value)) {
    throw new BadAnswer(`invalid metadata.${field} of type ${goTypeName(value)} in converted object`);
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") {
      throw new BadAnswer(
        `metadata.${field}[${key}] must be a string, but is ${goTypeName(text)} in converted object`,
      );
    }
  }
  return value as Record<string, string>;
}
