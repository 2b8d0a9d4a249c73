/** The tab of live streams: puts source, stream, picture and lists together. */

/** @import { FromWorker } from './types.js' */
/** @import { Server } from '../shared/server.js' */
/** @import { Source } from './sources.js' */
/** @import { StreamState } from '../../client/types.js' */
import { element, save } from '../shared/dom.js';
import { sentenceOf } from '../shared/server.js';
import { Controls } from './controls.js';
import { HealthBar } from './health-bar.js';
import { LiveStream } from './live-stream.js';
import { Playback } from './playback.js';
import { Recorder } from './recorder.js';
import { openSource } from './sources.js';
import { SourcePicker } from './source-picker.js';
import { StageFrame } from './stage-frame.js';
import { LIVE_WINDOW_S, TimeLine } from './time-line.js';
import { TrackList } from './track-list.js';
import { ViewOptions } from './view-options.js';

const REFRESH_MS = 200;
const RECONNECTING =
  'Connection lost. Reconnecting: the tracks keep their identities if the server still has them.';

export class LiveTab extends HTMLElement {
  /** @param {Server} server */
  constructor(server) {
    super();
    this.server = server;
    this.frame = new StageFrame(
      'See every object, and keep its identity',
      'Choose a source below and press Start.',
    );
    this.stage = this.frame.stage;
    this.timeLine = new TimeLine({ windowS: LIVE_WINDOW_S, canReturn: true });
    this.picker = new SourcePicker();
    this.health = new HealthBar();
    this.list = new TrackList();
    this.options = new ViewOptions();
    this.playback = new Playback(this.stage);
    this.controls = new Controls({
      start: () => void this.start(),
      stop: () => this.stream?.stop(),
      pause: (isPaused) => this.pause(isPaused),
      record: (isOn) => void this.record(isOn),
      save: () => this.saveJson(),
    });
    /** @type {LiveStream | null} */
    this.stream = null;
    /** @type {LiveStream | null} the newest, ended or not: its frames can be looked back at */
    this.past = null;
    /** @type {Recorder | null} */
    this.recorder = null;
    /** @type {string[] | null} */
    this.classes = null;
    /** @type {StreamState} */
    this.connection = 'idle';
    this.numResumes = 0;
    this.isOpening = false;
  }

  connectedCallback() {
    if (this.firstChild) return;
    this.append(
      element(
        'div',
        { class: 'live-main' },
        this.frame,
        element('div', { class: 'toolbar' }, this.picker, this.controls.element),
        element('section', { class: 'panel' }, this.timeLine),
        element('section', { class: 'panel', 'aria-label': 'Health' }, this.health),
      ),
      element(
        'aside',
        { class: 'live-side' },
        element('section', { class: 'panel' }, this.list),
        element('section', { class: 'panel' }, this.options),
      ),
    );
    this.listen();
    setInterval(() => this.refresh(), REFRESH_MS);
    void this.offerOptions();
  }

  listen() {
    /** @type {(source: EventTarget, type: string, act: (detail: any) => void) => void} */
    const on = (source, type, act) => {
      source.addEventListener(type, (event) => {
        act(/** @type {CustomEvent} */ (event).detail);
        this.refresh();
      });
    };
    for (const source of [this.stage, this.list]) {
      on(source, 'point', (key) => this.playback.point(key));
      on(source, 'pick', (key) => this.playback.pick(key));
    }
    on(this.list, 'hide', (key) => this.playback.toggleHidden(key));
    on(this.options, 'look', (change) => this.stage.restyle(change));
    on(this.options, 'classes', (classes) => this.filter(classes));
    on(this.options, 'prompts', (prompts) => this.prompt(prompts));
    on(this.timeLine, 'scrub', (timeS) => this.scrub(timeS));
    on(this.picker, 'chosen', () => void this.start());
  }

  async offerOptions() {
    try {
      this.options.offer(await this.server.card());
    } catch (error) {
      this.frame.notice(sentenceOf(error), 'bad');
    }
  }

  async start() {
    if (this.stream !== null || this.isOpening) return;
    this.isOpening = true;
    this.frame.notice('');
    try {
      const source = await openSource(this.picker.kind, this.picker.file);
      this.begin(source);
    } catch (error) {
      this.frame.notice(sentenceOf(error), 'bad');
    } finally {
      this.isOpening = false;
    }
  }

