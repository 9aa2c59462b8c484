// The attention page, second part: what is on the screen, and what the mouse and the keys do.

function drawChoice() {
  const kinds = distinct(page.maps.map((m) => m.kind)), ofKind = page.maps.filter((m) => m.kind === state.kind);
  for (const old of $('kinds').querySelectorAll('label')) old.remove();
  for (const kind of kinds) {
    const input = Object.assign(document.createElement('input'), { type: 'radio', name: 'kind', value: kind, checked: kind === state.kind });
    const label = document.createElement('label');
    label.append(input, kindNames[kind].name);
    $('kinds').append(label);
  }
  fill($('layer'), distinct(ofKind.map((m) => m.layer)), String, state.layer);
  fill($('head'), ofKind.filter((m) => m.layer === state.layer).map((m) => m.head), String, state.head);
  $('rowNames').hidden = !predicts(state.kind);
}

function drawHeads() {
  const maps = page.maps.filter((m) => m.kind === state.kind);
  const layers = distinct(maps.map((m) => m.layer)), heads = distinct(maps.map((m) => m.head)).sort((a, b) => a - b);
  const side = Math.min(Math.max(480 / heads.length, 52), 120);
  const size = Math.max(1, Math.floor(side / Math.max(1, ...maps.map((m) => Math.max(m.rows, m.cols)))));
  const text = (words) => Object.assign(document.createElement('span'), { textContent: words });
  $('heads').style.gridTemplateColumns = `repeat(${heads.length + 1}, auto)`;
  const items = [text(''), ...heads.map((h) => text(`head ${h}`))];
  for (const layer of layers) {
    items.push(text(`layer ${layer}`));
    for (const head of heads) {
      const map = maps.find((m) => m.layer === layer && m.head === head);
      if (!map) { items.push(text('')); continue; }
      const link = document.createElement('a'), canvas = document.createElement('canvas');
      link.href = address({ layer, head });
      link.title = `layer ${layer}, head ${head}`;
      link.setAttribute('aria-label', link.title);
      if (layer === state.layer && head === state.head) link.setAttribute('aria-current', 'true');
      paint(canvas, map, size);
      link.append(canvas);
      items.push(link);
    }
  }
  const focused = document.activeElement?.closest?.('#heads a')?.title;
  $('heads').replaceChildren(...items);
  if (focused) [...$('heads').querySelectorAll('a')].find((a) => a.title === focused)?.focus();
}

const rowLabel = (i) => rowPieces(state.kind)[predicts(state.kind) && $('naming').value === 'predicted' ? i + 1 : i] ?? '';

// Labels are laid out by what the browser says they measure.
function drawLabels(map) {
  const font = Math.min(Math.max(pitch * 0.8, 10), 15);
  const make = (text) => {
    const span = document.createElement('span');
    span.append(pieceElement(text));
    return span;
  };
  const rows = Array.from({ length: map.rows }, (_, i) => make(rowLabel(i)));
  const cols = Array.from({ length: map.cols }, (_, j) => make(colPieces(state.kind)[j]));
  rows.forEach((span, i) => { span.style.top = (i + 0.5) * pitch + 'px'; });
  cols.forEach((span, j) => { span.style.left = (j + 0.5) * pitch + 'px'; });
  for (const [box, spans] of [[$('rowLabels'), rows], [$('colLabels'), cols]]) {
    box.style.fontSize = font + 'px';
    box.replaceChildren(...spans);
  }
  const widest = (spans) => Math.max(0, ...spans.map((s) => s.offsetWidth));
  $('rowLabels').style.width = widest(rows) + font + 'px';
  // Columns that fit are written level; Chinese, Japanese and Korean stand upright, others lean.
  const cjk = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/u;
  const words = cols.map((s) => s.textContent).filter((t) => /\p{L}/u.test(t));
  const style = widest(cols) <= pitch ? 'flat' : words.filter((t) => cjk.test(t)).length * 2 > words.length ? 'upright' : 'lean';
  const longest = widest(cols);
  for (const span of cols) span.className = style;
  $('colLabels').style.height = 6 + (style === 'flat' ? font : style === 'lean' ? longest * 0.87 + font * 0.5
    : Math.max(0, ...cols.map((s) => s.offsetHeight))) + 'px';
  $('colLabels').style.width = map.cols * pitch + (style === 'lean' ? longest * 0.5 + font : 0) + 'px';
}

function drawMap() {
  const map = current(), names = kindNames[state.kind];
  const room = Math.max($('one').clientWidth - 170, 240);
  pitch = Math.floor(Math.min(Math.max(Math.min(room / Math.max(map.cols, 1), 600 / Math.max(map.rows, 1)), 13), 44));
  $('oneTitle').textContent = `Sentence ${state.sentence}, ${names.title}, layer ${state.layer}, head ${state.head}`;
  const queries = !predicts(state.kind) ? names.rows : $('naming').value === 'read' ? 'target read' : 'target predicted';
  $('rowAxis').textContent = `queries: ${queries}`;
  $('colAxis').textContent = map.rows * map.cols ? `keys: ${names.cols}` : 'This map has no cells.';
  paint($('cells'), map, pitch);
  $('cells').hidden = map.rows * map.cols === 0;
  $('field').setAttribute('aria-label', `${$('oneTitle').textContent}; ${map.rows} rows, ${map.cols} columns; arrow keys read the cells`);
  drawLabels(map);
  const [low, high] = ends(map), anchors = theme.dark() ? config.dark : config.light;
  $('low').textContent = shown(low);
  $('high').textContent = shown(high);
  $('bar').style.background = `linear-gradient(to right, ${anchors.join(', ')})`;
  $('unseen').hidden = !map.empty;
  drawCell();
}

