/** Servers that share a memory, in this process: WebSockets and routes for a client under test. */

import { result, welcome } from './fixtures.js';

/** What a test makes of one connection; by default each frame is answered at once. */
export class FakeServers {
  constructor() {
    this.committed = 0;
    this.frames = [];
    this.connections = [];
    this.requests = [];
    /** Called with each frame's sequence before it is answered; true: it is not. */
    this.onFrame = () => false;
    this.refuses = null;
    /** What they take; undefined: they are older than the field. */
    this.codecs = undefined;
    this.classes = [{ id: 0, name: 'car', color: '#ff0000', thing: true }];
    const servers = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url, protocols) {
        super(url, protocols, servers);
      }
    };
  }

  get latest() {
    return this.connections.at(-1);
  }

  fetch = async (address, init = {}) => {
    this.requests.push({ address: String(address), ...init });
    const { pathname } = new URL(address);
    if (pathname === '/v1/tickets') return Response.json({ ticket: `t${this.requests.length}` });
    return Response.json({ name: 'demo', classes: this.classes, show_min: 0.4 });
  };
}

class FakeSocket {
  OPEN = 1;
  readyState = 0;

  constructor(url, protocols, servers) {
    Object.assign(this, { url, protocols, servers, texts: [], pings: 0, isMute: false });
    servers.connections.push(this);
    setImmediate(() => {
      if (servers.refuses === 'connections') return this.lose(1006);
      this.readyState = 1;
      this.onopen();
    });
  }

  send(message) {
    setImmediate(() => {
      if (!this.isMute && this.readyState === 1) this.#take(message);
    });
  }

  close() {
    setImmediate(() => this.lose(1000));
  }

  lose(code, reason = '') {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose({ code, reason });
  }

  tell(message) {
    const data =
      typeof message === 'string' ? message : (message.buffer ?? JSON.stringify(message));
    if (this.readyState === 1) this.onmessage?.({ data });
  }

  #take(message) {
    if (typeof message !== 'string') return this.#frame(message);
    const said = JSON.parse(message);
    this.texts.push(said);
    const { codecs, committed } = this.servers;
    switch (said.type) {
      case 'hello': {
        const resumed = said.resume !== null;
        if (this.servers.refuses) return this.#refuse(this.servers.refuses);
        return this.tell(welcome({ resumed, next_sequence: committed + 1, codecs }));
      }
      case 'ping':
        this.pings += 1;
        return this.tell({ type: 'pong', id: said.id });
      case 'flush':
        return this.tell({ type: 'flushed', id: said.id, sequence: committed });
      case 'reset':
        return this.tell({
          type: 'reset',
          epoch: 2,
          reason: 'client',
          next_sequence: committed + 1,
        });
      case 'bye':
        return this.lose(1000);
    }
  }

  #frame(message) {
    const view = new DataView(message.buffer);
    const [sequence, epoch] = [view.getUint32(8, true), view.getUint32(24, true)];
    this.servers.frames.push(sequence);
    if (this.servers.onFrame(sequence, this)) return;
    this.servers.committed = sequence;
    this.tell(result(sequence, { epoch, durable: true }));
    this.tell({ type: 'credit', frames: 1, bytes: message.length, durable_sequence: sequence });
  }

  #refuse(error) {
    this.tell({ type: 'error', retry: false, fatal: true, ...error });
    this.lose(error.close ?? 4400);
  }
}
