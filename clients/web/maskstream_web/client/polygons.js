/** Outlines of masks as rings of pixel centres (docs/protocol.md 3, `polygons`). */

import { MalformedResultError } from './errors.js';

/** @typedef {[number, number]} Point */

/**
 * The rings of a mask's bytes, in mask pixels.
 * @param {Uint8Array} bytes
 * @returns {Point[][]}
 * @throws {MalformedResultError} the bytes end early or continue after the last ring
 */
export function decodeRings(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  const number = () => {
    offset += 2;
    if (offset > bytes.length) throw new MalformedResultError('The rings of a polygon end early.');
    return view.getInt16(offset - 2, true);
  };
  const point = () => /** @type {Point} */ ([number(), number()]);
  const count = () => number() & 0xffff;
  const rings = repeated(count(), () => repeated(count(), point));
  if (offset !== bytes.length) {
    throw new MalformedResultError('The rings of a polygon do not fill its bytes.');
  }
  return rings;
}

/**
 * The mask whose borders these are, row by row: what lies on a ring belongs to it, and what lies
 * strictly inside by the even-odd rule.
 * @param {Point[][]} rings in pixels of the mask
 * @param {number} width
 * @param {number} height
 * @returns {Uint8Array} 0 or 1
 * @throws {MalformedResultError} a ring leaves the mask, or is longer than any border of one
 */
export function fillRings(rings, width, height) {
  const edges = rings.flatMap((ring) => edgesOf(ring, width, height));
  // The border of a mask passes each side of each pixel at most once; this bounds the work below.
  const length = edges.reduce((sum, [[ax, ay], [bx, by]]) => sum + steps(bx - ax, by - ay), 0);
  if (length > 4 * width * height) {
    throw new MalformedResultError('A polygon is longer than any border in its box.');
  }
  const mask = new Uint8Array(width * height);
  const toggles = new Uint8Array((width + 1) * height);
  for (const [from, to] of edges) toggle(toggles, width + 1, from, to);
  fillToggled(mask, toggles, width);
  for (const [from, to] of edges) draw(mask, width, from, to);
  return mask;
}

/**
 * @param {Point[]} ring
 * @param {number} width
 * @param {number} height
 * @returns {[Point, Point][]}
 */
function edgesOf(ring, width, height) {
  const isInside = ring.every(([x, y]) => x >= 0 && x < width && y >= 0 && y < height);
  if (ring.length === 0 || !isInside) {
    throw new MalformedResultError('A polygon leaves the box of its object.');
  }
  return ring.map((point, index) => [point, ring[(index + 1) % ring.length]]);
}

/** @param {number} dx @param {number} dy */
const steps = (dx, dy) => Math.max(Math.abs(dx), Math.abs(dy));

/**
 * On every row from the edge's upper end to just above its lower one, toggle the first pixel that
 * lies right of the edge.
 * @param {Uint8Array} toggles
 * @param {number} stride
 * @param {Point} from
 * @param {Point} to
 */
function toggle(toggles, stride, from, to) {
  const [[ax, ay], [bx, by]] = from[1] <= to[1] ? [from, to] : [to, from];
  for (let y = ay; y < by; y += 1) {
    const x = ax + Math.floor(((y - ay) * (bx - ax)) / (by - ay)) + 1;
    toggles[y * stride + x] ^= 1;
  }
}

/**
 * @param {Uint8Array} mask
 * @param {Uint8Array} toggles one column wider than the mask
 * @param {number} width
 */
function fillToggled(mask, toggles, width) {
  for (let row = 0; row * width < mask.length; row += 1) {
    let inside = 0;
    for (let x = 0; x < width; x += 1) {
      inside ^= toggles[row * (width + 1) + x];
      mask[row * width + x] = inside;
    }
  }
}

/**
 * Set the pixels whose centres lie on an edge.
 * @param {Uint8Array} mask
 * @param {number} width
 * @param {Point} from
 * @param {Point} to
 */
function draw(mask, width, [ax, ay], [bx, by]) {
  const count = greatestDivisor(Math.abs(bx - ax), Math.abs(by - ay)) || 1;
  for (let step = 0; step <= count; step += 1) {
    const x = ax + (step * (bx - ax)) / count;
    const y = ay + (step * (by - ay)) / count;
    mask[y * width + x] = 1;
  }
}

/** @param {number} a @param {number} b @returns {number} */
const greatestDivisor = (a, b) => (b === 0 ? a : greatestDivisor(b, a % b));

/**
 * @template T
 * @param {number} times
 * @param {() => T} make
 */
const repeated = (times, make) => Array.from({ length: times }, make);
