import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WireError } from '../maskstream_web/client/errors.js';
import { Ledger } from '../maskstream_web/client/ledger.js';
import { Outbox } from '../maskstream_web/client/outbox.js';
import { connected, FRAME, resumed } from './talk.js';

const CREDIT = { frames: 100, bytes: 1 << 20 };
const unit = (keyFrame = false) => ({
  ...FRAME,
  codec: 'vp9',
  payload: new Uint8Array(10),
  keyFrame,
});

function opened(ledger, credit = CREDIT) {
  const outbox = new Outbox(ledger);
  outbox.begin({ type: 'hello' });
  outbox.accepted(credit);
  return outbox;
}

/** What is sent: negative sequences are for the decoder only. */
function sent(outbox) {
  const frames = [...outbox.take(3)].filter((each) => typeof each !== 'string');
  return frames.map(({ buffer }) => {
    const view = new DataView(buffer);
    assert.equal(view.getUint32(24, true), 3);
    return view.getUint16(4, true) & 4 ? -view.getUint32(8, true) : view.getUint32(8, true);
  });
}

/** A ledger of units, key frames where `keys` has a K, all sent, and durable up to one of them. */
function streamed(keys, durable, maxBytes) {
  const ledger = new Ledger(null, maxBytes);
  for (const key of keys) ledger.add(unit(key === 'K'));
  sent(opened(ledger));
  for (let sequence = 1; sequence <= durable; sequence += 1) ledger.answer(sequence);
  ledger.markDurable(durable);
  return ledger;
}

function resumedAt(ledger, sequence) {
  assert.ok(ledger.resumeAt(sequence));
  return sent(opened(ledger));
}

test('units back to the last key frame are sent again for the decoder only', () => {
  assert.deepEqual(resumedAt(streamed('K.K...', 5), 6), [-3, -4, -5, 6]);
  assert.deepEqual(resumedAt(streamed('K...', 1), 4), [-1, -2, -3, 4]);
  assert.deepEqual(resumedAt(streamed('K.K', 2), 3), [3]);
});

test('they take no credit, are sent once, and again on the next connection', () => {
  const ledger = streamed('K...', 3);
  ledger.resumeAt(4);
  const outbox = opened(ledger, { frames: 1, bytes: 42 });
  assert.deepEqual(sent(outbox), [-1, -2, -3, 4]);
  ledger.add(unit());
  outbox.grant(1, 42);
  assert.deepEqual(sent(outbox), [5]);
  assert.deepEqual(resumedAt(ledger, 4), [-1, -2, -3, 4, 5]);
});

test('a unit that is pushed later needs them, too; without a resume none is sent', () => {
  const ledger = streamed('K.', 2);
  assert.deepEqual(resumedAt(ledger, 3), []);
  ledger.add(unit());
  const later = opened(ledger);
  assert.deepEqual(sent(later), [-1, -2, 3]);
  const undisturbed = streamed('K.', 2);
  undisturbed.add(unit());
  assert.deepEqual(sent(opened(undisturbed)), [3]);
});

test('behind a picture a unit builds on nothing, and pictures need none', () => {
  const ledger = streamed('K.', 2);
  ledger.add(FRAME);
  ledger.add(unit());
  assert.deepEqual(resumedAt(ledger, 4), [4]);
});

test('nothing is kept beyond the bound up to the next key frame', () => {
  const ledger = streamed('K...K.', 4, 120);
  assert.deepEqual(resumedAt(ledger, 5), [5, 6]);
  assert.deepEqual(resumedAt(ledger, 6), [-5, 6]);
});

test('units that were skipped, and those of another session, are nothing to build on', () => {
  const skipped = streamed('K...', 2);
  skipped.skipTo(3);
  skipped.add(unit());
  skipped.leadIn.resumed();
  assert.deepEqual(sent(opened(skipped)), [3]);
  const lost = streamed('K..', 2);
  lost.restartAt(1);
  assert.deepEqual(sent(opened(lost)), [1]);
});

test('a key frame is asked for where the server cannot decode from here, until one is pushed', () => {
  const talk = connected();
  assert.equal(talk.session.needsKeyFrame, true);
  talk.session.push(FRAME);
  assert.equal(talk.session.needsKeyFrame, true);
  talk.session.connectionLost();
  talk.connect(resumed(1, { codecs: ['vp9'] }));
  assert.equal(talk.session.needsKeyFrame, false);
  const drop = { type: 'drop', first: 1, last: 1, reason: 'undecodable' };
  talk.tell(drop);
  assert.equal(talk.session.needsKeyFrame, true);
  talk.session.push(unit(true));
  assert.equal(talk.session.needsKeyFrame, false);
  talk.session.push(unit());
  talk.tell({ ...drop, first: 2, last: 2 });
  assert.equal(talk.session.needsKeyFrame, true);
});

test('units are not sent to a server that does not take them', () => {
  const talk = connected();
  talk.session.push(unit(true));
  talk.session.connectionLost();
  assert.throws(() => talk.connect(resumed(1)), WireError);
});
