/** COCO compressed run-length strings of cropped masks (docs/protocol.md 3, `rle`). */

import { MalformedResultError } from './errors.js';

const FIRST_CHARACTER = 48;
const MORE = 0x20;
const SIGN = 0x10;
const VALUE = 0x1f;
/** Five bits each: 50 bits, far more than any run that fits into a picture. */
const MAX_CHARACTERS = 10;

/**
 * The mask of a run-length string, row by row.
 * @param {Uint8Array} bytes
 * @param {number} width
 * @param {number} height
 * @returns {Uint8Array} 0 or 1
 * @throws {MalformedResultError} no such string, or not of this size
 */
export function decodeRle(bytes, width, height) {
  const counts = runLengths(bytes);
  const size = width * height;
  // Each count is judged alone: negative ones can make up for too large ones in the sum.
  const total = counts.reduce((sum, length) => sum + length, 0);
  if (counts.some((length) => length < 0 || length > size) || total !== size) {
    throw new MalformedResultError(`The run lengths do not make up a mask of ${width}x${height}.`);
  }
  const mask = new Uint8Array(size);
  let place = 0;
  counts.forEach((length, index) => {
    if (index % 2 === 1) fillColumns(mask, place, place + length, width, height);
    place += length;
  });
  return mask;
}

/**
 * Set the pixels from `start` to `end`, counted down the columns.
 * @param {Uint8Array} mask
 * @param {number} start
 * @param {number} end
 * @param {number} width
 * @param {number} height
 */
function fillColumns(mask, start, end, width, height) {
  for (let place = start; place < end;) {
    const x = Math.floor(place / height);
    const columnEnd = Math.min(end, (x + 1) * height);
    const last = (columnEnd - 1 - x * height) * width + x;
    for (let pixel = (place - x * height) * width + x; pixel <= last; pixel += width) {
      mask[pixel] = 1;
    }
    place = columnEnd;
  }
}

/**
 * The counts of a string: five bits a character, low ones first. From the fourth count on, each is
 * stored as its difference from the one two before it.
 * @param {Uint8Array} bytes
 */
function runLengths(bytes) {
  /** @type {number[]} */
  const counts = [];
  let value = 0;
  let characters = 0;
  for (const byte of bytes) {
    const code = byte - FIRST_CHARACTER;
    if (code < 0 || code > 0x3f || characters === MAX_CHARACTERS) throw notRunLengths();
    value += (code & VALUE) * 32 ** characters;
    characters += 1;
    if (code & MORE) continue;
    if (code & SIGN) value -= 32 ** characters;
    counts.push(counts.length > 2 ? value + counts[counts.length - 2] : value);
    [value, characters] = [0, 0];
  }
  if (counts.length === 0 || characters > 0) throw notRunLengths();
  return counts;
}

function notRunLengths() {
  return new MalformedResultError('The mask is not a COCO run-length string.');
}
