/**
 * What is known of objects by the names of their fields, in the order they come. Objects of a kind come with the same few
 * orders over and over, so that what follows from the names alone is made once.
 */
export class KeyOrder<Made> {
  /** Of the last field; "" at the root. */
  readonly name: string;
  readonly before: KeyOrder<Made> | undefined;
  made: Made | undefined;
  /** The successor that was there first: mostly the only one. */
  #first: KeyOrder<Made> | undefined;
  #others: Map<string, KeyOrder<Made>> | undefined;

  constructor(name = "", before?: KeyOrder<Made>) {
    this.name = name;
    this.before = before;
  }

  next(name: string): KeyOrder<Made> | undefined {
    const first = this.#first;
    return first?.name === name ? first : this.#others?.get(name);
  }

  add(next: KeyOrder<Made>): void {
    if (this.#first === undefined) this.#first = next;
    else (this.#others ??= new Map()).set(next.name, next);
  }

  /** In the order they came. */
  names(): string[] {
    return this.before === undefined ? [] : [...this.before.names(), this.name];
  }
}

/** Clients may send fields in any order: what is more than this is made anew each time. */
const ordersMax = 1000;

/** Of one type. */
export class KeyOrders<Made> {
  readonly root = new KeyOrder<Made>();
  #count = 0;

  after(order: KeyOrder<Made>, name: string): KeyOrder<Made> {
    const known = order.next(name);
    if (known !== undefined) return known;
    const made = new KeyOrder(name, order);
    if (this.#count < ordersMax) {
      order.add(made);
      this.#count++;
    }
    return made;
  }
}
