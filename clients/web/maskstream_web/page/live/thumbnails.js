/** A small picture of each track, cut out of the frame on which it was largest and surest. */

/** @import { View } from './types.js' */
import { element } from '../shared/dom.js';

const SIDE = 88;
/** A better one replaces it where it is better by this factor. */
const BETTER = 1.2;
const MAX_KEPT = 300;

export class Thumbnails {
  constructor() {
    /** @type {Map<string, { canvas: HTMLCanvasElement, quality: number }>} by key, oldest first */
    this.kept = new Map();
  }

  /**
   * @param {ImageBitmap} picture
   * @param {View} view of it
   */
  take(picture, view) {
    for (const { key, box, score, area, status } of view.tracks) {
      const quality = score * Math.sqrt(area);
      const known = this.kept.get(key);
      if (box[2] === box[0] || status === 'missed') continue;
      if (known && quality < known.quality * BETTER) continue;
      const canvas = known?.canvas ?? element('canvas', { width: SIDE, height: SIDE });
      cut(canvas, picture, box, picture.width / view.width);
      this.kept.set(key, { canvas, quality });
    }
    for (const key of this.kept.keys()) {
      if (this.kept.size <= MAX_KEPT) break;
      this.kept.delete(key);
    }
  }

  /** @param {string} key @returns {HTMLCanvasElement | null} */
  of(key) {
    return this.kept.get(key)?.canvas ?? null;
  }
}

/**
 * Draw a square around the middle of a box, as large as its longer side.
 *
 * @param {HTMLCanvasElement} canvas
 * @param {ImageBitmap} picture
 * @param {[number, number, number, number]} box in mask pixels
 * @param {number} scale from mask pixels to those of the picture
 */
function cut(canvas, picture, [x0, y0, x1, y1], scale) {
  const side = Math.min(Math.max(x1 - x0, y1 - y0) * scale * 1.15, picture.width, picture.height);
  const place = (/** @type {number} */ middle, /** @type {number} */ room) =>
    Math.max(0, Math.min(room - side, middle * scale - side / 2));
  const left = place((x0 + x1) / 2, picture.width);
  const top = place((y0 + y1) / 2, picture.height);
  canvas.getContext('2d')?.drawImage(picture, left, top, side, side, 0, 0, SIDE, SIDE);
}
