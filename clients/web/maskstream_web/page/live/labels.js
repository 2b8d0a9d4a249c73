/** Masks of one frame as one picture that names the track of each pixel; pure. */

/** @import { Crop } from '../../client/types.js' */
import { OUTLINE, outlined } from '../../client/outlines.js';

/**
 * Paint crops over one another, large ones first, so that a small object in front stays visible.
 *
 * @param {number} width in mask pixels
 * @param {number} height
 * @param {(Crop | null)[]} crops one for each row; null has no mask
 * @returns {Uint16Array} as `labels` of a View
 */
export function composeLabels(width, height, crops) {
  const labels = new Uint16Array(width * height);
  const rows = crops.map((crop, row) => ({ crop, row })).filter(({ crop }) => crop !== null);
  rows.sort((one, other) => size(other.crop) - size(one.crop));
  for (const { crop, row } of rows) paint(labels, width, /** @type {Crop} */ (crop), 2 * (row + 1));
  return labels;
}

/** @param {Crop | null} crop */
function size(crop) {
  return crop === null ? 0 : crop.width * crop.height;
}

/**
 * @param {Uint16Array} labels
 * @param {number} stride
 * @param {Crop} crop
 * @param {number} value
 */
function paint(labels, stride, crop, value) {
  const { x0, y0, width, height, data } = outlined(crop);
  for (let y = 0; y < height; y += 1) {
    let to = (y0 + y) * stride + x0;
    for (let at = y * width; at < (y + 1) * width; at += 1, to += 1) {
      if (data[at] !== 0) labels[to] = data[at] === OUTLINE ? value + 1 : value;
    }
  }
}

/**
 * Return which row's track covers a pixel; -1 where none does.
 *
 * @param {{ labels: Uint16Array, width: number, height: number }} view
 * @param {number} x 0 to 1, from the left
 * @param {number} y 0 to 1, from the top
 */
export function rowAt({ labels, width, height }, x, y) {
  if (!(x >= 0 && y >= 0 && x < 1 && y < 1)) return -1;
  return (labels[Math.floor(y * height) * width + Math.floor(x * width)] >> 1) - 1;
}
