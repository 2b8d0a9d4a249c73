/** Figures of a stream's health over the last seconds; pure. */

/** @import { Latency, View } from './types.js' */

const WINDOW_MS = 4000;
/** @type {(keyof Latency)[]} */
export const PARTS = ['network', 'queue', 'decode', 'model', 'encode'];

/**
 * @typedef {object} Health
 * @property {number} fps results per second
 * @property {Latency | null} latency the mean of each part, in milliseconds
 * @property {number} totalMs
 * @property {Map<string, number>} drops how many frames got no result, by reason
 */

export class Rates {
  constructor() {
    /** @type {{ atMs: number, latency: Latency | null }[]} */
    this.recent = [];
    /** @type {Map<string, number>} */
    this.drops = new Map();
  }

  /**
   * @param {View} view
   * @param {number} atMs when it came
   */
  add({ latency }, atMs) {
    this.recent.push({ atMs, latency });
  }

  /** @param {string} reason */
  drop(reason) {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  /**
   * @param {number} nowMs
   * @returns {Health}
   */
  health(nowMs) {
    this.recent = this.recent.filter(({ atMs }) => atMs > nowMs - WINDOW_MS);
    const known = this.recent.flatMap(({ latency }) => (latency ? [latency] : []));
    const latency = known.length === 0 ? null : meanOf(known);
    const totalMs = latency === null ? 0 : PARTS.reduce((sum, part) => sum + latency[part], 0);
    return { fps: this.fps(), latency, totalMs, drops: this.drops };
  }

  fps() {
    const [first] = this.recent;
    const last = this.recent.at(-1);
    if (!first || !last || last.atMs <= first.atMs) return 0;
    return ((this.recent.length - 1) * 1000) / (last.atMs - first.atMs);
  }
}

/**
 * @param {Latency[]} latencies
 * @returns {Latency}
 */
function meanOf(latencies) {
  const mean = (/** @type {keyof Latency} */ part) =>
    latencies.reduce((sum, latency) => sum + latency[part], 0) / latencies.length;
  return {
    network: mean('network'),
    queue: mean('queue'),
    decode: mean('decode'),
    model: mean('model'),
    encode: mean('encode'),
  };
}
