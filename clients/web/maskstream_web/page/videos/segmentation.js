/** Masks of lines: COCO run lengths of the whole picture. */

/** @import { Crop } from '../../client/types.js' */
/** @import { LineObject } from './types.js' */
import { decodeRle } from '../../client/rle.js';

const ascii = new TextEncoder();

/**
 * @param {LineObject} object
 * @returns {Crop | null}
 */
export function cropOf({ segmentation }) {
  if (segmentation === null) return null;
  const [height, width] = segmentation.size;
  return { x0: 0, y0: 0, width, height, data: decodeRle(ascii.encode(segmentation.counts), width, height) };
}