  /** @param {Source} source */
  begin(source) {
    this.past?.close();
    this.playback = new Playback(this.stage);
    this.stage.restyle({ hidden: new Set(), highlighted: null });
    this.timeLine.clear();
    this.numResumes = 0;
    this.connection = 'connecting';
    const request = {
      server: this.server.address,
      apiKey: this.server.apiKey,
      classes: this.classes,
      prompts: this.options.prompts,
      coding: this.options.coding,
    };
    const stream = new LiveStream(source, request, this.options.maxSide);
    this.stream = stream;
    this.past = stream;
    stream.addEventListener('message', (event) =>
      this.receive(/** @type {CustomEvent} */ (event).detail),
    );
    this.running(true);
  }

  /** @param {boolean} isRunning */
  running(isRunning) {
    this.controls.running(isRunning);
    this.picker.lock(isRunning);
    this.frame.running(isRunning);
  }

  /** @param {FromWorker} message */
  receive(message) {
    switch (message.kind) {
      case 'view':
        this.playback.show(message.bitmap, message.view, message.keptFrom);
        this.health.sentAs(message.codec);
        break;
      case 'past':
        this.playback.showPast(message.bitmap, message.view);
        break;
      case 'drop':
        this.playback.rates.drop(message.reason);
        break;
      case 'state':
        this.connected(message.state);
        break;
      case 'connected':
        if (message.resumed) this.numResumes += 1;
        break;
      case 'reset':
        this.frame.notice(
          `Identities start over: ${RESETS[message.reason] ?? message.reason}.`,
          'warn',
        );
        break;
      case 'notice':
        if (message.fatal || message.code === 'bad_message') this.frame.notice(message.message, 'bad');
        break;
      case 'ended':
        void this.ended(message.error);
    }
  }

  /** @param {StreamState} state */
  connected(state) {
    if (state === 'waiting') {
      this.frame.notice(RECONNECTING, 'warn');
    } else if (state === 'open') this.frame.notice('');
    this.connection = state;
    this.refresh();
  }

  /** @param {string} error */
  async ended(error) {
    if (this.recorder) await this.record(false);
    this.stream?.stop();
    this.stream = null;
    this.connection = 'closed';
    this.running(false);
    if (error && (await this.server.takesKey())) this.frame.notice(error, 'bad');
  }

  /** @param {boolean} isPaused */
  pause(isPaused) {
    if (isPaused) this.stream?.pause();
    else void this.stream?.resume();
    this.frame.badge(isPaused ? 'Paused' : '');
  }

  /** @param {string[] | null} classes */
  filter(classes) {
    this.classes = classes;
    this.stream?.filter(classes);
  }

  /** @param {string[]} prompts */
  prompt(prompts) {
    this.frame.notice('');
    this.stream?.prompt(prompts);
  }

  /** @param {number | null} timeS */
  scrub(timeS) {
    const index = this.playback.lookAt(timeS);
    if (index !== null) this.past?.seek(index);
    this.frame.badge(timeS === null ? '' : 'Looking back');
  }

  /** @param {boolean} isOn */
  async record(isOn) {
    if (isOn) this.recorder = new Recorder(this.stage.canvas);
    this.stage.isRecording = isOn;
    this.controls.recording(isOn);
    if (isOn || !this.recorder) return;
    const { blob, ending } = await this.recorder.stop();
    this.recorder = null;
    save(blob, `maskstream.${ending}`);
  }

  saveJson() {
    const seen = { tracks: this.playback.table.toJson() };
    save(
      new Blob([JSON.stringify(seen, null, 1)], { type: 'application/json' }),
      'maskstream.json',
    );
  }

  /** Show lists and figures anew. */
  refresh() {
    const { table, rates, thumbnails, keptFromS, atS } = this.playback;
    this.list.update(table.listed(), thumbnails, this.stage.look);
    this.timeLine.update(table, keptFromS, atS, this.stage.look);
    this.health.connection(this.connection, this.numResumes);
    this.health.update(rates.health(performance.now()));
  }
}

/** @type {Record<string, string>} */
const RESETS = {
  expired: 'the server has no memory of the session',
  state_lost: 'the memory of the session was lost',
  model_changed: 'the server has another model now',
  client: 'asked for',
};

customElements.define('live-tab', LiveTab);
