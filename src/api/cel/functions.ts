/** Declarations of functions: what the checker resolves and the planner calls. upstream: cel-go common/decls */
import { splitTypes, typeFromText } from "./type-text.ts";
import type { CelType } from "./types.ts";
import type { Value } from "./values.ts";

export type Implementation = (args: readonly Value[]) => Value;

export interface Overload {
  readonly id: string;
  readonly isMember: boolean;
  readonly params: readonly CelType[];
  readonly result: CelType;
  readonly run: Implementation;
}

export interface FunctionDeclaration {
  readonly name: string;
  readonly overloads: readonly Overload[];
}

/**
 * Overloads of one function, one a line: "id: (int, int) -> int", or "id: string.(int) -> int" for a method.
 * All of them run the same code, which looks at its values where that matters.
 */
export interface LibraryFunction {
  readonly name: string;
  readonly overloads: readonly string[];
  readonly run: Implementation;
}

export type Library = readonly LibraryFunction[];

function parseOverload(line: string, run: Implementation): Overload {
  const [, id = "", target = "", params = "", result = ""] =
    /^(\S+): (?:([^()]+)\.)?\((.*)\) -> (.+)$/.exec(line) ?? [];
  const receiver = target === "" ? [] : [typeFromText(target)];
  return {
    id,
    isMember: target !== "",
    params: [...receiver, ...splitTypes(params).map(typeFromText)],
    result: typeFromText(result),
    run,
  };
}

/** Several libraries may add overloads to one function. Overloads are read when first asked for. */
export class Functions {
  readonly #byName = new Map<string, LibraryFunction[]>();
  readonly #declared = new Map<string, FunctionDeclaration>();

  constructor(libraries: readonly Library[]) {
    for (const each of libraries.flat()) {
      const known = this.#byName.get(each.name);
      if (known === undefined) this.#byName.set(each.name, [each]);
      else known.push(each);
    }
  }

  find(name: string): FunctionDeclaration | undefined {
    const known = this.#declared.get(name);
    if (known !== undefined) return known;
    const parts = this.#byName.get(name);
    if (parts === undefined) return undefined;
    const overloads = parts.flatMap((part) => part.overloads.map((line) => parseOverload(line, part.run)));
    const declared = { name, overloads };
    this.#declared.set(name, declared);
    return declared;
  }

  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }
}
