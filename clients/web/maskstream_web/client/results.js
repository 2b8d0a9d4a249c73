/** RESULT: what was found in one frame: header, object table, mask blob (docs/protocol.md 3). */

import { MalformedResultError } from './errors.js';
import { count, listOf, number, object, oneOf, optional, positive, text } from './fields.js';

/** @import { RuleEvent } from './types.js' */

const VERSION = 1;
const RESULT_KIND = 0x81;
const HEADER_BYTES = 64;
const RECORD_BYTES = 32;
const FIRST = 1;
const DURABLE = 2;
const LAST = 4;
const PROVISIONAL = 8;
const EVENTS = 16;
const EVENTS_SPAN_BYTES = 8;
const THING = 1;

export const MASK_CODECS = /** @type {const} */ ([
  'none',
  'rle',
  'bits',
  'labelmap8',
  'labelmap16',
  'polygons',
]);
export const TASKS = /** @type {const} */ (['instances', 'panoptic', 'semantic']);
export const STATUSES = /** @type {const} */ (['emerged', 'tracked', 'missed', 'disappeared']);

/**
 * One row of the object table.
 * @typedef {object} ObjectRecord
 * @property {number} trackId from 1, never used twice in an epoch
 * @property {number} classId index into the model's class list
 * @property {number} score 0 to 1
 * @property {[number, number, number, number]} box x0, y0, x1, y1 in mask pixels, half open
 * @property {number} maskOffset of its bytes in the blob; 0 for label maps
 * @property {number} maskLength
 * @property {number} area in mask pixels
 * @property {number} age frames since birth, 1 at birth
 * @property {typeof STATUSES[number]} status
 * @property {boolean} thing whether it can be counted
 */

/**
 * Microseconds that a frame spent in each part of the server.
 * @typedef {{ waitUs: number, decodeUs: number, inferUs: number, encodeUs: number }} Timings
 */

/**
 * A RESULT.
 * @typedef {object} ResultMessage
 * @property {number} sequence
 * @property {number} ptsUs as in the frame; -1 unknown
 * @property {number} epoch
 * @property {number} dropped frames dropped since the previous result
 * @property {Timings} timings
 * @property {number} maskWidth
 * @property {number} maskHeight
 * @property {typeof MASK_CODECS[number]} maskCodec
 * @property {typeof TASKS[number]} task
 * @property {boolean} firstOfEpoch
 * @property {boolean} durable
 * @property {boolean} last
 * @property {boolean} provisional
 * @property {ObjectRecord[]} objects
 * @property {RuleEvent[]} events what rules have found on the frame
 * @property {Uint8Array} blob a view into `bytes`
 * @property {Uint8Array} bytes the whole message
 */

/**
 * Take a binary message apart.
 * @param {Uint8Array} bytes
 * @returns {ResultMessage}
 * @throws {MalformedResultError} it is no RESULT, or contradicts itself
 */
export function parseResult(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerLength = checkedHeader(view);
  const [numObjects, tableOffset, blobLength] = [u16(view, 52), u32(view, 56), u32(view, 60)];
  const blobOffset = tableOffset + numObjects * RECORD_BYTES;
  if (tableOffset < headerLength || blobOffset + blobLength > bytes.length) {
    throw new MalformedResultError('The object table or the blob does not fit into the message.');
  }
  const blob = bytes.subarray(blobOffset, blobOffset + blobLength);
  const header = headerOf(view);
  const objects = Array.from({ length: numObjects }, (_, row) => {
    const record = recordAt(view, tableOffset + row * RECORD_BYTES);
    return checkedRecord(record, header, blobLength);
  });
  const events = u16(view, 4) & EVENTS ? parseEvents(view, headerLength) : [];
  return { ...header, objects, events, blob, bytes };
}

const checkedEvents = listOf(
  object({
    id: text,
    rule: text,
    type: oneOf('emerged', 'disappeared', 'entered', 'left', 'crossed', 'dwelt', 'count_above'),
    trackId: optional(positive, null),
    classId: optional(count, null),
    label: optional(text, null),
    score: optional(number, null),
    direction: optional(oneOf('to_left', 'to_right'), null),
    count: optional(count, null),
  }),
);

/**
 * The events of a message: a JSON list, where the end of its header says.
 * @param {DataView} view
 * @param {number} headerLength
 * @returns {RuleEvent[]}
 */
