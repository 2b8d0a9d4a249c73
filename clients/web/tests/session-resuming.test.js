import assert from 'node:assert/strict';
import { test } from 'node:test';

import { result } from './fixtures.js';
import { connected, credit, indices, resumed, SIZE } from './talk.js';

test('what is not durable is sent again from the next sequence', () => {
  const talk = connected();
  talk.push(4);
  talk.take();
  for (const sequence of [1, 2, 3]) talk.tell(result(sequence));
  talk.tell(credit(3, 3 * SIZE, 1));
  talk.session.connectionLost();
  const { hello } = talk.connect(resumed(2, { resume_token: 'new' }));
  assert.deepEqual(hello.resume, { token: 'token1', last_sequence: 3 });
  assert.deepEqual(talk.take(), [
    [2, 1],
    [3, 1],
    [4, 1],
  ]);
  const answers = [2, 3, 4].map((sequence) => indices(talk.tell(result(sequence))));
  assert.deepEqual(answers, [[], [], [3]]);
  assert.equal(talk.session.resumeToken, 'new');
});

test('new frames wait until what a server repeats has come', () => {
  const talk = connected();
  talk.push(3);
  talk.take();
  talk.session.connectionLost();
  talk.connect(resumed(3));
  assert.deepEqual(talk.take(), ['flush']);
  assert.deepEqual(indices([...talk.tell(result(1)), ...talk.tell(result(2))]), [0, 1]);
  assert.deepEqual(talk.take(), []);
  talk.tell({ type: 'flushed', id: 'resumed', sequence: 2 });
  assert.deepEqual(talk.take(), [[3, 1]]);
});

test('a drop that was lost is reported where nothing comes after it', () => {
  const talk = connected();
  talk.push();
  talk.take();
  talk.session.connectionLost();
  talk.connect(resumed(2));
  const came = talk.tell({ type: 'flushed', id: 'resumed', sequence: 1 });
  assert.deepEqual(came, [{ type: 'drop', frameIndex: 0, reason: 'lost' }]);
  assert.equal(talk.session.hasRoom(SIZE), true);
});

test('a client that let frames go says reset and continues', () => {
  const talk = connected({ maxKeptBytes: 2 * SIZE });
  for (const sequence of [1, 2, 3, 4]) {
    talk.push();
    talk.take();
    talk.tell(result(sequence));
  }
  talk.push();
  talk.take();
  talk.session.connectionLost();
  talk.connect(resumed(2));
  assert.deepEqual(talk.take(), ['reset']);
  talk.tell({ type: 'reset', epoch: 2, reason: 'client', next_sequence: 2 });
  assert.deepEqual(talk.take(), [[2, 2]]);
  assert.deepEqual(indices(talk.tell(result(2, { epoch: 2 }))), [4]);
});

test('frames of a lost session are sent to the new one', () => {
  const talk = connected();
  talk.push(3);
  talk.take();
  talk.tell(result(1));
  talk.session.connectionLost();
  talk.connect({ resumed: false });
  talk.tell({ type: 'reset', epoch: 1, reason: 'expired', next_sequence: 1 });
  assert.deepEqual(talk.take(), [
    [1, 1],
    [2, 1],
  ]);
  assert.deepEqual(indices([...talk.tell(result(1)), ...talk.tell(result(2))]), [1, 2]);
});

test('frames of an old epoch are sent again in the new one', () => {
  const talk = connected({ frames: 3 });
  talk.push(3);
  talk.take();
  talk.tell(result(1));
  talk.tell({ type: 'reset', epoch: 2, reason: 'state_lost', next_sequence: 2 });
  assert.deepEqual(talk.take(), [
    [2, 2],
    [3, 2],
  ]);
});

test('credit starts anew with every welcome', () => {
  const talk = connected({ frames: 2 });
  talk.push(2);
  talk.take();
  talk.session.connectionLost();
  talk.connect(resumed(1, { credit: { frames: 1, bytes: 100 * SIZE } }));
  assert.deepEqual(talk.take(), [[1, 1]]);
});

test('the newest continues with new frames after a resume', () => {
  const talk = connected({ policy: 'latest' });
  talk.push(4);
  talk.take();
  talk.tell(result(1));
  talk.session.connectionLost();
  const { came } = talk.connect(resumed(2));
  assert.deepEqual(
    came.slice(1).map((each) => [each.frameIndex, each.reason]),
    [
      [1, 'superseded'],
      [2, 'superseded'],
      [3, 'superseded'],
    ],
  );
  talk.push();
  assert.deepEqual(talk.take(), [[2, 1]]);
  assert.deepEqual(indices(talk.tell(result(2))), [4]);
});

for (const request of [{ type: 'flush', id: 1 }, { type: 'reset' }, { type: 'bye' }]) {
  test(`${request.type} waits for the frames before it and is said again`, () => {
    const talk = connected({ frames: 1 });
    talk.push(2);
    talk.session.request(request);
    assert.deepEqual(talk.take(), [[1, 1]]);
    talk.tell(credit(1, SIZE, 0));
    assert.deepEqual(talk.take(), [[2, 1], request.type]);
    talk.session.connectionLost();
    talk.connect(resumed(3));
    assert.deepEqual(talk.take(), ['flush', request.type]);
  });
}
