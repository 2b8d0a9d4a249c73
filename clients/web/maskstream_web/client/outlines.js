/** Borders of masks, two pixels wide. */

/** @import { Crop } from './types.js' */

export const INSIDE = 1;
export const OUTLINE = 2;

/**
 * The same mask with `OUTLINE` in place of 1 where a pixel is at most two steps from the outside.
 * @param {Crop} crop with 0 and 1
 * @returns {Crop}
 */
export function outlined(crop) {
  const { width, height, data } = crop;
  const marked = eroded(eroded(data, width, height), width, height);
  for (let at = 0; at < data.length; at += 1) {
    if (data[at] > marked[at]) marked[at] = OUTLINE;
  }
  return { ...crop, data: marked };
}

/**
 * The pixels of a mask all of whose four neighbours belong to it, too.
 * @param {Uint8Array} mask
 * @param {number} width
 * @param {number} height
 */
function eroded(mask, width, height) {
  const inner = new Uint8Array(mask.length);
  for (let y = 1; y < height - 1; y += 1) {
    const end = (y + 1) * width - 1;
    for (let at = y * width + 1; at < end; at += 1) {
      if (mask[at] === 0) continue;
      inner[at] = mask[at - 1] & mask[at + 1] & mask[at - width] & mask[at + width];
    }
  }
  return inner;
}
