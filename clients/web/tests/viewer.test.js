import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ViewerSession } from '../maskstream_web/client/viewer-session.js';
import { result } from './fixtures.js';

const MODEL = { name: 'demo', task: 'vis', fingerprint: 'f', classes_url: '/v1/models/demo' };
const watching = (sequence, epoch = 1) =>
  JSON.stringify({ type: 'watching', session: 's', epoch, sequence, model: MODEL });
const named = (events) => events.map(({ type, frameIndex }) => [type, frameIndex]);

function viewer(sequence = 3) {
  const made = new ViewerSession();
  made.receive(watching(sequence));
  return made;
}

test('results come from the first message on, each once', () => {
  const made = viewer();
  assert.deepEqual(named(made.receive(result(3))), []);
  assert.deepEqual(named(made.receive(result(4))), [['answered', 3]]);
  assert.deepEqual(named(made.receive(result(4))), []);
});

test('what the viewer missed is reported frame by frame, also between connections', () => {
  const made = viewer();
  assert.deepEqual(named(made.receive(result(6))), [
    ['drop', 3],
    ['drop', 4],
    ['answered', 5],
  ]);
  assert.deepEqual(named(made.receive(watching(8))), [
    ['watching', undefined],
    ['drop', 6],
    ['drop', 7],
  ]);
});

test('a new epoch is reported before its first result', () => {
  assert.deepEqual(named(viewer().receive(result(4, { epoch: 2 }))), [
    ['reset', undefined],
    ['answered', 3],
  ]);
});

test('a session that ended between two connections is an end, an unknown one an error', () => {
  const error = {
    type: 'error',
    code: 'session_unknown',
    message: 'None.',
    retry: false,
    fatal: true,
  };
  const made = viewer();
  assert.deepEqual(made.receive(JSON.stringify(error)), []);
  assert.equal(made.isDone, true);
  assert.equal(new ViewerSession().receive(JSON.stringify(error))[0].type, 'refused');
});

test('a server that names a frame far away makes no endless report', () => {
  assert.ok(viewer().receive(result(2 ** 31)).length < 200_000);
});
