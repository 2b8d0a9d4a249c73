/** A viewer of a session that another client streams: it reads results and has no hold on it. */

import { retryRules } from './options.js';
import { ResultsStream } from './results-stream.js';
import { ViewerSession } from './viewer-session.js';

/** @import { ConnectionEvent } from './connection.js' */
/** @import { SessionEvent } from './events.js' */
/** @import { Services } from './results-stream.js' */
/** @import { StreamOptions } from './types.js' */

/**
 * See the package's README; made by `MaskstreamClient.watch`.
 *
 * A result's `frameIndex` is the frame's in the session.
 */
export class Viewer extends ResultsStream {
  #rules;

  /**
   * @param {Services} services
   * @param {Pick<StreamOptions, 'retry' | 'everyFrame' | 'signal'>} [options]
   */
  constructor(services, { retry, everyFrame = false, signal } = {}) {
    const rules = new ViewerSession();
    super(services, rules, retryRules(retry), everyFrame, signal);
    this.#rules = rules;
  }

  /** Watch no longer. */
  close() {
    this.detach();
  }

  /**
   * @override
   * @param {SessionEvent | ConnectionEvent} event
   */
  take(event) {
    super.take(event);
    if (event.type !== 'watching') return;
    if (this.#rules.model !== null) void this.learnClasses(this.#rules.model);
    this.enter('open');
  }
}
