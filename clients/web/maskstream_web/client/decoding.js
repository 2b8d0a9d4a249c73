/** Decodes the masks of results in a worker, so that the main thread stays free to draw. */

import { MalformedResultError } from './errors.js';
import { decodeCrops } from './masks.js';
import { outlined } from './outlines.js';
import { parseResult } from './results.js';

/** @import { Result } from './result.js' */
/** @import { Crop } from './types.js' */

/**
 * What a worker answers.
 * @typedef {{ id: number, crops: Crop[] } | { id: number, error: string }} Answer
 */

/**
 * The masks of a RESULT, with their outlines marked.
 * @param {Uint8Array} bytes
 * @returns {Promise<Crop[]>}
 * @throws {MalformedResultError} the message, or a mask in it, cannot be taken apart
 */
export async function decodePixels(bytes) {
  return (await decodeCrops(parseResult(bytes))).map(outlined);
}

/** Starts a worker; without workers, as in Node, it decodes here. */
export class MaskDecoder {
  #worker = /** @type {Worker | null} */ (null);
  /** @type {Map<number, { resolve: (crops: Crop[]) => void, reject: (error: Error) => void }>} */
  #waiting = new Map();
  #numAsked = 0;

  constructor() {
    if (globalThis.Worker === undefined) return;
    this.#worker = new Worker(new URL('./decode-worker.js', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }) => this.#take(data);
    this.#worker.onerror = ({ message }) => this.#failAll(message);
  }

  /**
   * Set `pixels` of every track that has a mask; results may be given before earlier ones are done.
   * @template {Result} R
   * @param {R} result
   * @returns {Promise<R>} the same result
   * @throws {MalformedResultError} a mask cannot be taken apart
   */
  async decode(result) {
    if (!result.tracks.some((track) => track.hasMask)) return result;
    const crops = await (this.#worker ? this.#ask(result.bytes) : decodePixels(result.bytes));
    for (const [row, track] of result.tracks.entries()) {
      track.pixels = track.hasMask ? crops[row] : null;
    }
    return result;
  }

  /** End the worker; what it has not decoded is refused. */
  close() {
    this.#worker?.terminate();
    this.#failAll('The decoder was closed.');
  }

  /** @param {Uint8Array} bytes @returns {Promise<Crop[]>} */
  #ask(bytes) {
    const id = (this.#numAsked += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker?.postMessage({ id, bytes });
    });
  }

  /** @param {Answer} answer */
  #take(answer) {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('crops' in answer) waiting?.resolve(answer.crops);
    else waiting?.reject(new MalformedResultError(answer.error));
  }

  /** @param {string} why */
  #failAll(why) {
    for (const { reject } of this.#waiting.values()) reject(new MalformedResultError(why));
    this.#waiting.clear();
  }
}
