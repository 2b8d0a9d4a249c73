/** The picture with its masks: draws one view at a time, and says which track is pointed at. */

/** @import { SeenTrack, View } from './types.js' */
/** @import { Look } from './palette.js' */
import { element } from '../shared/dom.js';
import { drawCaptions } from './captions.js';
import { rowAt } from './labels.js';
import { colour, coloursOf } from './palette.js';

const MAX_WIDTH = 1920;

/** Events: `point` with the key of the track under the pointer or null, `pick` on a click. */
export class Stage extends HTMLElement {
  constructor() {
    super();
    this.canvas = element('canvas', { width: 1280, height: 720, role: 'img' });
    this.context = /** @type {CanvasRenderingContext2D} */ (
      this.canvas.getContext('2d', { alpha: false })
    );
    this.masks = new OffscreenCanvas(1, 1);
    /** @type {Look} */
    this.look = {
      opacity: 0.45,
      outlines: true,
      labels: true,
      hidden: new Set(),
      highlighted: null,
    };
    /** @type {View | null} */
    this.view = null;
    /** @type {ImageBitmap | HTMLVideoElement | null} */
    this.picture = null;
    this.isScheduled = false;
    /** While a recording runs the canvas keeps its size. */
    this.isRecording = false;
    this.numDrawn = 0;
  }

  connectedCallback() {
    if (this.canvas.isConnected) return;
    this.describe('No picture yet');
    this.append(this.canvas);
    this.canvas.addEventListener('pointermove', (event) => this.report('point', event));
    this.canvas.addEventListener('pointerleave', () => this.tell('point', null));
    this.canvas.addEventListener('click', (event) => this.report('pick', event));
    new ResizeObserver(() => this.changed()).observe(this);
  }

  /**
   * Show a frame with its masks; the stage closes the picture when the next one comes.
   *
   * @param {ImageBitmap | HTMLVideoElement | null} picture null: masks on a dark ground
   * @param {View | null} view
   */
  show(picture, view) {
    if (this.picture instanceof ImageBitmap && this.picture !== picture) this.picture.close();
    this.picture = picture;
    this.view = view;
    this.changed();
  }

  /** @param {Partial<Look>} change */
  restyle(change) {
    this.look = { ...this.look, ...change };
    this.changed();
  }

  /** @param {string} text what a screen reader says of the picture */
  describe(text) {
    if (this.canvas.getAttribute('aria-label') !== text)
      this.canvas.setAttribute('aria-label', text);
  }

  /** Draw before the next repaint of the screen, once. */
  changed() {
    if (this.isScheduled) return;
    this.isScheduled = true;
    requestAnimationFrame(() => {
      this.isScheduled = false;
      this.draw();
    });
  }

  draw() {
    const { width, height } = sizeOf(this.picture) ?? this.view ?? { width: 16, height: 9 };
    this.fit(width, height);
    const { context, canvas, view } = this;
    context.fillStyle = '#101117';
    if (this.picture) context.drawImage(this.picture, 0, 0, canvas.width, canvas.height);
    else context.fillRect(0, 0, canvas.width, canvas.height);
    if (view) {
      this.colourMasks(view);
      context.drawImage(this.masks, 0, 0, canvas.width, canvas.height);
      if (this.look.labels) drawCaptions(context, view, this.look);
    }
    this.numDrawn += 1;
  }

  /** @param {View} view */
  colourMasks(view) {
    const { width, height } = view;
    if (width === 0 || height === 0) return;
    if (this.masks.width !== width || this.masks.height !== height) {
      this.masks = new OffscreenCanvas(width, height);
      this.image = new ImageData(width, height);
    }
    const image = /** @type {ImageData} */ (this.image ??= new ImageData(width, height));
    colour(view.labels, coloursOf(view.tracks, this.look), new Uint32Array(image.data.buffer));
    this.masks.getContext('2d')?.putImageData(image, 0, 0);
  }

  /**
   * Give the canvas as many pixels as it has on the screen, in the shape of the picture.
   *
   * @param {number} width
   * @param {number} height
   */
  fit(width, height) {
    if (this.isRecording || width === 0 || height === 0) return;
    const room = this.getBoundingClientRect();
    const scale = Math.min(room.width / width, room.height / height) * devicePixelRatio;
    const wide = Math.round(Math.min(MAX_WIDTH, Math.max(width * scale, 160)) / 2) * 2;
    const high = Math.round((wide * height) / width / 2) * 2;
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
    }
  }

  /**
   * @param {'point' | 'pick'} type
   * @param {MouseEvent} event
   */
  report(type, event) {
    if (!this.view) return;
    const { clientWidth, clientHeight } = this.canvas;
    const row = rowAt(this.view, event.offsetX / clientWidth, event.offsetY / clientHeight);
    const track = /** @type {SeenTrack | undefined} */ (this.view.tracks[row]);
    this.tell(type, track && !this.look.hidden.has(track.key) ? track.key : null);
  }

  /**
   * @param {'point' | 'pick'} type
   * @param {string | null} key
   */
  tell(type, key) {
    this.canvas.classList.toggle('on-track', key !== null);
    this.dispatchEvent(new CustomEvent(type, { detail: key }));
  }
}

/** @param {ImageBitmap | HTMLVideoElement | null} picture */
function sizeOf(picture) {
  if (picture === null) return null;
  if (picture instanceof HTMLVideoElement) {
    return { width: picture.videoWidth, height: picture.videoHeight };
  }
  return picture;
}

customElements.define('mask-stage', Stage);
