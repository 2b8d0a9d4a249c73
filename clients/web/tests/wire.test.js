import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MalformedResultError } from '../maskstream_web/client/errors.js';
import { CODECS, encodeFrame } from '../maskstream_web/client/frames.js';
import { decodeCrop, decodeCrops, decodeLabels } from '../maskstream_web/client/masks.js';
import { MASK_CODECS, parseResult, STATUSES, TASKS } from '../maskstream_web/client/results.js';
import { assertSamePixels, bytesOf, fixture, fixtures, pixelsOf, randoms } from './fixtures.js';

const exactFrames = fixtures('FRAME').filter(({ encode_exact }) => encode_exact);
for (const { name, fields, payload_hex, hex } of exactFrames) {
  test(`a frame is encoded as in the fixture: ${name}`, () => {
    const frame = {
      codec: CODECS[fields.codec],
      payload: bytesOf(payload_hex),
      ptsUs: fields.pts_us,
      width: fields.width,
      height: fields.height,
      orientation: fields.orientation,
      last: Boolean(fields.flags & 1),
      keyFrame: Boolean(fields.flags & 2),
      decoderOnly: Boolean(fields.flags & 4),
    };
    const encoded = encodeFrame(frame, fields.sequence, fields.epoch);
    assert.equal(Buffer.from(encoded).toString('hex'), hex);
  });
}

const headerOf = (message) => ({
  flags: message.firstOfEpoch + 2 * message.durable + 4 * message.last + 8 * message.provisional +
    16 * (message.events.length > 0),
  mask_codec: MASK_CODECS.indexOf(message.maskCodec),
  task: TASKS.indexOf(message.task),
  sequence: message.sequence,
  pts_us: message.ptsUs,
  epoch: message.epoch,
  dropped: message.dropped,
  wait_us: message.timings.waitUs,
  decode_us: message.timings.decodeUs,
  infer_us: message.timings.inferUs,
  encode_us: message.timings.encodeUs,
  mask_width: message.maskWidth,
  mask_height: message.maskHeight,
  num_objects: message.objects.length,
  blob_length: message.blob.length,
});

const recordOf = (object) => ({
  track_id: object.trackId,
  class_id: object.classId,
  score_u16: Math.round(object.score * 65535),
  box: object.box,
  mask_offset: object.maskOffset,
  mask_length: object.maskLength,
  area: object.area,
  age: object.age,
  status: STATUSES.indexOf(object.status),
  flags: Number(object.thing),
});

for (const { name, fields, objects, hex } of fixtures('RESULT')) {
  test(`a result is read as in the fixture: ${name}`, () => {
    const message = parseResult(bytesOf(hex));
    const { version, kind, header_length, table_offset, ...expected } = fields;
    assert.deepEqual(headerOf(message), expected);
    assert.deepEqual(
      message.objects.map(recordOf),
      objects.map(({ mask, ...record }) => record),
    );
  });
}

test('the events of a result are read as in the fixture', () => {
  const { events, hex } = fixtures('RESULT').find((each) => each.events);
  const bytes = bytesOf(hex);
  const nothing = { trackId: null, classId: null, label: null, score: null };
  assert.deepEqual(parseResult(bytes).events, [
    {
      id: events[0].id,
      rule: 'door',
      type: 'crossed',
      trackId: 7,
      classId: 1,
      label: 'Fußgänger',
      score: 0.75,
      direction: 'to_left',
      count: null,
    },
    { id: '1.many.2', rule: 'many', type: 'count_above', ...nothing, direction: null, count: 4 },
  ]);
  assert.throws(() => parseResult(bytes.slice(0, -1)), MalformedResultError);
});

const withMasks = fixtures('RESULT').filter(({ fields }) => fields.mask_codec !== 0);
for (const { name, fields, objects, hex, labelmap } of withMasks) {
  test(`masks are decoded as in the fixture: ${name}`, async () => {
    const message = parseResult(bytesOf(hex));
    const crops = await decodeCrops(message);
    for (const [row, { x0, y0, width, height, data }] of crops.entries()) {
      const mask = new Uint8Array(fields.mask_width * fields.mask_height);
      for (let y = 0; y < height; y += 1) {
        const line = data.subarray(y * width, (y + 1) * width);
        mask.set(line, (y0 + y) * fields.mask_width + x0);
      }
      const whole = objects[row].mask ? pixelsOf(objects[row].mask) : new Uint8Array(mask.length);
      // In a label map only what is in front is left.
      const expected = labelmap ? labelmap.flat().map((label) => Number(label === row + 1)) : whole;
      assertSamePixels(mask, expected);
    }
  });
}

test('a label map is given whole', async () => {
  const { hex, labelmap } = fixture('labelmap16');
  const labels = await decodeLabels(parseResult(bytesOf(hex)));
  assertSamePixels(labels, labelmap.flat());
});

test('a number that no double holds is refused', () => {
  const bytes = bytesOf(fixture('nothing found').hex);
  bytes.fill(0xff, 8, 16);
  assert.throws(() => parseResult(bytes), MalformedResultError);
});

test('a result that is cut off anywhere is refused, or its masks are', async () => {
  for (const { hex } of withMasks) {
    const bytes = bytesOf(hex);
    for (let length = 0; length < bytes.length; length += 1) {
      const decode = async () => decodeCrops(parseResult(bytes.slice(0, length)));
      await assert.rejects(decode, MalformedResultError);
    }
  }
});

test('any changed byte gives pixels in the box or an error of its class', async () => {
  const random = randoms(7);
  for (let attempt = 0; attempt < 3000; attempt += 1) {
    const { hex } = withMasks[Math.floor(random() * withMasks.length)];
    const bytes = bytesOf(hex);
    const changes = 1 + Math.floor(random() * 3);
    for (let each = 0; each < changes; each += 1) {
      bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    }
    try {
      const message = parseResult(bytes);
      for (const record of message.objects) {
        const { width, height, data } = await decodeCrop(message, record);
        assert.equal(data.length, width * height);
        assert.ok(data.every((pixel) => pixel <= 1));
      }
    } catch (error) {
      assert.ok(error instanceof MalformedResultError, String(error));
    }
  }
});

test('a packed mask that unpacks to far more than its box is refused early', async () => {
  const { deflateSync } = await import('node:zlib');
  const message = parseResult(bytesOf(fixture('bits').hex));
  const blob = new Uint8Array(deflateSync(Buffer.alloc(2 ** 26)));
  const record = { ...message.objects[0], maskOffset: 0, maskLength: blob.length };
  await assert.rejects(decodeCrop({ ...message, blob }, record), MalformedResultError);
});

test('masks of more pixels than any picture are refused before any is made', async () => {
  const message = parseResult(bytesOf(fixture('bits').hex));
  const record = { ...message.objects[0], box: [0, 0, 65535, 65535] };
  await assert.rejects(decodeCrop(message, record), MalformedResultError);
});
