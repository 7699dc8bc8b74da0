/** Compiles the expressions of admission policies, one after the other. upstream: apiserver/pkg/admission/plugin/cel/composition.go */
import type { TypeProvider } from "../checker.ts";
import type { Cel, Program } from "../environment.ts";
import { CompileError } from "../source.ts";
import { type CelType, describeType, sameType } from "../types.ts";
import { AdmissionTypes, admissionVariables } from "./declarations.ts";
import { appliedType, patchListType, PatchTypes } from "./patch-types.ts";

/** "Object" and "list(JSONPatch)" are what mutating policies make, and only there can it be made. */
export type ResultKind = "bool" | "string" | "string or null" | "any" | "Object" | "list(JSONPatch)";

export interface CompileOptions {
  readonly hasParams: boolean;
  readonly hasAuthorizer: boolean;
}

/** The kind that is judged, where it is known. */
export interface JudgedType {
  readonly type: CelType;
  /** Of the parameters, where it is known. */
  readonly params?: CelType | undefined;
  /** Of both. */
  readonly types: TypeProvider;
}

export interface ComposedVariable {
  readonly name: string;
  readonly expression: Expression;
}

/** An expression that compiled, or why it didn't. */
export interface Expression {
  readonly text: string;
  readonly program: Program | undefined;
  readonly fault: string;
}

export class ExpressionCompiler {
  readonly #cel: Cel;
  readonly #judged: JudgedType | undefined;
  readonly #types = new Map<string, CelType>();
  readonly variables: ComposedVariable[] = [];

  constructor(cel: Cel, judged?: JudgedType) {
    this.#cel = cel;
    this.#judged = judged;
  }

  /** Later expressions see it as `variables.name`. */
  addVariable(name: string, text: string, options: CompileOptions): Expression {
    const expression = this.compile(text, "any", options);
    if (expression.program !== undefined) this.#types.set(name, expression.program.type);
    this.variables.push({ name, expression });
    return expression;
  }

  compile(text: string, kind: ResultKind, options: CompileOptions): Expression {
    const types = new AdmissionTypes(this.#types, this.#judged?.types);
    const patches = kind === "Object" || kind === "list(JSONPatch)";
    const environment = this.#cel.environment({
      variables: admissionVariables({
        ...options,
        hasVariables: this.variables.length > 0,
        objectType: this.#judged?.type,
        paramsType: this.#judged?.params,
      }),
      types: patches ? new PatchTypes(types) : types,
      patches,
    });
    try {
      const program = environment.compile(text);
      const fault = resultFault(program.type, kind);
      return fault === undefined ? { text, program, fault: "" } : { text, program: undefined, fault };
    } catch (error) {
      if (error instanceof CompileError) {
        return { text, program: undefined, fault: error.detail };
      }
      throw error;
    }
  }
}

function resultFault(type: CelType, kind: ResultKind): string | undefined {
  if (kind === "any" || type.kind === kind) return undefined;
  if (kind === "Object" && sameType(type, appliedType)) return undefined;
  if (kind === "list(JSONPatch)" && sameType(type, patchListType)) return undefined;
  if (kind !== "string or null") return `must evaluate to ${kind} but got ${describeType(type)}`;
  if (type.kind === "string" || type.kind === "null") return undefined;
  return `must evaluate to one of [string null_type] but got ${describeType(type)}`;
}
