/** What several tests share: the byte fixtures of the protocol, and what a server says. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const data = process.env.MASKSTREAM_TEST_DATA;
const checkout = path.join(import.meta.dirname, '..', '..', '..');
const place = data ? [data, 'fixtures'] : [checkout, 'tests', 'protocol'];

/** The byte fixtures that Python's tests read, too. */
const wire = JSON.parse(readFileSync(path.join(...place, 'wire-v1.json'), 'utf8'));

export const fixtures = (message) => wire.fixtures.filter((each) => each.message === message);
export const fixture = (name) => wire.fixtures.find((each) => each.name === name);
export const bytesOf = (hex) => new Uint8Array(Buffer.from(hex, 'hex'));

/** A welcome's JSON with these fields in place of the usual ones. */
export const welcome = (changes = {}) =>
  JSON.stringify({
    type: 'welcome',
    session: 's1',
    epoch: 1,
    resumed: false,
    next_sequence: 1,
    credit: { frames: 4, bytes: 10_000 },
    heartbeat_ms: 20_000,
    idle_ms: 60_000,
    resume_token: 'token1',
    resume_ttl_ms: 120_000,
    model: { name: 'demo', task: 'instances', fingerprint: 'f', classes_url: '/v1/models/demo' },
    limits: { frame_bytes: 10_000, frame_pixels: 1_000_000, tracks: 100 },
    features: [],
    ...changes,
  });

/** A RESULT without objects. */
export function result(sequence, { epoch = 1, durable = false, provisional = false } = {}) {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  bytes.set([1, 0x81, 64]);
  view.setUint16(4, (durable ? 2 : 0) | (provisional ? 8 : 0), true);
  view.setUint32(8, sequence, true);
  view.setUint32(24, epoch, true);
  view.setUint16(48, 8, true);
  view.setUint16(50, 6, true);
  view.setUint32(56, 64, true);
  return bytes;
}

/** Numbers from 0 to 1, the same for the same seed (a linear congruential generator). */
export function randoms(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Rows of # and . as pixels. */
export const pixelsOf = (rows) => Uint8Array.from(rows.join(''), (each) => Number(each === '#'));

export function assertSamePixels(actual, expected) {
  assert.deepEqual([...actual], [...expected]);
}
