// What all pages share: light and dark, colours, and pieces as text.
'use strict';

// A failure is said on the page, where a test finds it, too.
addEventListener('error', (event) => { document.documentElement.dataset.error = event.message; });

const theme = {
  dark: () => document.documentElement.dataset.theme === 'dark',
  set(dark) { document.documentElement.dataset.theme = dark ? 'dark' : 'light'; },
};

// As the system says and as it changes, until the button is used. `redraw` draws what CSS does not colour.
function followTheme(button, redraw) {
  const system = matchMedia('(prefers-color-scheme: dark)');
  let chosen = false;
  theme.set(system.matches);
  system.addEventListener('change', () => { if (!chosen) { theme.set(system.matches); redraw(); } });
  button.addEventListener('click', () => { chosen = true; theme.set(!theme.dark()); redraw(); });
}

// [r, g, b] of a share from 0 to 1, by straight lines between the anchors ("#rrggbb").
function colourOf(anchors, share) {
  const place = Math.min(Math.max(share, 0), 1) * (anchors.length - 1);
  const below = Math.min(Math.floor(place), anchors.length - 2), part = place - below;
  const channel = (i, k) => parseInt(anchors[i].slice(1 + 2 * k, 3 + 2 * k), 16);
  return [0, 1, 2].map((k) => Math.round(channel(below, k) * (1 - part) + channel(below + 1, k) * part));
}

// A piece in its own direction; SentencePiece's mark of a word's begin is faint.
function pieceElement(text) {
  const element = document.createElement('bdi');
  element.dir = 'auto';
  if (text.length > 1 && text[0] === '\u2581') {
    const mark = document.createElement('span');
    mark.className = 'begin';
    mark.textContent = '\u2581';
    element.append(mark, text.slice(1));
  } else {
    element.textContent = text;
  }
  return element;
}
