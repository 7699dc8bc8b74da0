import { goJson, inKeyOrder } from "../codec/go-json.ts";

/** The same text for equal values of JSON, and for nothing else: what belongs together is found by an index. */
export const equalText = (value: unknown): string => (value === undefined ? "" : goJson(inKeyOrder(value)));
