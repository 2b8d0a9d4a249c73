/** The results of a whole video: one line of JSON for each frame (docs/videos.md). */

import { MalformedResultError } from './errors.js';
import { MAX_PIXELS } from './masks.js';
import { decodeRle } from './rle.js';

/** @import { Crop, TrackStatus } from './types.js' */

/**
 * One object on one frame.
 * @typedef {object} LineObject
 * @property {number} track_id its identity, the same on every frame
 * @property {number} class_id
 * @property {string} label name of its class
 * @property {number} score 0 to 1
 * @property {TrackStatus} status
 * @property {number} age frames since birth
 * @property {[number, number, number, number]} box x0, y0, x1, y1, half open, in mask pixels
 * @property {number} area pixels of its mask
 * @property {{ size: [number, number], counts: string } | null} segmentation compressed COCO RLE
 */

/**
 * What was found in one frame.
 * @typedef {object} FrameLine
 * @property {number} frame its index, from 0
 * @property {number | null} time_s its presentation time
 * @property {[number, number]} size height and width of the mask grid
 * @property {LineObject[]} objects
 */

/**
 * The mask of an object of a line within its box; null where it has none.
 * @param {LineObject} object
 * @returns {Crop | null}
 * @throws {MalformedResultError} its run lengths are none, or not of its size
 */
export function lineCrop({ box: [x0, y0, x1, y1], segmentation }) {
  if (segmentation === null || x1 <= x0 || y1 <= y0) return null;
  const [gridHeight, gridWidth] = segmentation.size;
  const isInside = x0 >= 0 && y0 >= 0 && x1 <= gridWidth && y1 <= gridHeight;
  if (!isInside || gridWidth * gridHeight > MAX_PIXELS) {
    throw new MalformedResultError('The box of an object is not inside the picture.');
  }
  const counts = new TextEncoder().encode(segmentation.counts);
  const mask = decodeRle(counts, gridWidth, gridHeight);
  const [width, height] = [x1 - x0, y1 - y0];
  const data = new Uint8Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const start = (y0 + row) * gridWidth + x0;
    data.set(mask.subarray(start, start + width), row * width);
  }
  return { x0, y0, width, height, data };
}
