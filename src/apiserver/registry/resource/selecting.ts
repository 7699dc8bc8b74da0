/**
 * Claims, their templates and device classes: what selects devices must compile. Selectors of a claim and a template
 * never change, and those of a class are looked at when they do. upstream: pkg/registry/resource
 */
import type { Expressions } from "#api/expressions.ts";
import type { FieldError } from "#api/meta/field-error.ts";
import type { AnyObject } from "#api/meta/object.ts";
import type { SelectorExpression } from "#api/resource/selectors.ts";
import { merged } from "./fault-order.ts";
import { DelegatingStrategy, isSame, type DefaultStrategy, type Finish } from "../strategy.ts";

type Load = () => Promise<Pick<Expressions, "cel" | "deviceSelectorFault">>;
type SelectorsOf = (object: AnyObject) => readonly SelectorExpression[];
/** What else a new object is refused for that has to be looked up. */
type FaultsOf = (object: AnyObject) => Promise<readonly FieldError[]>;

const nothingTaken: Finish = () => Promise.resolve();

export class SelectingStrategy extends DelegatingStrategy {
  readonly #selectorsOf: SelectorsOf;
  readonly #load: Load;
  readonly #faultsOfNew: FaultsOf;
  /** Of objects that are being written. */
  readonly #faults = new WeakMap<AnyObject, readonly FieldError[]>();
  readonly #lookedUp = new WeakMap<AnyObject, readonly FieldError[]>();

  constructor(
    base: DefaultStrategy,
    selectorsOf: SelectorsOf,
    load: Load,
    faultsOfNew: FaultsOf = () => Promise.resolve([]),
  ) {
    super(base);
    this.#selectorsOf = selectorsOf;
    this.#load = load;
    this.#faultsOfNew = faultsOfNew;
  }

  override validateCreate(object: AnyObject): readonly FieldError[] {
    const lookedUp = this.#lookedUp.get(object) ?? [];
    return [...lookedUp, ...merged(super.validateCreate(object), this.#faults.get(object) ?? [])];
  }

  override validateUpdate(object: AnyObject, old: AnyObject): readonly FieldError[] {
    return merged(super.validateUpdate(object, old), this.#faults.get(object) ?? []);
  }

  /** The last place that may wait: what compiles has to be loaded. */
  async beginCreate(object: AnyObject): Promise<Finish> {
    this.#lookedUp.set(object, await this.#faultsOfNew(object));
    await this.#compile(object, this.#selectorsOf(object));
    return nothingTaken;
  }

  async beginUpdate(object: AnyObject, old: AnyObject): Promise<Finish> {
    const selectors = this.#selectorsOf(object);
    if (!isSame(selectors, this.#selectorsOf(old))) await this.#compile(object, selectors);
    return nothingTaken;
  }

  async #compile(object: AnyObject, selectors: readonly SelectorExpression[]): Promise<void> {
    if (selectors.length === 0) return;
    const { cel, deviceSelectorFault } = await this.#load();
    const faults = selectors.map(({ text, path }) => deviceSelectorFault(cel, text, path));
    this.#faults.set(
      object,
      faults.filter((fault) => fault !== undefined),
    );
  }
}
