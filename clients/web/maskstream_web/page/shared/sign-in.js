/** The field for the key, where the server asks for one. */

import { element } from './dom.js';
import { isKeyRefused, sentenceOf } from './server.js';

/** Any other character cannot be in a key, nor in the header that carries it. */
const KEY = /^[\x21-\x7e]+$/;

/**
 * Show the field in a place, which the caller removes once a key is right.
 *
 * @param {HTMLElement} place
 * @param {string} reason why it is asked for again; empty at first
 * @param {(key: string) => Promise<void>} tryKey rejects where the key is not right
 * @returns {HTMLElement}
 */
export function showSignIn(place, reason, tryKey) {
  const field = element('input', {
    type: 'password',
    id: 'key',
    autocomplete: 'off',
    required: true,
    spellcheck: 'false',
  });
  const wrong = element('p', { class: 'wrong', role: 'alert' }, reason);
  const submit = element('button', { type: 'submit', class: 'primary' }, 'Sign in');
  const form = element(
    'form',
    { class: 'sign-in panel' },
    element('h2', {}, 'Sign in'),
    element(
      'p',
      { class: 'muted' },
      'This server asks for an API key. It is kept in this tab alone, until the tab is closed.',
    ),
    element('label', { class: 'field', for: 'key' }, 'API key', field),
    wrong,
    submit,
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    submit.disabled = true;
    wrong.textContent = '';
    attempt(field.value.trim(), tryKey)
      .catch((/** @type {unknown} */ error) => {
        wrong.textContent = isKeyRefused(error)
          ? 'The server does not know this key.'
          : sentenceOf(error);
        field.select();
      })
      .finally(() => {
        submit.disabled = false;
      });
  });
  place.append(form);
  field.focus();
  return form;
}

/**
 * @param {string} key
 * @param {(key: string) => Promise<void>} tryKey
 */
async function attempt(key, tryKey) {
  if (!KEY.test(key)) throw new Error('A key has no spaces, and no characters beyond ASCII.');
  await tryKey(key);
}
