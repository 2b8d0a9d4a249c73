/** The pixels of a result's masks, in every encoding of the protocol (docs/protocol.md 3). */

import { decodeBits, decodeLabelMap } from './bitmaps.js';
import { MalformedResultError } from './errors.js';
import { decodeRings, fillRings } from './polygons.js';
import { decodeRle } from './rle.js';

/** @import { Crop } from './types.js' */
/** @import { ObjectRecord, ResultMessage } from './results.js' */

/** Pixels that are decoded of one result at most, all masks together. */
export const MAX_PIXELS = 2 ** 28;

/** @type {WeakMap<ResultMessage, Promise<Uint8Array | Uint16Array>>} */
const labelMaps = new WeakMap();

/**
 * The mask of one object within its box; an empty crop where it has none.
 *
 * In a label map only what is in front is left of a mask.
 * @param {ResultMessage} message
 * @param {ObjectRecord} record one of its objects
 * @returns {Promise<Crop>}
 * @throws {MalformedResultError} its bytes are not what its codec says
 */
export async function decodeCrop(message, record) {
  const [x0, y0, x1, y1] = record.box;
  const [width, height] = [x1 - x0, y1 - y0];
  checkSize(width * height);
  const isEmpty = width === 0 || height === 0;
  const data = isEmpty ? new Uint8Array(0) : await pixelsOf(message, record, width, height);
  return { x0, y0, width, height, data };
}

/**
 * The masks of all objects.
 * @param {ResultMessage} message
 * @returns {Promise<Crop[]>}
 * @throws {MalformedResultError} see `decodeCrop`; or they have more than `MAX_PIXELS`
 */
export async function decodeCrops(message) {
  const sizes = message.objects.map(({ box: [x0, y0, x1, y1] }) => (x1 - x0) * (y1 - y0));
  checkSize(sizes.reduce((sum, size) => sum + size, 0));
  return Promise.all(message.objects.map((record) => decodeCrop(message, record)));
}

/**
 * The label map of a result that has one, row by row: 1 + row of the object table, 0 for nothing.
 * @param {ResultMessage} message
 * @returns {Promise<Uint8Array | Uint16Array>}
 * @throws {MalformedResultError} the result has none, or it is not of this size
 */
export function decodeLabels(message) {
  const known = labelMaps.get(message) ?? labelsOf(message);
  labelMaps.set(message, known);
  return known;
}

/** @param {ResultMessage} message */
async function labelsOf({ maskCodec, maskWidth, maskHeight, blob }) {
  if (maskCodec !== 'labelmap8' && maskCodec !== 'labelmap16') {
    throw new MalformedResultError(`A result with ${maskCodec} has no label map.`);
  }
  checkSize(maskWidth * maskHeight);
  return decodeLabelMap(blob, maskWidth * maskHeight, maskCodec === 'labelmap8' ? 8 : 16);
}

/**
 * @param {ResultMessage} message
 * @param {ObjectRecord} record
 * @param {number} width
 * @param {number} height
 */
function pixelsOf(message, record, width, height) {
  const { box, maskOffset, maskLength } = record;
  const bytes = message.blob.subarray(maskOffset, maskOffset + maskLength);
  switch (message.maskCodec) {
    case 'rle':
      return decodeRle(bytes, width, height);
    case 'bits':
      return decodeBits(bytes, width, height);
    case 'polygons':
      return fillRings(relative(decodeRings(bytes), box), width, height);
    case 'none':
      return new Uint8Array(width * height);
    default:
      return cutLabels(message, record, width, height);
  }
}

/** @param {import('./polygons.js').Point[][]} rings @param {ObjectRecord['box']} box */
function relative(rings, [x0, y0]) {
  return rings.map((ring) =>
    ring.map(([x, y]) => /** @type {import('./polygons.js').Point} */ ([x - x0, y - y0])),
  );
}

/**
 * @param {ResultMessage} message
 * @param {ObjectRecord} record
 * @param {number} width
 * @param {number} height
 */
async function cutLabels(message, record, width, height) {
  const labels = await decodeLabels(message);
  const label = message.objects.indexOf(record) + 1;
  const mask = new Uint8Array(width * height);
  for (let row = 0; row < height; row += 1) {
    const start = (record.box[1] + row) * message.maskWidth + record.box[0];
    for (let x = 0; x < width; x += 1) mask[row * width + x] = Number(labels[start + x] === label);
  }
  return mask;
}

/** @param {number} pixels */
function checkSize(pixels) {
  if (pixels > MAX_PIXELS) {
    throw new MalformedResultError(`Masks of ${pixels} pixels are more than ${MAX_PIXELS}.`);
  }
}
