/** The most there was of something at once, second by second: told when it changes and when somebody asks. */
const secondMs = 1000;

export class SecondMax {
  #value = 0;
  #most = 0;
  #last = 0;
  #ends: number;

  /** `now`: of the clock's monotonic time, as below. */
  constructor(now: number) {
    this.#ends = now + secondMs;
  }

  add(more: number, now: number): void {
    if (now >= this.#ends) this.#turn(now);
    this.#value += more;
    if (this.#value > this.#most) this.#most = this.#value;
  }

  /** In the last second that is over. */
  last(now: number): number {
    if (now >= this.#ends) this.#turn(now);
    return this.#last;
  }

  #turn(now: number): void {
    const whole = Math.floor((now - this.#ends) / secondMs);
    // In the seconds since then nothing has happened.
    this.#last = whole > 0 ? this.#value : this.#most;
    this.#ends += (whole + 1) * secondMs;
    this.#most = this.#value;
  }
}
