import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MalformedResultError, ProtocolError } from '../maskstream_web/client/errors.js';
import { randoms, result } from './fixtures.js';
import { connected, credit, FRAME, indices, resumed, SIZE, Talk } from './talk.js';

test('hello asks for what the options say', () => {
  const talk = new Talk({ masks: 'bits', maskScale: 0.5, classes: ['car'], policy: 'latest' });
  const { hello } = talk.connect();
  const { type, masks, mask_scale, classes, policy, resume } = hello;
  assert.deepEqual(
    { type, masks, mask_scale, classes, policy, resume },
    {
      type: 'hello',
      masks: 'bits',
      mask_scale: 0.5,
      classes: ['car'],
      policy: 'latest',
      resume: null,
    },
  );
});

test('nothing but hello is sent before welcome', () => {
  const talk = new Talk();
  talk.push();
  talk.session.connectionOpened();
  assert.deepEqual(talk.take(), ['hello']);
  assert.equal(talk.session.hasRoom(), false);
});

test('frames are numbered from one and answered by their index', () => {
  const talk = connected();
  assert.deepEqual(talk.push(2), [0, 1]);
  assert.deepEqual(talk.take(), [
    [1, 1],
    [2, 1],
  ]);
  assert.deepEqual(indices([...talk.tell(result(1)), ...talk.tell(result(2))]), [0, 1]);
});

test('a repeated result is ignored', () => {
  const talk = connected();
  talk.push(2);
  talk.take();
  assert.deepEqual(indices([...talk.tell(result(1)), ...talk.tell(result(1))]), [0]);
});

test('frames wait for credit of frames and of bytes', () => {
  const talk = connected({ frames: 3, bytes: 2 * SIZE });
  talk.push(4);
  assert.deepEqual(talk.take(), [
    [1, 1],
    [2, 1],
  ]);
  talk.tell(credit(0, 10 * SIZE, 0));
  assert.deepEqual(talk.take(), [[3, 1]]);
  talk.tell(credit(1, 0, 0));
  assert.deepEqual(talk.take(), [[4, 1]]);
});

test('a dropped frame is reported once', () => {
  const talk = connected();
  talk.push(3);
  talk.take();
  const drop = { type: 'drop', first: 1, last: 2, reason: 'undecodable' };
  const dropped = [0, 1].map((frameIndex) => ({ type: 'drop', frameIndex, reason: 'undecodable' }));
  assert.deepEqual(talk.tell(drop), dropped);
  assert.deepEqual(talk.tell(drop), []);
});

test('results are acknowledged now and then', () => {
  const talk = connected({ frames: 9 });
  talk.push(9);
  talk.take();
  for (let sequence = 1; sequence <= 8; sequence += 1) talk.tell(result(sequence));
  assert.deepEqual(talk.take(), ['ack']);
  assert.equal(talk.texts.at(-1).sequence, 8);
});

test('a lost order of frames, and a malformed result, end the connection', () => {
  const talk = connected();
  const gap = { type: 'error', code: 'sequence_gap', message: 'Gap.', retry: false, fatal: false };
  assert.throws(() => talk.tell({ ...gap, sequence: 3 }), ProtocolError);
  assert.throws(() => talk.tell(new Uint8Array(3)), MalformedResultError);
});

test('messages of later versions are ignored, wrong ones are refused', () => {
  const talk = connected();
  assert.deepEqual(talk.tell({ type: 'later', anything: 1 }), []);
  assert.deepEqual(talk.tell({ type: 'constructor' }), []);
  const wrong = [[], null, 5, {}, { type: 'credit' }, { type: 'drop', first: 'x', last: 1 }];
  for (const message of wrong) assert.throws(() => talk.tell(message), ProtocolError);
  assert.throws(() => talk.session.receive('{"type":'), ProtocolError);
});

test('frames are held back while the server goes away', () => {
  const talk = connected();
  assert.equal(talk.tell({ type: 'goaway', in_ms: 500, reason: 'stop' })[0].type, 'goaway');
  talk.push();
  assert.deepEqual(talk.take(), []);
  talk.session.connectionLost();
  talk.connect(resumed(1));
  assert.deepEqual(talk.take(), [[1, 1]]);
});

test('a change of prompts is sent again in front of its first frame', () => {
  const talk = new Talk({ prompts: [' a ', 'a', 'b'] });
  const info = (text, class_id) => ({ text, class_id, track_ids: [] });
  const { hello } = talk.connect({ prompts: [info('a', 0), info('b', 1)] });
  assert.deepEqual(hello.prompts, ['a', 'b']);
  talk.session.request({ type: 'prompts', prompts: ['c'] });
  assert.deepEqual(talk.take(), ['prompts']);
  talk.tell({ type: 'prompted', from_sequence: 1, prompts: [info('c', 2)] });
  talk.push(1);
  assert.deepEqual(talk.take(), [[1, 1]]);
  talk.session.connectionLost();
  const again = talk.connect(resumed(1, { prompts: [info('a', 0), info('b', 1)] }));
  assert.equal(again.hello.prompts, null);
  assert.deepEqual(talk.take(), ['prompts', [1, 1]]);
});

test('prompts that the server refuses are given up', () => {
  const talk = connected();
  talk.session.request({ type: 'prompts', prompts: ['c'] });
  talk.take();
  const error = { type: 'error', code: 'bad_message', message: 'No.', retry: false, fatal: false };
  assert.equal(talk.tell(error)[0].type, 'promptsrefused');
  assert.equal(talk.session.awaits('prompts'), false);
});

test('a late model gets so many more frames ahead, and a preliminary result answers nothing', () => {
  const talk = new Talk({ maxInFlight: 1 });
  const model = { name: 'm', task: 'vis', fingerprint: 'f', classes_url: '/', lookahead: 2 };
  talk.connect({ model, credit: { frames: 8, bytes: 100 * SIZE } });
  for (let pushed = 0; pushed < 3; pushed += 1) {
    assert.equal(talk.session.hasRoom(SIZE), true);
    talk.session.push(FRAME);
    talk.take();
  }
  assert.equal(talk.session.hasRoom(SIZE), false);
  assert.equal(talk.tell(result(1, { provisional: true }))[0].type, 'provisional');
  assert.equal(talk.session.numInFlight, 3);
});

test('any order of messages gives events or an error of its class, within the credit', () => {
  const random = randoms(11);
  const among = (items) => items[Math.floor(random() * items.length)];
  const number = () => Math.floor(random() * 12);
  for (let run = 0; run < 300; run += 1) {
    const talk = connected({ frames: 4, policy: among(['lossless', 'latest']) });
    let left = 4;
    for (let step = 0; step < 40; step += 1) {
      const frames = talk.take().filter((each) => Array.isArray(each));
      left -= frames.length;
      assert.ok(left >= 0, 'no frame is sent beyond the credit');
      const moves = [
        () => talk.push(),
        () => talk.tell(result(number(), { durable: random() < 0.3, epoch: number() })),
        () =>
          talk.tell({ type: 'drop', first: 1 + number(), last: 1 + number(), reason: 'internal' }),
        () => talk.tell({ type: 'flushed', id: among(['resumed', 1]), sequence: number() }),
        () => talk.session.request(among([{ type: 'flush', id: 1 }, { type: 'reset' }])),
        () => {
          talk.tell(credit(1, SIZE, number()));
          left += 1;
        },
        () => {
          talk.session.connectionLost();
          talk.connect(resumed(1 + number(), { credit: { frames: 4, bytes: 100 * SIZE } }));
          left = 4;
        },
      ];
      among(moves)();
    }
  }
});
