/** What expressions of one place may name, and how they become programs. upstream: apiserver/pkg/cel/environment/base.go at 1.35 */
import { childrenOf, type Expr } from "./ast.ts";
import { check, type Checked, type TypeProvider } from "./checker.ts";
import { perCallLimit } from "./cost/budget.ts";
import { checkFormats } from "./format-check.ts";
import { Functions, type Library } from "./functions.ts";
import { addressesLibrary } from "./library/addresses.ts";
import { authorizerLibrary } from "./library/authorizer.ts";
import { jsonPatchLibrary, textsLibrary } from "./library/texts.ts";
import { listsLibrary } from "./library/lists.ts";
import { optionalsLibrary } from "./library/optionals.ts";
import { quantitiesLibrary } from "./library/quantities.ts";
import { standardLibrary } from "./library/standard.ts";
import { stringsLibrary } from "./library/strings.ts";
import { checkLiterals, patternFault } from "./literal-arguments.ts";
import { parse } from "./parser.ts";
import { Frame, Planner, type Activation, type Plan } from "./planner.ts";
import { RegexCompiler, type Re2 } from "./regex.ts";
import { CompileError, Issues } from "./source.ts";
import type { CelType } from "./types.ts";
import type { Value } from "./values.ts";

export interface EnvironmentOptions {
  readonly variables: Readonly<Record<string, CelType>>;
  readonly types?: TypeProvider;
  /** Of mutating policies: `Object{…}`, JSON patches. */
  readonly patches?: boolean;
  /** Of selectors of devices: `cel.bind(name, value, body)`. */
  readonly bindings?: boolean;
}

const noTypes: TypeProvider = { hasType: () => false, fieldType: () => undefined };

/** The functions of all environments. Made when the first expression is compiled. */
export class Cel {
  readonly regex: RegexCompiler;
  readonly #functions: Functions;
  readonly #patchFunctions: Functions;

  constructor(re2: Re2) {
    this.regex = new RegexCompiler(re2);
    const libraries: Library[] = [
      standardLibrary(this.regex),
      optionalsLibrary,
      stringsLibrary,
      listsLibrary,
      textsLibrary(this.regex),
      quantitiesLibrary,
      addressesLibrary,
      authorizerLibrary,
    ];
    this.#functions = new Functions(libraries);
    this.#patchFunctions = new Functions([...libraries, jsonPatchLibrary]);
  }

  environment(options: EnvironmentOptions): Environment {
    return new Environment(options, {
      functions: options.patches === true ? this.#patchFunctions : this.#functions,
      regex: this.regex,
    });
  }
}

interface EnvironmentParts {
  readonly functions: Functions;
  readonly regex: RegexCompiler;
}

export class Environment {
  readonly #parts: EnvironmentParts;
  readonly #variables: ReadonlyMap<string, CelType>;
  readonly #types: TypeProvider;
  readonly #takesBindings: boolean;

  constructor({ variables, types = noTypes, bindings = false }: EnvironmentOptions, parts: EnvironmentParts) {
    this.#takesBindings = bindings;
    this.#parts = parts;
    this.#variables = new Map(Object.entries(variables));
    this.#types = types;
  }

  /** Throws CompileError. */
  compile(source: string): Program {
    const issues = new Issues();
    const expr = parse(source, issues, this.#takesBindings);
    if (expr === undefined) throw new CompileError(issues.text(source));
    const checked = check(
      expr,
      { functions: this.#parts.functions, variables: this.#variables, types: this.#types },
      issues,
    );
    if (issues.count === 0) {
      checkLiterals(expr, this.#parts.regex, issues);
      checkFormats(checked, issues);
    }
    if (issues.count > 0) throw new CompileError(issues.text(source));
    const fault = patternFault(expr, this.#parts.regex);
    if (fault !== undefined) throw new CompileError(fault, "program instantiation");
    return new Program(checked);
  }
}

export interface Evaluation {
  /** A Fault where it went wrong. */
  readonly value: Value;
  readonly cost: number;
}

export class Program {
  readonly checked: Checked;
  #plan: Plan | undefined;

  constructor(checked: Checked) {
    this.checked = checked;
  }

  get type(): CelType {
    return this.checked.type;
  }

  /** Whether a variable is used anywhere. */
  names(variable: string): boolean {
    const uses = (expr: Expr): boolean =>
      this.checked.referenceOf(expr) === variable || childrenOf(expr).some(uses);
    return uses(this.checked.expr);
  }

  /** Throws CostLimitError, and what the variables throw. */
  run(variables: Activation, costLimit: number = perCallLimit): Evaluation {
    const frame = new Frame(variables, costLimit);
    this.#plan ??= new Planner(this.checked).plan(this.checked.expr);
    return { value: this.#plan.run(frame), cost: frame.cost };
  }
}
