/** The rules of the page, without a browser. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { CodingTrial } from '../maskstream_web/page/live/coding-trial.js';
import { Lanes } from '../maskstream_web/page/live/lanes.js';
import { composeLabels, rowAt } from '../maskstream_web/page/live/labels.js';
import { colour, coloursOf } from '../maskstream_web/page/live/palette.js';
import { Rates } from '../maskstream_web/page/live/rates.js';
import { TrackTable } from '../maskstream_web/page/live/track-table.js';

const LOOK = { opacity: 0.5, outlines: true, labels: true, hidden: new Set(), highlighted: null };

/** @param {number} x0 @param {number} y0 @param {number} side */
function square(x0, y0, side) {
  return { x0, y0, width: side, height: side, data: new Uint8Array(side * side).fill(1) };
}

/** @param {object} [change] */
function track(change = {}) {
  return {
    key: '1:1',
    id: 1,
    label: 'cat',
    score: 0.9,
    status: 'tracked',
    age: 1,
    area: 1,
    box: [0, 0, 1, 1],
    ...change,
  };
}

/** @param {number} timeS @param {...object} tracks */
function view(timeS, ...tracks) {
  return { timeS, tracks, latency: null };
}

test('a small mask lies in front of a large one, whatever their order', () => {
  for (const crops of [
    [square(0, 0, 12), square(4, 4, 3)],
    [square(4, 4, 3), square(0, 0, 12)],
  ]) {
    const labels = composeLabels(12, 12, crops);
    const small = crops[0].width === 3 ? 0 : 1;
    assert.equal(rowAt({ labels, width: 12, height: 12 }, 5.5 / 12, 5.5 / 12), small);
    assert.equal(rowAt({ labels, width: 12, height: 12 }, 1 / 12, 1 / 12), 1 - small);
  }
});

test('pixels less than two from the rim of a mask are its outline', () => {
  const labels = composeLabels(10, 10, [null, square(1, 1, 7)]);
  const isOutline = Array.from(labels, (value) => value === 5);
  const isInside = Array.from(labels, (value) => value === 4);
  assert.equal(isOutline.filter(Boolean).length, 49 - 9);
  assert.equal(isInside.filter(Boolean).length, 9);
  assert.ok(isInside[4 * 10 + 4]);
});

test('outside of the picture there is no track', () => {
  const shown = { labels: composeLabels(4, 4, [square(0, 0, 4)]), width: 4, height: 4 };
  for (const [x, y] of [
    [-0.1, 0.5],
    [1, 0.5],
    [0.5, 1.2],
    [NaN, 0.5],
  ])
    assert.equal(rowAt(shown, x, y), -1);
  assert.equal(rowAt(shown, 0.999, 0), 0);
});

test('hidden tracks are transparent and those beside a highlighted one are faint', () => {
  const tracks = [
    track(),
    track({ key: '1:2', id: 2 }),
    track({ key: '1:3', id: 3, status: 'missed' }),
  ];
  const alpha = (/** @type {Uint32Array} */ colours) =>
    Array.from(colours, (value) => value >>> 24);
  assert.deepEqual(alpha(coloursOf(tracks, LOOK)), [0, 0, 128, 255, 128, 255, 0, 255]);
  assert.deepEqual(
    alpha(coloursOf(tracks, { ...LOOK, hidden: new Set(['1:1']) })).slice(2, 6),
    [0, 0, 128, 255],
  );
  const [first, , second] = alpha(coloursOf(tracks, { ...LOOK, highlighted: '1:1' })).slice(2);
  assert.ok(first > 128 && second < 128);
});

test('each pixel takes the colour of its label', () => {
  const pixels = new Uint32Array(3);
  colour(new Uint16Array([0, 2, 3]), new Uint32Array([0, 0, 7, 9]), pixels);
  assert.deepEqual([...pixels], [0, 7, 9]);
});

test('an absence splits the life of a track into spans, and its end is kept', () => {
  const table = new TrackTable();
  table.add(view(0, track({ status: 'emerged' })));
  table.add(view(1, track({ status: 'missed', score: 0.2 })));
  table.add(view(2, track()));
  table.add(view(3, track()));
  table.add(view(4, track({ status: 'disappeared' })));
  const [record] = table.listed();
  assert.deepEqual(record.spans, [
    { fromS: 0, toS: 0 },
    { fromS: 2, toS: 3 },
  ]);
  assert.deepEqual([record.state, record.bornS, record.lastS, record.numFrames], ['gone', 0, 4, 3]);
});

test('a track that is not mentioned any more has ended; living tracks are listed first', () => {
  const table = new TrackTable();
  table.add(view(0, track()));
  table.add(view(1, track({ key: '1:2', id: 2 })));
  assert.deepEqual(
    table.listed().map(({ id, state }) => [id, state]),
    [
      [2, 'seen'],
      [1, 'gone'],
    ],
  );
  assert.deepEqual(
    table.toJson().map(({ track_id: id, ended }) => [id, ended]),
    [
      [1, true],
      [2, false],
    ],
  );
});

test('tracks that live at the same time have rows of their own, for life', () => {
  const lanes = new Lanes(3);
  const table = new TrackTable();
  table.add(view(0, track(), track({ key: '1:2', id: 2 })));
  const [two, one] = table.listed();
  assert.deepEqual([lanes.of(one), lanes.of(two)], [0, 1]);
  table.add(view(5, track({ key: '1:2', id: 2 })));
  table.add(view(9, track({ key: '1:2', id: 2 }), track({ key: '1:3', id: 3 })));
  const three = /** @type {any} */ (table.records.get('1:3'));
  assert.equal(lanes.of(three), 0);
  assert.equal(lanes.of(two), 1);
});

test('health is of the last seconds, latency by part', () => {
  const rates = new Rates();
  const latency = { network: 10, queue: 1, decode: 2, model: 30, encode: 3 };
  for (let each = 0; each <= 10; each += 1) rates.add({ ...view(each), latency }, each * 100);
  rates.drop('superseded');
  const { fps, totalMs, drops } = rates.health(1000);
  assert.deepEqual([Math.round(fps), totalMs, [...drops]], [10, 46, [['superseded', 1]]]);
  assert.equal(rates.health(60_000).fps, 0);
});

/** What a trial settles on, where each coding gives so many results a second. */
function settled(rates) {
  const trial = new CodingTrial(Object.keys(rates));
  const used = [];
  let nowMs = 0;
  for (let number = 0; number < 500; number += 1) {
    const { coding } = trial;
    if (used.at(-1) !== coding) used.push(coding);
    nowMs += 1000 / rates[coding];
    if (number === 30) {
      nowMs += 60_000;
      trial.again();
    }
    trial.answered(coding, nowMs);
  }
  return used;
}

test('frames are coded as gives clearly more results, else as video', () => {
  assert.deepEqual(settled({ vp9: 25.5, jpeg: 29.6 }), ['vp9', 'jpeg']);
  assert.deepEqual(settled({ vp9: 29, jpeg: 30 }), ['vp9', 'jpeg', 'vp9']);
  assert.deepEqual(settled({ vp9: 20, jpeg: 3 }), ['vp9', 'jpeg', 'vp9']);
});
