/** The field for the key, where the server asks for one. */

import { element } from './dom.js';
import { sentenceOf } from './server.js';

/**
 * Show the field in a place until a key is right.
 *
 * @param {HTMLElement} place
 * @param {(key: string) => Promise<void>} tryKey rejects where the key is not right
 */
export function showSignIn(place, tryKey) {
  const field = element('input', {
    type: 'password',
    id: 'key',
    autocomplete: 'off',
    required: true,
    spellcheck: 'false',
  });
  const wrong = element('p', { class: 'wrong', role: 'alert' });
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
    tryKey(field.value.trim())
      .catch((/** @type {unknown} */ error) => {
        wrong.textContent = sentenceOf(error);
        field.select();
      })
      .finally(() => {
        submit.disabled = false;
      });
  });
  place.replaceChildren(form);
  field.focus();
}
