/**
 * Which of the names that a definition asks for it gets. Pure.
 * upstream: apiextensions-apiserver/pkg/controller/status/naming_controller.go
 */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
} from "#api/generated/types/apiextensions-v1.ts";

export interface NamesVerdict {
  readonly accepted: CustomResourceDefinitionNames;
  /** Undefined: no conflict. */
  readonly conflict: { readonly reason: string; readonly message: string } | undefined;
}

export interface TakenNames {
  readonly acceptedNames: CustomResourceDefinitionNames | undefined;
}

/** `others`: what the definitions of the same group have; the one itself may be among them. */
export function judgeNames(crd: CustomResourceDefinition, others: readonly TakenNames[]): NamesVerdict {
  const taken = others.map(({ acceptedNames }) => acceptedNames);
  const resources = new Set(
    taken.flatMap((names) => [names?.plural, names?.singular, ...(names?.shortNames ?? [])]),
  );
  const kinds = new Set(taken.flatMap((names) => [names?.kind, names?.listKind]));
  return new Judge(crd, resources, kinds).verdict();
}

type Taken = ReadonlySet<string | undefined>;

class Judge {
  readonly #wanted: CustomResourceDefinitionNames;
  readonly #owned: Partial<CustomResourceDefinitionNames>;
  readonly #resources: Taken;
  readonly #kinds: Taken;
  #conflict: NamesVerdict["conflict"];

  constructor(crd: CustomResourceDefinition, resources: Taken, kinds: Taken) {
    this.#wanted = crd.spec.names;
    this.#owned = crd.status?.acceptedNames ?? {};
    this.#resources = resources;
    this.#kinds = kinds;
  }

  verdict(): NamesVerdict {
    const plural = this.#one("plural", "PluralConflict", this.#resources);
    const singular = this.#one("singular", "SingularConflict", this.#resources);
    const shortNames = this.#shortNames();
    const kind = this.#one("kind", "KindConflict", this.#kinds);
    const listKind = this.#one("listKind", "ListKindConflict", this.#kinds);
    const { categories } = this.#wanted;
    const accepted = {
      plural,
      singular,
      ...(shortNames === undefined ? {} : { shortNames }),
      kind,
      listKind,
      ...(categories === undefined ? {} : { categories }),
    };
    return { accepted, conflict: this.#conflict };
  }

  #one(field: "plural" | "singular" | "kind" | "listKind", reason: string, taken: Taken): string {
    const wanted = this.#wanted[field] ?? "";
    const owned = this.#owned[field] ?? "";
    if (wanted === owned || !taken.has(wanted)) return wanted;
    this.#conflict = { reason, message: inUse(wanted) };
    return owned;
  }

  #shortNames(): string[] | undefined {
    const own = new Set(this.#owned.shortNames);
    const bad = (this.#wanted.shortNames ?? []).filter((name) => !own.has(name) && this.#resources.has(name));
    if (bad.length === 0) return this.#wanted.shortNames;
    const texts = bad.map(inUse);
    const message = texts.length === 1 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
    this.#conflict = { reason: "ShortNamesConflict", message };
    return this.#owned.shortNames;
  }
}

const inUse = (name: string): string => `${JSON.stringify(name)} is already in use`;
