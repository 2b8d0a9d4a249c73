/** Waiting until something holds, looked at again whenever something has changed. */

export class Changes {
  /** @type {(value?: unknown) => void} */
  #wake = () => {};
  /** @type {Promise<unknown>} */
  #next = Promise.resolve();

  constructor() {
    this.#renew();
  }

  /** Something has changed. */
  notify() {
    const wake = this.#wake;
    this.#renew();
    wake();
  }

  /** @param {() => boolean} holds */
  async until(holds) {
    while (!holds()) await this.#next;
  }

  #renew() {
    this.#next = new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
