/**
 * How the whole of a struct is written as FieldsV1, by which fields it holds: objects of a kind hold the same few sets of
 * fields over and over, in the order their decoder gives them.
 */
import type { Field } from "./schema.ts";

/** The text of a struct is texts[0] + inner[0]'s + texts[1] + … */
export interface StructShape {
  /** The fields it holds, sorted by name. */
  readonly present: readonly Field[];
  readonly texts: readonly string[];
  /** Those whose text depends on their values. */
  readonly inner: readonly Field[];
}

/** By the names of the fields in the order they come. */
export class ShapeNode {
  readonly next = new Map<string, ShapeNode>();
  readonly field: Field | undefined;
  readonly before: ShapeNode | undefined;
  shape: StructShape | undefined;

  constructor(field?: Field, before?: ShapeNode) {
    this.field = field;
    this.before = before;
  }
}

/** Of one type. Clients may send fields in any order: the rest is made anew each time. */
const nodesMax = 1000;

export class StructShapes {
  readonly root = new ShapeNode();
  #nodes = 0;

  /** The node after this field. */
  after(node: ShapeNode, field: Field): ShapeNode {
    const made = new ShapeNode(field, node);
    if (this.#nodes < nodesMax) {
      node.next.set(field.name, made);
      this.#nodes++;
    }
    return made;
  }
}