function drawCell() {
  const map = current(), { row, col } = state, inside = row > 0 && col > 0;
  for (const [box, index] of [[$('rowLabels'), row], [$('colLabels'), col]])
    [...box.children].forEach((span, i) => span.classList.toggle('on', i === index - 1));
  $('cursor').hidden = !inside;
  if (!inside) {
    $('value').textContent = 'No cell chosen';
    return;
  }
  Object.assign($('cursor').style, { left: (col - 1) * pitch - 1 + 'px', top: (row - 1) * pitch - 1 + 'px', width: pitch + 2 + 'px', height: pitch + 2 + 'px' });
  const value = map.values[(row - 1) * map.cols + col - 1];
  const pieces = rowPieces(state.kind), number = document.createElement('b');
  number.id = 'weight';
  const unseen = Number.isNaN(value);
  number.textContent = !unseen ? shown(value) : config.logits ? '-inf' : '0.0000';
  const soft = (text) => Object.assign(document.createElement('span'), { className: 'soft', textContent: text });
  const words = !predicts(state.kind) ? [pieceElement(pieces[row - 1])] : [soft('having read'), pieceElement(pieces[row - 1])];
  if (predicts(state.kind) && row < pieces.length) words.push(soft('to predict'), pieceElement(pieces[row]));
  $('value').replaceChildren(...words, soft('looks at'), pieceElement(colPieces(state.kind)[col - 1]), number, soft(`${unseen ? 'not seen, ' : ''}row ${row}, column ${col}`));
}

// Words in place of the maps.
function say(words) {
  $('nothing').textContent = words;
  $('nothing').hidden = words === '';
  document.querySelector('main').hidden = words !== '';
}

function drawAll() {
  say(page.maps.length ? '' : 'This sentence has no maps.');
  fill($('sentence'), [...sentences.keys()], (n) => `${n}: ${sentences.get(n).dataset.text || '(empty)'}`, state.sentence);
  if (!page.maps.length) return;
  drawChoice();
  drawHeads();
  drawMap();
}

// Moves the cursor; the address follows.
function moveTo(row, col) {
  if (row === state.row && col === state.col) return;
  Object.assign(state, { row, col });
  drawCell();
  history.replaceState(null, '', address());
}

function start() {
  const options = config.logits ? [['own', 'this map'], ['kind', 'all heads alike']]
    : [['unit', '0 to 1'], ['own', '0 to its largest'], ['kind', '0 to largest of all']];
  $('range').replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  const fromAddress = () => choose(Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
  $('choice').addEventListener('change', () => {
    choose({ sentence: $('sentence').value, kind: $('kinds').querySelector(':checked')?.value, layer: $('layer').value, head: $('head').value });
    history.replaceState(null, '', address());
    const focused = document.activeElement?.value;
    drawAll();
    if (kindNames[focused]) $('kinds').querySelector(':checked').focus();
  });
  $('choice').addEventListener('submit', (event) => event.preventDefault());
  const field = $('field');
  field.addEventListener('pointermove', (event) => {
    const box = $('cells').getBoundingClientRect(), map = current();
    const row = Math.floor((event.clientY - box.top) / pitch) + 1, col = Math.floor((event.clientX - box.left) / pitch) + 1;
    if (row >= 1 && row <= map.rows && col >= 1 && col <= map.cols) moveTo(row, col);
  });
  field.addEventListener('keydown', (event) => {
    const map = current(), row = state.row || 1, col = state.col || 1;
    const clamp = (value, top) => Math.min(Math.max(value, 1), top);
    const moves = {
      ArrowUp: [row - 1, col], ArrowDown: [row + 1, col], ArrowLeft: [row, col - 1], ArrowRight: [row, col + 1],
      Home: [row, 1], End: [row, map.cols], PageUp: [1, col], PageDown: [map.rows, col],
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.altKey || event.metaKey || map.rows * map.cols === 0) return;
    event.preventDefault();
    if (state.row === 0) moveTo(1, 1);
    else moveTo(clamp(move[0], map.rows), clamp(move[1], map.cols));
  });
  addEventListener('hashchange', () => { fromAddress(); drawAll(); });
  addEventListener('resize', () => { if (page.maps.length) drawMap(); });
  followTheme($('theme'), () => { if (page) drawAll(); });
  if (sentences.size === 0) {
    say('There are no sentences on this page.');
    return;
  }
  fromAddress();
  drawAll();
}

start();
