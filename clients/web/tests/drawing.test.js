import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';

import {
  captionOf,
  drawLabels,
  lineCrop,
  MalformedResultError,
  MaskDecoder,
  outlined,
  paintTrack,
  parseResult,
  Result,
  trackColor,
} from '../maskstream_web/client/index.js';
import { assertSamePixels, bytesOf, fixture, pixelsOf } from './fixtures.js';

const rle = 'rle, two overlapping objects, one with a hole';
const resultOf = (name) => {
  const message = parseResult(bytesOf(fixture(name).hex));
  return new Result({ frameIndex: 0, message, classes: new Map() });
};

test('a track has one colour, and neighbours have others', () => {
  assert.deepEqual(trackColor(7), trackColor(7));
  const colors = new Set(Array.from({ length: 30 }, (_, id) => trackColor(id + 1).join()));
  assert.equal(colors.size, 30);
});

test('an outline is two pixels wide', () => {
  const rows = ['#######', '#######', '#######', '#######', '#######', '####...'];
  const crop = { x0: 0, y0: 0, width: 7, height: 6, data: pixelsOf(rows) };
  const expected = ['2222222', '2222222', '2211122', '2211222', '2222222', '2222000'];
  assertSamePixels(outlined(crop).data, [...expected.join('')].map(Number));
  assertSamePixels(crop.data, pixelsOf(rows));
});

test('a decoder sets the pixels of tracks that have a mask, in every encoding', async () => {
  const decoder = new MaskDecoder();
  const expected = (await decoder.decode(resultOf(rle))).tracks.map((track) => track.pixels);
  assert.equal(expected[0].data.filter((pixel) => pixel > 0).length, 18);
  const bits = await decoder.decode(resultOf('bits'));
  assert.deepEqual(
    bits.tracks.map((track) => track.pixels),
    expected,
  );
  const gone = await decoder.decode(
    resultOf('rle, a missed track with an empty mask and a disappeared one'),
  );
  assert.deepEqual(
    gone.tracks.slice(1).map((track) => track.pixels),
    [null, null],
  );
});

test('the worker gives buffers, and a sentence for what it cannot decode', async () => {
  const url = new URL('../maskstream_web/client/decode-worker.js', import.meta.url);
  // A browser's worker has `self`; Node's has a port.
  const worker = new Worker(
    `import { parentPort } from 'node:worker_threads';
     const self = (globalThis.self = {
       postMessage: (message, { transfer }) => parentPort.postMessage(message, transfer),
     });
     await import(${JSON.stringify(url.href)});
     parentPort.on('message', (data) => self.onmessage({ data }));
     parentPort.postMessage('ready');`,
    { eval: true },
  );
  await once(worker, 'message');
  const { bytes } = resultOf(rle);
  worker.postMessage({ id: 5, bytes });
  const [{ id, crops }] = await once(worker, 'message');
  assert.equal(id, 5);
  assert.deepEqual(
    crops,
    await Promise.all(
      (await new MaskDecoder().decode(resultOf(rle))).tracks.map((track) => track.pixels),
    ),
  );
  worker.postMessage({ id: 6, bytes: bytes.slice(0, 70) });
  const [answer] = await once(worker, 'message');
  assert.match(answer.error, /does not fit/);
  await worker.terminate();
});

test('masks are painted over each other in the colours of their tracks', async () => {
  const { tracks } = await new MaskDecoder().decode(resultOf(rle));
  const image = { width: 8, height: 6, data: new Uint8ClampedArray(8 * 6 * 4) };
  for (const track of tracks) paintTrack(image, track);
  const pixel = (x, y) => [...image.data.subarray(4 * (y * 8 + x), 4 * (y * 8 + x) + 4)];
  assert.deepEqual(pixel(0, 0), [0, 0, 0, 0]);
  assert.deepEqual(pixel(1, 1), [...trackColor(1), 255]);
  assert.deepEqual(pixel(7, 5), [...trackColor(2), 255]);
});

test('a missed track is painted by its outline alone, and half a colour lies over what is there', () => {
  const data = Uint8Array.of(1, 2);
  const track = { id: 1, label: 'car', score: 0.5, status: 'missed', box: [0, 0, 2, 1] };
  const pixels = { x0: 0, y0: 0, width: 2, height: 1, data };
  const image = { width: 2, height: 1, data: new Uint8ClampedArray(8) };
  paintTrack(image, { ...track, pixels });
  assert.equal(image.data[3], 0);
  assert.equal(image.data[7], 255);
  image.data.set([0, 0, 0, 255], 0);
  paintTrack(image, { ...track, status: 'tracked', pixels }, { opacity: 0.5 });
  const expected = trackColor(1).map((value) => Math.round(value / 2));
  expected.forEach((value, channel) => assert.ok(Math.abs(image.data[channel] - value) <= 1));
});

test('labels are written as text within the canvas, whatever is in them', () => {
  const written = [];
  const context = {
    canvas: { width: 100, height: 60 },
    save: () => {},
    restore: () => {},
    measureText: (text) => ({ width: 6 * text.length }),
    fillRect: (...place) => written.push(place),
    fillText: (text) => written.push(text),
  };
  const label = '<img src=x onerror=alert(1)>';
  const track = { id: 3, label, score: 0.5, status: 'missed', box: [90, 0, 95, 9], pixels: null };
  drawLabels(context, [track, { ...track, box: [0, 0, 0, 0] }]);
  assert.equal(captionOf(track), `3 ${label}? 0.50`);
  assert.equal(written.length, 2);
  assert.deepEqual(written[0].slice(0, 2), [0, 0]);
  assert.equal(written[1], captionOf(track));
});

test('the mask of a line of a video is cut to its box', () => {
  const { hex, objects } = fixture(rle);
  const message = parseResult(bytesOf(hex));
  const counts = new TextDecoder().decode(message.blob.subarray(0, 4));
  // There the string is that of the crop; a grid as large as the box has the same.
  const segmentation = { size: [4, 5], counts };
  const crop = lineCrop({ box: [0, 0, 5, 4], segmentation });
  const rows = objects[0].mask.slice(1, 5).map((row) => row.slice(1, 6));
  assertSamePixels(crop.data, pixelsOf(rows));
  assert.equal(lineCrop({ box: [0, 0, 0, 0], segmentation: null }), null);
  for (const wrong of [
    { size: [4, 4], counts },
    { size: [4, 5], counts: 'x' },
  ]) {
    assert.throws(() => lineCrop({ box: [0, 0, 5, 4], segmentation: wrong }), MalformedResultError);
  }
});
