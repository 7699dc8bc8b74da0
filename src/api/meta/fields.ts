/**
 * Field selectors: "spec.nodeName=n1,status.phase!=Running". What fields a kind has is the registry's matter.
 * upstream: apimachinery/pkg/fields/selector.go
 */
import { SelectorError } from "./labels.ts";

export interface FieldRequirement {
  readonly field: string;
  readonly operator: "=" | "!=";
  readonly value: string;
}

export class FieldSelector {
  /** All must hold. */
  readonly requirements: readonly FieldRequirement[];

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }

  get everything(): boolean {
    return this.requirements.length === 0;
  }

  /** A field that `valueOf` doesn't know counts as empty. */
  matches(valueOf: (field: string) => string | undefined): boolean {
    return this.requirements.every(
      ({ field, operator, value }) => ((valueOf(field) ?? "") === value) === (operator === "="),
    );
  }

  /** The value that the field must have, if the selector says so. */
  exact(field: string): string | undefined {
    return this.requirements.find((one) => one.field === field && one.operator === "=")?.value;
  }

  toString(): string {
    return this.requirements
      .map(({ field, operator, value }) => `${field}${operator}${escapeFieldValue(value)}`)
      .join(",");
  }
}

export const everyField = new FieldSelector([]);

export const escapeFieldValue = (value: string): string => value.replace(/[\\,=]/g, (char) => `\\${char}`);

function unescape(text: string): string {
  return text.replace(/\\(.?)|[,=]/gsu, (match, escaped: string | undefined) => {
    if (escaped === undefined) {
      throw new SelectorError(
        `invalid field selector: unescaped character in value: ${match.codePointAt(0) ?? 0}`,
      );
    }
    if (!"\\,=".includes(escaped) || escaped === "") {
      throw new SelectorError(`invalid field selector: invalid escape sequence: ${match}`);
    }
    return escaped;
  });
}

/** Cut at commas that no backslash precedes. */
function terms(text: string): readonly string[] {
  return [...text.matchAll(/(?:\\.|[^,\\]|\\$)+/gs)].map(([term]) => term);
}

/** Throws SelectorError. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements = terms(text).map((term): FieldRequirement => {
    const [, field, sign, value] = /^(.*?)(!=|==|=)(.*)$/s.exec(term) ?? [];
    if (field === undefined || value === undefined) {
      throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    return { field, operator: sign === "!=" ? "!=" : "=", value: unescape(value) };
  });
  return new FieldSelector(requirements);
}
