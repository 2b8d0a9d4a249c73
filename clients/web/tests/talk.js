/** A session and everything that it sent, as values. */

import { ClientSession } from '../maskstream_web/client/session.js';
import { settingsOf } from '../maskstream_web/client/options.js';
import { frameBytes } from '../maskstream_web/client/frames.js';
import { welcome } from './fixtures.js';

export const FRAME = {
  codec: 'rgb24',
  payload: new Uint8Array(4 * 6 * 3),
  ptsUs: -1,
  width: 6,
  height: 4,
  orientation: 0,
};
export const SIZE = frameBytes(FRAME);

export class Talk {
  constructor({ maxKeptBytes, ...options } = {}) {
    this.session = new ClientSession(settingsOf(options), maxKeptBytes);
    this.texts = [];
  }

  /** What it sends now: [sequence, epoch] of frames, the type of control messages. */
  take() {
    return [...this.session.outgoing()].map((message) => {
      if (typeof message === 'string') {
        this.texts.push(JSON.parse(message));
        return this.texts.at(-1).type;
      }
      const view = new DataView(message.buffer);
      return [view.getUint32(8, true), view.getUint32(24, true)];
    });
  }

  connect(terms) {
    this.session.connectionOpened();
    const hello = JSON.parse([...this.session.outgoing()][0]);
    return { hello, came: this.session.receive(welcome(terms)) };
  }

  push(count = 1) {
    return Array.from({ length: count }, () => this.session.push(FRAME));
  }

  tell(message) {
    return this.session.receive(message instanceof Uint8Array ? message : JSON.stringify(message));
  }
}

export function connected({ frames = 8, bytes = 100 * SIZE, ...options } = {}) {
  const talk = new Talk(options);
  talk.connect({ credit: { frames, bytes } });
  return talk;
}

export const credit = (frames, bytes, durable_sequence) => ({
  type: 'credit',
  frames,
  bytes,
  durable_sequence,
});

export const resumed = (next_sequence, changes) => ({
  resumed: true,
  next_sequence,
  credit: { frames: 8, bytes: 100 * SIZE },
  ...changes,
});

export const indices = (came) =>
  came.filter((each) => each.type === 'answered').map((each) => each.frameIndex);