function parseEvents(view, headerLength) {
  if (headerLength < HEADER_BYTES + EVENTS_SPAN_BYTES) {
    throw new MalformedResultError('The header is too short to say where the events are.');
  }
  const [offset, length] = [u32(view, HEADER_BYTES), u32(view, HEADER_BYTES + 4)];
  if (offset + length > view.byteLength) {
    throw new MalformedResultError('The events do not fit into the message.');
  }
  const data = new Uint8Array(view.buffer, view.byteOffset + offset, length);
  try {
    return checkedEvents(JSON.parse(new TextDecoder().decode(data)), 'events');
  } catch (error) {
    throw new MalformedResultError(`The events of the result cannot be read: ${String(error)}`);
  }
}

/**
 * @param {DataView} view
 * @returns {number} the header's length as the message states it
 */
function checkedHeader(view) {
  const { byteLength } = view;
  if (byteLength < HEADER_BYTES) {
    throw new MalformedResultError(
      `A binary message of ${byteLength} bytes is shorter than the header of a RESULT.`,
    );
  }
  const [version, kind, headerLength] = [view.getUint8(0), view.getUint8(1), u16(view, 2)];
  if (version !== VERSION) {
    throw new MalformedResultError(`Version ${version} of binary messages is unknown.`);
  }
  if (kind !== RESULT_KIND) {
    throw new MalformedResultError(`A message of kind ${kind} came where a RESULT belongs.`);
  }
  if (headerLength < HEADER_BYTES || headerLength > byteLength) {
    throw new MalformedResultError(
      `The header says it has ${headerLength} bytes: too few, or more than came.`,
    );
  }
  return headerLength;
}

/** @param {DataView} view */
function headerOf(view) {
  const flags = u16(view, 4);
  return {
    sequence: wide(u32(view, 12), u32(view, 8)),
    ptsUs: wide(view.getInt32(20, true), u32(view, 16)),
    epoch: u32(view, 24),
    dropped: u32(view, 28),
    timings: {
      waitUs: u32(view, 32),
      decodeUs: u32(view, 36),
      inferUs: u32(view, 40),
      encodeUs: u32(view, 44),
    },
    maskWidth: u16(view, 48),
    maskHeight: u16(view, 50),
    maskCodec: known(MASK_CODECS, view.getUint8(6), 'mask codec'),
    task: known(TASKS, view.getUint8(7), 'task'),
    firstOfEpoch: Boolean(flags & FIRST),
    durable: Boolean(flags & DURABLE),
    last: Boolean(flags & LAST),
    provisional: Boolean(flags & PROVISIONAL),
  };
}

/** @param {DataView} view @param {number} offset @returns {ObjectRecord} */
function recordAt(view, offset) {
  const at = (/** @type {number} */ place) => u16(view, offset + place);
  return {
    trackId: u32(view, offset),
    classId: at(4),
    score: at(6) / 65535,
    box: [at(8), at(10), at(12), at(14)],
    maskOffset: u32(view, offset + 16),
    maskLength: u32(view, offset + 20),
    area: u32(view, offset + 24),
    age: at(28),
    status: known(STATUSES, view.getUint8(offset + 30), 'status'),
    thing: Boolean(view.getUint8(offset + 31) & THING),
  };
}

/**
 * A box is inside the picture and a mask inside the blob.
 * @param {ObjectRecord} record
 * @param {{ maskWidth: number, maskHeight: number }} grid
 * @param {number} blobLength
 */
function checkedRecord(record, { maskWidth, maskHeight }, blobLength) {
  const [x0, y0, x1, y1] = record.box;
  if (x0 > x1 || x1 > maskWidth || y0 > y1 || y1 > maskHeight) {
    throw new MalformedResultError(`The box of track ${record.trackId} is not inside the picture.`);
  }
  if (record.maskOffset + record.maskLength > blobLength) {
    throw new MalformedResultError(`The mask of track ${record.trackId} is not inside the blob.`);
  }
  return record;
}

/**
 * @template T
 * @param {readonly T[]} names
 * @param {number} number
 * @param {string} noun
 * @returns {T}
 */
function known(names, number, noun) {
  if (number >= names.length) {
    throw new MalformedResultError(`The result has the unknown ${noun} ${number}.`);
  }
  return names[number];
}

/** @param {DataView} view @param {number} offset */
const u16 = (view, offset) => view.getUint16(offset, true);

/** @param {DataView} view @param {number} offset */
const u32 = (view, offset) => view.getUint32(offset, true);

/**
 * A 64-bit integer as a number: none beyond 2^53 is ever counted.
 * @param {number} high
 * @param {number} low
 */
function wide(high, low) {
  const value = high * 2 ** 32 + low;
  if (!Number.isSafeInteger(value)) {
    throw new MalformedResultError('A number of the header is too large.');
  }
  return value;
}
