// The attention page: one map large, all heads of its kind small.
// A map is [kind, layer, head, rows, cols, causal, base, bytes, data]: data is base64 of integers of `bytes` bytes, least
// first, row by row (a causal map's up to its diagonal); base + integer is the value in 1/10000, all ones is "not seen".
'use strict';

const $ = (id) => document.getElementById(id);
const config = JSON.parse($('config').textContent);
const sentences = new Map([...document.querySelectorAll('script.sentence')].map((s) => [Number(s.dataset.number), s]));
const kindNames = {
  encoder: { name: 'encoder', title: 'encoder self-attention', rows: 'source', cols: 'source' },
  decoder: { name: 'decoder', title: 'decoder self-attention', rows: 'target', cols: 'target' },
  cross: { name: 'cross', title: 'cross-attention', rows: 'target', cols: 'source' },
  pooling: { name: 'pooling', title: 'pooling', rows: 'whole', cols: 'text' },
};
const state = { sentence: 0, kind: '', layer: 0, head: 0, row: 0, col: 0 };  // all from 1; row and col 0: no cell
let page = null;   // the sentence shown, its maps unpacked
let pitch = 16;    // px from cell to cell

// Ten-thousandths as text, exactly.
function shown(value) {
  const size = Math.abs(value);
  return (value < 0 ? '-' : '') + Math.floor(size / 10000) + '.' + String(size % 10000).padStart(4, '0');
}

function unpack([kind, layer, head, rows, cols, causal, base, bytes, data]) {
  const raw = atob(data), values = new Float64Array(rows * cols).fill(NaN), none = 256 ** bytes - 1;
  let at = 0, low = Infinity, high = -Infinity;
  for (let i = 0; i < rows; ++i)
    for (let j = 0; j < (causal ? i + 1 : cols); ++j) {
      let code = 0;
      for (let k = bytes - 1; k >= 0; --k) code = code * 256 + raw.charCodeAt(at + k);
      at += bytes;
      if (code === none) continue;
      const value = base + code;
      values[i * cols + j] = value;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  return { kind, layer, head, rows, cols, values, low, high, empty: values.some(Number.isNaN) };
}

const current = () => page.maps.find((m) => m.kind === state.kind && m.layer === state.layer && m.head === state.head);
const distinct = (values) => [...new Set(values)];
const predicts = (kind) => kindNames[kind].rows === 'target';  // its rows have read a piece, and predict the next
const rowPieces = (kind) => page[kindNames[kind].rows];
const colPieces = (kind) => page[kindNames[kind].cols];

// The values of the scale's ends. Logits have no ends of their own.
function ends(map) {
  if (!Number.isFinite(map.low)) return [0, 0];
  const choice = $('range').value;
  if (choice === 'unit') return [0, 10000];
  const all = choice === 'kind' ? page.maps.filter((m) => m.kind === map.kind && m.low <= m.high) : [map];
  return [config.logits ? Math.min(...all.map((m) => m.low)) : 0, Math.max(...all.map((m) => m.high))];
}

// One pixel a cell; CSS makes it larger.
function paint(canvas, map, size) {
  const anchors = theme.dark() ? config.dark : config.light, [low, high] = ends(map);
  const table = Array.from({ length: 256 }, (_, i) => colourOf(anchors, i / 255));
  canvas.width = Math.max(map.cols, 1);
  canvas.height = Math.max(map.rows, 1);
  canvas.style.width = canvas.width * size + 'px';
  canvas.style.height = canvas.height * size + 'px';
  if (map.rows * map.cols === 0) return;
  const image = new ImageData(map.cols, map.rows);
  map.values.forEach((value, i) => {
    if (Number.isNaN(value)) return;
    const share = high > low ? Math.min(Math.max((value - low) / (high - low), 0), 1) : 0;
    image.data.set([...table[Math.round(share * 255)], 255], 4 * i);
  });
  canvas.getContext('2d').putImageData(image, 0, 0);
}

function fill(select, values, text, chosen) {
  select.replaceChildren(...values.map((v) => new Option(text(v), v, false, v === chosen)));
  select.disabled = values.length < 2;
}

function address(changes = {}) {
  const s = { ...state, ...changes };
  const cell = s.row && s.col ? `&row=${s.row}&col=${s.col}` : '';
  return `#sentence=${s.sentence}&kind=${s.kind}&layer=${s.layer}&head=${s.head}${cell}`;
}

// Takes over what is asked for, as far as there is such a thing.
function choose(asked) {
  const number = (name) => Number(asked[name] ?? state[name]);
  const among = (values, value) => values.includes(value) ? value : values[0];
  state.sentence = among([...sentences.keys()], number('sentence'));
  if (!page || page.number !== state.sentence) {
    page = JSON.parse(sentences.get(state.sentence).textContent);
    page.maps = page.maps.map(unpack);
    page.number = state.sentence;
    Object.assign(page, { whole: ['the text'], text: page.source.length ? page.source : page.target });  // of pooling
  }
  if (!page.maps.length) return;
  const kinds = distinct(page.maps.map((m) => m.kind));
  const wanted = asked.kind ?? state.kind;
  state.kind = kinds.includes(wanted) ? wanted : kinds.includes('cross') ? 'cross' : kinds[0];
  const ofKind = page.maps.filter((m) => m.kind === state.kind);
  state.layer = among(distinct(ofKind.map((m) => m.layer)), number('layer'));
  state.head = among(ofKind.filter((m) => m.layer === state.layer).map((m) => m.head), number('head'));
  const map = current();
  const inside = number('row') >= 1 && number('row') <= map.rows && number('col') >= 1 && number('col') <= map.cols;
  state.row = inside ? number('row') : 0;
  state.col = inside ? number('col') : 0;
}
