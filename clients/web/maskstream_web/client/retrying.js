/** When a failed request is repeated. */

import { ConnectionFailedError, RefusedError } from './errors.js';
import { delayMs } from './options.js';

/** @import { RetryRules } from './types.js' */

/** Counts the failures in a row of one operation; nothing is repeated before a first response. */
export class Retrying {
  #rules;
  #signal;
  #wasReached = false;
  #numFailures = 0;
  /** @type {number | null} */
  #failingSinceMs = null;

  /** @param {RetryRules} rules @param {AbortSignal} [signal] */
  constructor(rules, signal) {
    this.#rules = rules;
    this.#signal = signal;
  }

  /** An attempt achieved something: count from zero. */
  noteProgress() {
    this.#wasReached = true;
    this.#numFailures = 0;
    this.#failingSinceMs = null;
  }

  /**
   * Do it until it succeeds.
   * @template T
   * @param {() => Promise<T>} attempt
   * @returns {Promise<T>}
   */
  async of(attempt) {
    for (;;) {
      try {
        const result = await attempt();
        this.noteProgress();
        return result;
      } catch (error) {
        await this.wait(error);
      }
    }
  }

  /**
   * Wait before the next attempt.
   * @param {unknown} error of the one before
   * @param {boolean} [helps] whether another attempt would help
   * @throws {unknown} that error, where another attempt would not help, or there were too many
   */
  async wait(error, helps = isTransient(error)) {
    this.#signal?.throwIfAborted();
    this.#wasReached ||= error instanceof RefusedError;
    if (!helps || !this.#wasReached) throw error;
    const nowMs = performance.now();
    this.#failingSinceMs ??= nowMs;
    const waitedMs = nowMs - this.#failingSinceMs;
    if (this.#numFailures > 0 && waitedMs >= this.#rules.giveUpAfterMs) throw error;
    const asked = error instanceof RefusedError ? error.retryAfterMs : 0;
    const pauseMs = Math.max(delayMs(this.#rules, this.#numFailures), asked);
    this.#numFailures += 1;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    this.#signal?.throwIfAborted();
  }
}

/** @param {unknown} error */
function isTransient(error) {
  if (error instanceof RefusedError) return error.status >= 500 || error.status === 429;
  return error instanceof ConnectionFailedError;
}
