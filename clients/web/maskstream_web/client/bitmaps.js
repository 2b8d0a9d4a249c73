/** Bit masks and label maps behind zlib (docs/protocol.md 3, `bits` and `labelmap`). */

import { MalformedResultError } from './errors.js';

/**
 * The mask of such bits, row by row.
 * @param {Uint8Array} bytes
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Uint8Array>} 0 or 1
 * @throws {MalformedResultError} not zlib, or not of this size
 */
export async function decodeBits(bytes, width, height) {
  const size = width * height;
  const packed = await inflate(bytes, Math.ceil(size / 8));
  const mask = new Uint8Array(size);
  for (let place = 0; place < size; place += 1) {
    mask[place] = (packed[place >> 3] >> (7 - (place & 7))) & 1;
  }
  return mask;
}

/**
 * A label map, row by row: 1 + row of the object table, 0 for nothing.
 * @param {Uint8Array} bytes
 * @param {number} size pixels of the map
 * @param {8 | 16} bits of each
 * @returns {Promise<Uint8Array | Uint16Array>}
 * @throws {MalformedResultError} not zlib, or not of this size
 */
export async function decodeLabelMap(bytes, size, bits) {
  const flat = await inflate(bytes, (size * bits) / 8);
  if (bits === 8) return flat;
  const view = new DataView(flat.buffer);
  return Uint16Array.from({ length: size }, (_, place) => view.getUint16(2 * place, true));
}

/**
 * What zlib has packed, which must have so many bytes: no more are ever unpacked.
 * @param {Uint8Array} bytes
 * @param {number} length
 */
async function inflate(bytes, length) {
  const inflated = new Uint8Array(length);
  let filled = 0;
  const packed = new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (bytes)]);
  const reader = packed.stream().pipeThrough(new DecompressionStream('deflate')).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      inflated.set(part.value, filled);
      filled += part.value.length;
    }
  } catch (cause) {
    reader.cancel().catch(() => {}); // It has failed already, or holds more than it may.
    throw new MalformedResultError(`The mask is not ${length} bytes behind zlib.`, { cause });
  }
  if (filled === length) return inflated;
  throw new MalformedResultError(`The mask has not the ${length} bytes of its size.`);
}
