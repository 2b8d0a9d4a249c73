/**
 * The errors of the client; each message is one clear sentence.
 *
 * Error
 * └── MaskstreamError
 *     ├── ConnectionFailedError     no server there, or lost for longer than agreed
 *     ├── ProtocolError             a server broke the protocol
 *     │   └── MalformedResultError  a RESULT, or a mask in it, that cannot be taken apart
 *     ├── WireError                 the server refused something (docs/protocol.md 7)
 *     ├── RefusedError              a REST route answered with a refusal
 *     └── VideoEndedError           a whole video ended without its results
 */

/** Root of the client's own errors. */
export class MaskstreamError extends Error {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** No server answers, or the connection was lost for longer than agreed. */
export class ConnectionFailedError extends MaskstreamError {}

/** A message of a server is not as docs/protocol.md defines it. */
export class ProtocolError extends MaskstreamError {}

/** A RESULT, or a mask in it, contradicts itself. */
export class MalformedResultError extends ProtocolError {}

/** An error that a server sent. */
export class WireError extends MaskstreamError {
  /**
   * @param {string} message
   * @param {object} facts
   * @param {string} facts.code of docs/protocol.md 7
   * @param {boolean} [facts.fatal] whether the connection ends with it
   * @param {boolean} [facts.retry] whether the same may work later
   * @param {number | null} [facts.sequence] of the frame that it is about
   * @param {number | null} [facts.retryAfterMs] when to try again
   */
  constructor(message, facts) {
    const { code, fatal = false, retry = false, sequence = null, retryAfterMs = null } = facts;
    super(message);
    this.code = code;
    this.fatal = fatal;
    this.retry = retry;
    this.sequence = sequence;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A REST route answered with a refusal. */
export class RefusedError extends MaskstreamError {
  /**
   * @param {string} message
   * @param {number} status of HTTP
   * @param {string} [code] the server's, for programs; empty where it gave none
   * @param {number} [retryAfterMs] when to try again; 0 where it did not say
   */
  constructor(message, status, code = '', retryAfterMs = 0) {
    super(message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.code = code;
  }
}

/** A whole video failed or was cancelled. */
export class VideoEndedError extends MaskstreamError {
  /**
   * @param {string} message
   * @param {{ id: string, state: string }} video its latest record
   */
  constructor(message, video) {
    super(message);
    this.video = video;
  }
}
